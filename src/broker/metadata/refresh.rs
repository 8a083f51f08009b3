//! Fetching metadata again: when it is due, by one process at a time, keeping the last good document.

use url::Url;

use super::{
    Source,
    policy::{Verdict, judge},
    schedule,
};
use crate::{
    broker::{Broker, Error, outbound::Validators},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        metadata::Change,
        words::{IdpId, UnixTime},
    },
    sp,
    store::{self, entities::Federation, fetched::Fetched, refreshes::Refresh},
};

/// Whoever fetches has so long, in seconds; longer than any call lasts.
const CLAIM: i64 = 60;
/// The same for a whole federation.
const FEDERATION_CLAIM: i64 = 900;
/// What a fetch led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The document in force is still the one that is published.
    Unchanged,
    /// A new document came into force.
    Accepted,
    /// A new document waits for a person; the old one stays in force.
    Held,
    /// Somebody else is at it.
    Elsewhere,
}

/// Why the last good document stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRefreshed {
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What came back.
enum Seen {
    Same,
    Document(String, Validators),
}

/// How a fetch ends, to be written in one commit.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) state: Refresh,
    /// A document that comes into force.
    pub(super) keep: Option<Fetched>,
    /// A set of members that comes into force.
    pub(super) federation: Option<Federation>,
    pub(super) event: Option<Event>,
}

impl Ending {
    pub(super) const fn new(state: Refresh) -> Self {
        Self { state, keep: None, federation: None, event: None }
    }
}

