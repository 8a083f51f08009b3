//! Metadata: ours towards each provider, theirs where they publish it by URL.
//!
//! Theirs is fetched when first needed and refreshed from then on (`refresh`). What changed decides
//! whether a new document comes into force by itself (`policy`) or waits for a person (`decisions`).
//! The last good document outlives every outage.

mod decisions;
mod federation;
mod policy;
mod refresh;
mod state;

pub use policy::Draining;
pub use refresh::Refreshed;
pub use state::{Held, MetadataKey, MetadataState};

use refresh::{NotRefreshed, Source};

use super::{
    Broker, Error, Upstream,
    login::{LoginError, Refusal},
    resources::{Author, WriteError},
};
use crate::{
    domain::{
        audit::Actor,
        resource::{Configuration as Wire, Invalid, SamlConfiguration},
        words::IdpId,
    },
    sp,
};

impl Broker {
    /// Our own metadata towards a SAML provider, signed if wanted; `None`: there is no such provider.
    ///
    /// # Errors
    /// [`Error`] when a certificate of ours cannot be encoded, or there is no key to sign with.
    pub fn sp_metadata(&self, id: &IdpId, signed: bool) -> Result<Option<String>, Error> {
        let configuration = self.configuration();
        let Some(provider) = configuration.provider(id) else { return Ok(None) };
        let (Upstream::Saml(side), Wire::Saml(saml)) =
            (&provider.upstream, &provider.resource.configuration)
        else {
            return Ok(None);
        };
        let (format, signs) = (saml.name_id_format, saml.sign_authn_requests);
        if signed {
            let id = self.random.xml_id();
            let xml = sp::build_signed_metadata(&side.sp, format, signs, &id);
            return xml.map(Some).map_err(|error| Error::Broken(error.to_string()));
        }
        let xml = sp::build_metadata(&side.sp, format, signs);
        Ok(Some(xml.map_err(crate::crypto::Failure::from)?))
    }

    /// Fetches the metadata of a provider now, because an administrator wants to know.
    ///
    /// # Errors
    /// [`WriteError::Invalid`] says what is wrong with the address or what it leads to; what was
    /// fetched before stays.
    pub async fn renew_metadata(
        &self,
        id: &IdpId,
        author: &Author,
    ) -> Result<Refreshed, WriteError> {
        self.refresh().await?;
        let source = Source::find(self, id).ok_or_else(|| invalid("is missing".to_owned()))?;
        match self.refresh_one(&source, true, author.actor.clone()).await {
            Ok(refreshed) => Ok(refreshed),
            Err(NotRefreshed::Failed(error)) => Err(error.into()),
            Err(problem) => Err(invalid(problem.to_string()).into()),
        }
    }

    /// Fetches the metadata of a provider that has none that can be used.
    pub(super) async fn fetch_metadata(
        &self,
        id: &IdpId,
        saml: &SamlConfiguration,
    ) -> Result<sp::Idp, LoginError> {
        self.refresh().await?;
        let source = Source::find(self, id).ok_or(Refusal::NoProvider)?;
        match self.refresh_one(&source, true, Actor::Broker).await {
            Ok(_) => {}
            Err(NotRefreshed::Failed(error)) => return Err(error.into()),
            Err(NotRefreshed::Unreachable(text)) => return Err(Refusal::Unreachable(text).into()),
            Err(NotRefreshed::Refused(text)) => return Err(Refusal::ProviderBroken(text).into()),
        }
        self.refresh().await?;
        let configuration = self.configuration();
        let fetched = configuration.fetched(id, &source.url).map(|fetched| fetched.body.as_str());
        let idp = sp::Idp::new(saml, fetched);
        idp.map_err(|invalid| Refusal::ProviderBroken(invalid.to_string()).into())
    }
}

fn invalid(problem: String) -> Invalid {
    Invalid::new("configuration.metadataUrl", problem)
}
