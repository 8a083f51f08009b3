//! What administrators see of a provider's metadata.

use super::{Source, federation::basis, policy::changes};
use crate::{
    broker::{Broker, Error},
    crypto::sha256_base64url,
    domain::{
        metadata::Change,
        words::{IdpId, UnixTime},
    },
    sp, store,
};

/// The state of metadata that is fetched by URL.
pub struct MetadataState {
    pub url: String,
    /// When the document in force came.
    pub since: Option<UnixTime>,
    /// The last good answer.
    pub checked: Option<UnixTime>,
    pub next: Option<UnixTime>,
    pub valid_until: Option<UnixTime>,
    /// What went wrong since the last good answer.
    pub error: Option<String>,
    pub keys: Vec<MetadataKey>,
    pub held: Option<Held>,
    /// Of a federation: members, and providers in the feed that cannot be used.
    pub members: Option<(i64, i64)>,
}

/// A key of the provider.
pub struct MetadataKey {
    pub subject: String,
    pub fingerprint: String,
    pub not_after: UnixTime,
    /// Until when it counts, if it drains; else it is named by the document in force.
    pub draining: Option<UnixTime>,
}

/// A document that waits for a person.
pub struct Held {
    pub digest: String,
    pub since: UnixTime,
    pub changes: Vec<Change>,
}

impl Broker {
    /// `None`: this provider has no metadata by URL.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn metadata_state(&self, id: &IdpId) -> Result<Option<MetadataState>, Error> {
        let Some(source) = Source::find(self, id) else { return Ok(None) };
        let state = self.find_refresh(id).await?;
        let idp = id.clone();
        let federation =
            self.store.read(move |conn| store::entities::federation(conn, &idp)).await?;
        let federation =
            federation.filter(|found| source.saml.federation && found.basis == basis(&source.saml));
        let state = state.filter(|state| state.url == source.url).unwrap_or_default();
        let now = self.clock.now();
        let in_force = source.in_force(now);
        let held = state.held.map(|body| Held {
            digest: sha256_base64url(&body),
            since: UnixTime(state.held_at.unwrap_or_default()),
            changes: changes(&in_force, &body),
        });
        let parsed = in_force.body.and_then(|body| sp::parse_metadata(body).ok());
        let mut keys: Vec<_> = parsed
            .iter()
            .flat_map(|parsed| parsed.certificates())
            .map(|key| MetadataKey::new(key, None))
            .collect();
        keys.extend(in_force.draining.iter().filter_map(|key| {
            Some(MetadataKey::new(&sp::read_certificate(&key.certificate)?, Some(key.until)))
        }));
        Ok(Some(MetadataState {
            since: federation
                .as_ref()
                .map(|federation| federation.fetched_at)
                .or_else(|| source.fetched.as_ref().map(|fetched| fetched.fetched_at))
                .map(UnixTime),
            members: federation.map(|federation| (federation.entities, federation.passed_over)),
            checked: state.checked_at.map(UnixTime),
            next: Some(UnixTime(state.due_at)).filter(|at| at.0 > 0),
            valid_until: parsed.and_then(|parsed| parsed.valid_until),
            error: state.error,
            keys,
            held,
            url: source.url,
        }))
    }
}

impl MetadataKey {
    fn new(key: &sp::CertificateInfo, draining: Option<UnixTime>) -> Self {
        Self {
            subject: key.subject.clone(),
            fingerprint: key.fingerprint.clone(),
            not_after: key.not_after,
            draining,
        }
    }
}
