//! What is fetched for a provider, and what is there so far.

use std::sync::Arc;

use super::{Draining, policy::InForce};
use crate::{
    broker::Broker,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        resource::{Configuration as Wire, SamlConfiguration},
        words::{IdpId, UnixTime},
    },
    sp,
    store::fetched::Fetched,
};

/// What is fetched, and what is there so far.
pub(in crate::broker) struct Source {
    pub id: IdpId,
    pub url: String,
    pub saml: SamlConfiguration,
    pub fetched: Option<Arc<Fetched>>,
    /// When the stored document came, if from another address too: what is judged is judged against it.
    pub(super) seen: Option<i64>,
    /// Whether the document in force can be used with the configuration as it is now.
    pub(super) usable: bool,
}

impl Source {
    /// `None`: there is no such provider, or it has no metadata by URL.
    pub(in crate::broker) fn find(broker: &Broker, id: &IdpId) -> Option<Self> {
        let configuration = broker.configuration();
        let provider = configuration.provider(id)?;
        let Wire::Saml(saml) = &provider.resource.configuration else { return None };
        let url = saml.metadata_url.clone()?;
        let fetched = configuration.fetched(id, &url).cloned();
        let saml = (**saml).clone();
        let seen = configuration.fetched_at(id);
        let mut source = Self { id: id.clone(), url, saml, fetched, seen, usable: false };
        source.usable =
            source.body().is_some_and(|body| sp::Idp::new(&source.saml, Some(body)).is_ok());
        Some(source)
    }

    pub(super) fn body(&self) -> Option<&str> {
        let pasted = self.saml.metadata_xml.as_deref();
        self.fetched.as_ref().map(|fetched| fetched.body.as_str()).or(pasted)
    }

    pub(super) fn in_force(&self, now: UnixTime) -> InForce<'_> {
        let draining = self.fetched.as_deref().map(Draining::all_of).unwrap_or_default();
        InForce { saml: &self.saml, body: self.body().filter(|_| self.usable), draining, now }
    }

    /// The row that takes the place of what is there.
    pub(super) fn next(&self, body: &str, draining: &[Draining], now: UnixTime) -> Fetched {
        // The time tells documents apart, so it always moves.
        let later = self.seen.map_or(0, |seen| seen + 1);
        Fetched {
            idp: self.id.0.clone(),
            url: self.url.clone(),
            fetched_at: now.0.max(later),
            body: body.to_owned(),
            draining: Draining::write(draining),
        }
    }

    pub(super) fn event(&self, action: Action, outcome: Outcome, now: UnixTime) -> Event {
        let mut event = Event::new(action, outcome, now).by(Actor::Broker);
        event.idp = Some(self.id.clone());
        event
    }
}
