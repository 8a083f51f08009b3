//! What ends at the members of federations. Thousands are published; told is of those that people come from.

use super::{Ending, Member, Term};
use crate::{
    broker::{Broker, Error, metadata::Draining},
    domain::words::{IdpId, UnixTime},
    sp,
    store::entities::Entity,
};

impl Broker {
    pub(super) async fn forecast_of_members(&self, now: UnixTime) -> Result<Vec<Term>, Error> {
        let configuration = self.configuration();
        let mut terms = Vec::new();
        for provider in configuration.providers() {
            if !provider.is_federation() || !provider.resource.enabled {
                continue;
            }
            let members = self.members_in_use(&provider.id).await?;
            terms.extend(terms_of(&provider.id, &members, now));
        }
        Ok(terms)
    }
}

/// Certificates by member; the date of the feed is every member's, so it is told once.
fn terms_of(id: &IdpId, members: &[Entity], now: UnixTime) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut feed: Option<UnixTime> = None;
    for row in members {
        let Ok(metadata) = sp::parse_metadata(&row.xml) else { continue };
        let draining: Vec<Draining> = serde_json::from_str(&row.draining).unwrap_or_default();
        let drains = |key: &str| draining.iter().any(|draining| draining.fingerprint == key);
        let keys = metadata.certificates().filter(|key| !drains(&key.fingerprint));
        terms.extend(keys.map(|key| Term {
            member: Some(Member { entity_id: row.entity_id.clone(), name: row.name.clone() }),
            ..Term::of_certificate(Some(id.clone()), key, now)
        }));
        let ends = [feed, metadata.valid_until].into_iter().flatten();
        feed = ends.min();
    }
    terms.extend(feed.map(|end| Term::new(Some(id.clone()), Ending::Metadata, end, now)));
    terms
}
