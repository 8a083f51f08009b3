//! Metadata that providers publish by URL: fetched when first needed and kept.

use super::{
    Broker, Error,
    login::{LoginError, Refusal},
};
use crate::{
    domain::{resource::SamlConfiguration, words::IdpId},
    sp, store,
};

impl Broker {
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