impl Broker {
    /// Fetches the metadata of every enabled provider for which it is time. A failure concerns only its
    /// provider: it is logged, shown to administrators, and tried again later.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn refresh_metadata(&self) -> Result<(), Error> {
        let _round = self.metadata_round.lock().await;
        self.refresh().await?;
        let now = self.clock.now();
        let states = self.store.read(|conn| Ok::<_, Error>(store::refreshes::all(conn)?)).await?;
        let due =
            |id: &IdpId| states.iter().find(|s| s.idp == id.0).is_none_or(|s| s.due_at <= now.0);
        let configuration = self.configuration();
        let providers = configuration.providers().into_iter().filter(|p| p.resource.enabled);
        let ids: Vec<_> = providers.map(|provider| provider.id.clone()).filter(due).collect();
        let sources = ids.iter().filter_map(|id| Source::find(self, id));
        for source in sources {
            let _turn = self.metadata_turns.take(&source.id).await;
            match self.refresh_one(&source, false, Actor::Broker).await {
                Ok(_) => {}
                Err(NotRefreshed::Failed(error)) => return Err(error),
                Err(problem) => {
                    tracing::warn!(idp.id = %source.id, %problem, "metadata was not refreshed; the last good document stays");
                }
            }
        }
        self.end_drained_keys().await
    }

    pub(super) async fn find_refresh(&self, id: &IdpId) -> Result<Option<Refresh>, Error> {
        let id = id.clone();
        self.store.read(move |conn| Ok::<_, Error>(store::refreshes::find(conn, &id)?)).await
    }

    /// Fetches, judges and settles one provider's metadata, for whoever has its turn. `at_once` takes the
    /// claim of another process over.
    pub(super) async fn refresh_one(
        &self,
        source: &Source,
        at_once: bool,
        actor: Actor,
    ) -> Result<Refreshed, NotRefreshed> {
        let state = self.find_refresh(&source.id).await?;
        let Some((claimed, state)) = self.claim_refresh(source, state, at_once).await? else {
            return Ok(Refreshed::Elsewhere);
        };
        if source.saml.federation {
            return self.refresh_federation(source, state, claimed, actor).await;
        }
        let seen = self.look(source, &state, at_once).await;
        let now = self.clock.now();
        let (ending, refreshed) = match seen {
            Ok(Seen::Same) => (self.same(source, state, now), Ok(Refreshed::Unchanged)),
            Ok(Seen::Document(body, validators)) => {
                let state =
                    Refresh { etag: validators.etag, modified: validators.modified, ..state };
                self.document(source, state, &body, actor, now)
            }
            Err(problem) => {
                let ending = Ending::new(self.failed(source, state, &problem, now));
                (ending, Err(NotRefreshed::Unreachable(problem)))
            }
        };
        let won = self.settle(source, claimed, ending).await?;
        if won { refreshed } else { refreshed.map(|_| Refreshed::Elsewhere) }
    }

    /// `None`: somebody else was faster.
    async fn claim_refresh(
        &self,
        source: &Source,
        state: Option<Refresh>,
        at_once: bool,
    ) -> Result<Option<(i64, Refresh)>, Error> {
        let now = self.clock.now();
        let seen = state.as_ref().map(|state| state.due_at);
        if !at_once && seen.is_some_and(|due_at| due_at > now.0) {
            return Ok(None);
        }
        let lasts = if source.saml.federation { FEDERATION_CLAIM } else { CLAIM };
        let until = seen.map_or(0, |seen| seen + 1).max(now.0 + lasts);
        let (id, url) = (source.id.clone(), source.url.clone());
        let won = self
            .store
            .write(move |tx| store::refreshes::claim(tx, &id, &url, seen, now, until))
            .await;
        let won = match won {
            Err(store::Error::Duplicate) => false,
            other => other.map_err(Error::from)?,
        };
        let fresh =
            Refresh { idp: source.id.0.clone(), url: source.url.clone(), ..Refresh::default() };
        // What was learnt of another address does not count for this one.
        let state = state.filter(|state| state.url == source.url).unwrap_or(fresh);
        Ok(won.then_some((until, Refresh { asked_at: now.0, ..state })))
    }

    async fn look(&self, source: &Source, state: &Refresh, anew: bool) -> Result<Seen, String> {
        let url = Url::parse(&source.url).map_err(|error| error.to_string())?;
        let known = match (&source.fetched, anew) {
            (Some(_), false) if source.usable => {
                Validators { etag: state.etag.clone(), modified: state.modified.clone() }
            }
            _ => Validators::default(),
        };
        let answer =
            self.outbound.get_if_changed(&url, "application/samlmetadata+xml", &known).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            304 if known != Validators::default() => Ok(Seen::Same),
            200 => {
                let body = String::from_utf8(answer.body);
                let body = body.map_err(|_| "its metadata is not UTF-8".to_owned())?;
                Ok(Seen::Document(body, answer.validators))
            }
            status => Err(format!("{url} answered {status}")),
        }
    }

    fn same(&self, source: &Source, state: Refresh, now: UnixTime) -> Ending {
        Ending::new(self.checked(source, state, source.body(), now))
    }

    fn document(
        &self,
        source: &Source,
        state: Refresh,
        body: &str,
        actor: Actor,
        now: UnixTime,
    ) -> (Ending, Result<Refreshed, NotRefreshed>) {
        let fetched = source.fetched.as_ref().filter(|_| source.usable);
        if fetched.is_some_and(|fetched| fetched.body == body) {
            let state = Refresh { held: None, held_at: None, settled: None, ..state };
            return (self.same(source, state, now), Ok(Refreshed::Unchanged));
        }
        let digest = Some(sha256_base64url(body));
        match judge(&source.in_force(now), body) {
            Verdict::Accept { changes, draining } => {
                let keep = source.next(body, &draining, now);
                let event = source.event(Action::MetadataChanged, Outcome::Success, now).by(actor);
                let event = event.detail(told(&changes, fetched.is_none()));
                let state = self.checked(source, state, Some(body), now);
                let state = Refresh { held: None, held_at: None, settled: None, ..state };
                let ending = Ending { keep: Some(keep), event: Some(event), ..Ending::new(state) };
                (ending, Ok(Refreshed::Accepted))
            }
            Verdict::Hold { .. } if state.settled == digest => {
                (self.same(source, state, now), Ok(Refreshed::Unchanged))
            }
            Verdict::Hold { changes } => {
                let known = state.held.as_deref() == Some(body);
                let event = source.event(Action::MetadataHeld, Outcome::Success, now);
                let event = (!known).then(|| event.detail(told(&changes, false)));
                let since = if known { state.held_at } else { Some(now.0) };
                let state = self.checked(source, state, source.body(), now);
                let state = Refresh { held: Some(body.to_owned()), held_at: since, ..state };
                (Ending { event, ..Ending::new(state) }, Ok(Refreshed::Held))
            }
            Verdict::Refuse(problem) => {
                let event = source.event(Action::MetadataRefused, Outcome::Refused, now);
                let event = (state.settled != digest).then(|| event.detail(problem.clone()));
                let state = self.failed(source, state, &problem, now);
                // Without validators it is looked at in full again: what is wrong may be our side.
                let state = Refresh { settled: digest, etag: None, modified: None, ..state };
                (Ending { event, ..Ending::new(state) }, Err(NotRefreshed::Refused(problem)))
            }
        }
    }

    /// After a good answer.
    fn checked(
        &self,
        source: &Source,
        state: Refresh,
        body: Option<&str>,
        now: UnixTime,
    ) -> Refresh {
        let idp = body.and_then(|body| sp::Idp::new(&source.saml, Some(body)).ok());
        let freshness = idp.map_or((None, None), |idp| (idp.cache_duration(), idp.valid_until()));
        self.checked_at(source, state, freshness, now)
    }

    /// The same for what says how long it is fresh, and when it ends.
    pub(super) fn checked_at(
        &self,
        source: &Source,
        state: Refresh,
        freshness: (Option<i64>, Option<UnixTime>),
        now: UnixTime,
    ) -> Refresh {
        let pause = self.jittered(schedule::interval(&source.saml, freshness, now));
        let (checked_at, due_at) = (Some(now.0), now.0 + pause);
        Refresh { checked_at, due_at, failures: 0, error: None, ..state }
    }

    /// After a bad one.
    pub(super) fn failed(
        &self,
        source: &Source,
        state: Refresh,
        problem: &str,
        now: UnixTime,
    ) -> Refresh {
        let failures = state.failures + 1;
        let due_at = now.0 + self.jittered(schedule::pause(&source.saml, failures, now));
        Refresh { failures, error: Some(problem.to_owned()), due_at, ..state }
    }

    /// Up to a tenth less, so that many providers and processes do not ask at once.
    fn jittered(&self, seconds: i64) -> i64 {
        let [part] = self.random.bytes::<1>();
        seconds - seconds * i64::from(part) / 2_560
    }

    /// `false`: another process took over, and what it found counts.
    pub(super) async fn settle(
        &self,
        source: &Source,
        claimed: i64,
        ending: Ending,
    ) -> Result<bool, Error> {
        let (was, changed) = (source.seen, ending.keep.is_some());
        let won = self
            .store
            .write(move |tx| -> Result<(), NotSettled> {
                let Ending { state, keep, federation, event } = &ending;
                let mut won = store::refreshes::settle(tx, claimed, state)?;
                if let Some(next) = keep {
                    won = won && store::fetched::replace(tx, was, next)?;
                }
                if let Some(next) = federation {
                    let id = IdpId(next.idp.clone());
                    let was = store::entities::federation(tx, &id)?.map(|was| was.generation);
                    won = won && store::entities::put_in_force(tx, was, next)?;
                }
                if !won {
                    return Err(NotSettled::TakenOver);
                }
                event.clone().into_iter().for_each(|event| tx.audit(event));
                Ok(())
            })
            .await;
        if changed {
            self.refresh().await?;
        }
        match won {
            Ok(()) => Ok(true),
            Err(NotSettled::TakenOver) => Ok(false),
            Err(NotSettled::Failed(error)) => Err(error.into()),
        }
    }
}

/// Why the end of a fetch was not written; then nothing of it was.
#[derive(Debug, thiserror::Error)]
enum NotSettled {
    #[error("another process was faster")]
    TakenOver,
    #[error(transparent)]
    Failed(#[from] store::Error),
}

/// What the audit log says of a document.
pub(super) fn told(changes: &[Change], first: bool) -> serde_json::Value {
    if first {
        serde_json::json!({ "first": true })
    } else {
        serde_json::json!({ "changes": changes })
    }
}
