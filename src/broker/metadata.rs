//! Metadata that providers publish by URL: fetched when first needed and kept.

use super::{
    Broker, Error, Upstream,
    login::{LoginError, Refusal},
    resources::WriteError,
};
use crate::{
    domain::{
        resource::{Configuration as Wire, Invalid, SamlConfiguration},
        words::IdpId,
    },
    sp, store,
};

impl Broker {
    /// Our own metadata towards a SAML provider; `None`: there is no such provider.
    ///
    /// # Errors
    /// [`Error`] when a certificate of ours cannot be encoded.
    pub fn sp_metadata(&self, id: &IdpId) -> Result<Option<String>, Error> {
        let configuration = self.configuration();
        let Some(provider) = configuration.provider(id) else { return Ok(None) };
        let (Upstream::Saml(side), Wire::Saml(saml)) =
            (&provider.upstream, &provider.resource.configuration)
        else {
            return Ok(None);
        };
        let (format, signs) = (saml.name_id_format, saml.sign_authn_requests);
        let xml = sp::build_metadata(&side.sp, format, signs);
        Ok(Some(xml.map_err(crate::crypto::Failure::from)?))
    }

    /// Fetches the metadata of a provider now, because an administrator wants to know.
    ///
    /// # Errors
    /// [`WriteError::Invalid`] says what is wrong with the address or what it leads to; what was
    /// fetched before stays.
    pub async fn renew_metadata(&self, id: &IdpId) -> Result<(), WriteError> {
        let configuration = self.configuration();
        let provider = configuration.provider(id);
        let provider =
            provider.ok_or_else(|| WriteError::Missing(format!("IdentityProvider/{id}")))?;
        let invalid = |problem: String| Invalid::new("configuration.metadataUrl", problem);
        let Wire::Saml(saml) = &provider.resource.configuration else {
            return Err(invalid("is for SAML only".to_owned()).into());
        };
        let url = saml.metadata_url.as_deref().ok_or_else(|| invalid("is missing".to_owned()))?;
        match self.fetch_metadata(id, url, saml).await {
            Ok(_) => Ok(()),
            Err(LoginError::Failed(error)) => Err(error.into()),
            Err(LoginError::Refused(refusal)) => Err(invalid(refusal.to_string()).into()),
        }
    }

    /// Fetches, checks and keeps the metadata of a provider that has none yet.
    pub(super) async fn fetch_metadata(
        &self,
        id: &IdpId,
        url: &str,
        saml: &SamlConfiguration,
    ) -> Result<sp::Idp, LoginError> {
        let parsed = url::Url::parse(url).map_err(|e| Refusal::ProviderBroken(e.to_string()))?;
        let answer = self.outbound.get(&parsed, "application/samlmetadata+xml").await;
        let answer = answer.map_err(|error| Refusal::Unreachable(error.to_string()))?;
        if answer.status != 200 {
            let text = format!("{url} answered {}", answer.status);
            return Err(Refusal::Unreachable(text).into());
        }
        let broken = |text: String| LoginError::from(Refusal::ProviderBroken(text));
        let body = String::from_utf8(answer.body)
            .map_err(|_| broken("its metadata is not UTF-8".to_owned()))?;
        let idp = sp::Idp::new(saml, Some(&body)).map_err(|invalid| broken(invalid.to_string()))?;
        let (id, url, now) = (id.clone(), url.to_owned(), self.clock.now());
        self.store
            .write(move |tx| Ok::<_, Error>(store::fetched::keep(tx, &id, &url, &body, now)?))
            .await?;
        self.refresh().await?;
        Ok(idp)
    }
}
