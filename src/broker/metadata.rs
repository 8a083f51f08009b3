//! Metadata: ours towards each provider, theirs where they publish it by URL.
//!
//! Theirs is fetched when first needed (`early`) and refreshed from then on (`refresh`). What changed decides
//! whether a new document comes into force by itself (`policy`) or waits for a person (`decisions`).
//! The last good document outlives every outage.

mod decisions;
mod early;
mod federation;
mod members;
mod policy;
mod refresh;
mod schedule;
mod source;
mod spool;
mod state;

pub use early::Turns;
pub use policy::Draining;
pub use refresh::Refreshed;
pub(super) use spool::sweep;
pub use state::{Held, MetadataKey, MetadataState};

use source::Source;

use super::{Broker, Error, Upstream};
use crate::{
    domain::{
        resource::{Configuration as Wire, Invalid},
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
}

fn invalid(problem: String) -> Invalid {
    Invalid::new("configuration.metadataUrl", problem)
}
