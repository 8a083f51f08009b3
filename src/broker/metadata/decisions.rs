//! What a person decides about a provider's metadata: a held document, a key that drains.

use super::{
    Draining, Source,
    policy::{Verdict, changes, drain, judge},
    refresh::told,
};
use crate::{
    broker::{
        Broker, Caller, Error,
        resources::{Author, WriteError},
    },
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Event, Outcome},
        words::IdpId,
    },
    store::{self, fetched::Fetched},
};

impl Broker {
    /// Puts the held document of that digest into force.
    ///
    /// # Errors
    /// [`WriteError::Conflict`]: it is not held (any more); [`WriteError::Invalid`]: it cannot be used
    /// any more. Then nothing changed.
    pub async fn accept_metadata(
        &self,
        id: &IdpId,
        digest: &str,
        author: &Author,
        caller: &Caller,
    ) -> Result<(), WriteError> {
        let (source, held) = self.find_held(id, digest).await?;
        let now = self.clock.now();
        let in_force = source.in_force(now);
        if let Verdict::Refuse(problem) = judge(&in_force, &held) {
            return Err(super::invalid(problem).into());
        }
        let changes = changes(&in_force, &held);
        let next = source.next(&held, &drain(&in_force, &changes, &held), now);
        let event =
            decided(&source, Action::MetadataChanged, Outcome::Success, author, caller, now);
        let event = event.detail(told(&changes, false));
        self.decide(source, held, None, Some(next), event).await
    }

    /// Turns the held document of that digest down; the same one is not held again.
    ///
    /// # Errors
    /// [`WriteError::Conflict`]: it is not held (any more).
    pub async fn reject_metadata(
        &self,
        id: &IdpId,
        digest: &str,
        author: &Author,
        caller: &Caller,
    ) -> Result<(), WriteError> {
        let (source, held) = self.find_held(id, digest).await?;
        let now = self.clock.now();
        let changes = changes(&source.in_force(now), &held);
        let event =
            decided(&source, Action::MetadataRefused, Outcome::Success, author, caller, now);
        let event = event.detail(told(&changes, false));
        self.decide(source, held, Some(digest.to_owned()), None, event).await
    }

    /// Ends a key that drains, at once.
    ///
    /// # Errors
    /// [`WriteError::Conflict`]: it does not drain (any more).
    pub async fn end_draining_key(
        &self,
        id: &IdpId,
        fingerprint: &str,
        author: &Author,
        caller: &Caller,
    ) -> Result<(), WriteError> {
        let source = Source::find(self, id).ok_or_else(|| missing(id))?;
        let now = self.clock.now();
        let fetched = source.fetched.clone().ok_or_else(|| conflict(id))?;
        let mut keys = Draining::all_of(&fetched);
        let before = keys.len();
        keys.retain(|key| key.fingerprint != fingerprint);
        if keys.len() == before {
            return Err(conflict(id));
        }
        let event =
            decided(&source, Action::MetadataKeyEnded, Outcome::Success, author, caller, now);
        let event = event.detail(serde_json::json!({ "keys": [fingerprint] }));
        let next = source.next(&fetched.body, &keys, now);
        if self.replace_metadata(fetched.fetched_at, next, event).await? {
            Ok(())
        } else {
            Err(conflict(id))
        }
    }

    /// Ends the keys whose grace is over.
    pub(super) async fn end_drained_keys(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let configuration = self.configuration();
        for provider in configuration.providers() {
            let Some(source) = Source::find(self, &provider.id) else { continue };
            let Some(fetched) = source.fetched.clone() else { continue };
            let (over, keys): (Vec<_>, Vec<_>) =
                Draining::all_of(&fetched).into_iter().partition(|key| key.until <= now);
            if over.is_empty() {
                continue;
            }
            let ended: Vec<_> = over.into_iter().map(|key| key.fingerprint).collect();
            let event = source.event(Action::MetadataKeyEnded, Outcome::Success, now);
            let event = event.detail(serde_json::json!({ "keys": ended }));
            self.replace_metadata(
                fetched.fetched_at,
                source.next(&fetched.body, &keys, now),
                event,
            )
            .await?;
        }
        Ok(())
    }

    async fn find_held(&self, id: &IdpId, digest: &str) -> Result<(Source, String), WriteError> {
        let source = Source::find(self, id).ok_or_else(|| missing(id))?;
        let idp = id.clone();
        let state = self.store.read(move |conn| store::refreshes::find(conn, &idp)).await?;
        let state = state.filter(|state| state.url == source.url);
        let held = state.and_then(|state| state.held);
        let held = held.filter(|held| sha256_base64url(held) == digest);
        Ok((source, held.ok_or_else(|| conflict(id))?))
    }

    async fn decide(
        &self,
        source: Source,
        held: String,
        settled: Option<String>,
        next: Option<Fetched>,
        event: Event,
    ) -> Result<(), WriteError> {
        let was = source.seen;
        let id = source.id;
        self.store
            .write(move |tx| -> Result<(), WriteError> {
                let mut won = store::refreshes::decide(tx, &id, &held, settled.as_deref())?;
                if let Some(next) = &next {
                    won = won && store::fetched::replace(tx, was, next)?;
                }
                if !won {
                    return Err(conflict(&id));
                }
                tx.audit(event.clone());
                Ok(())
            })
            .await?;
        Ok(self.refresh().await?)
    }

    /// `false`: another document came into force meanwhile.
    async fn replace_metadata(&self, was: i64, next: Fetched, event: Event) -> Result<bool, Error> {
        let won = self
            .store
            .write(move |tx| -> Result<bool, Error> {
                let won = store::fetched::replace(tx, Some(was), &next)?;
                if won {
                    tx.audit(event.clone());
                }
                Ok(won)
            })
            .await?;
        self.refresh().await?;
        Ok(won)
    }
}

fn decided(
    source: &Source,
    action: Action,
    outcome: Outcome,
    author: &Author,
    caller: &Caller,
    now: crate::domain::words::UnixTime,
) -> Event {
    let mut event = caller.event(action, outcome, now).by(author.actor.clone());
    event.idp = Some(source.id.clone());
    event
}

fn missing(id: &IdpId) -> WriteError {
    WriteError::Missing(format!("IdentityProvider/{id}"))
}

fn conflict(id: &IdpId) -> WriteError {
    WriteError::Conflict(format!("the metadata of IdentityProvider/{id}"))
}
