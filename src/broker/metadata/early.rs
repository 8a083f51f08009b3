//! Fetching metadata before it is due: none is there, a key is unknown, an administrator wants to know.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Source,
    refresh::{NotRefreshed, Refreshed},
};
use crate::{
    broker::{
        Broker, Error,
        counterpart::Counterpart,
        login::{LoginError, Refusal},
        resources::{Author, WriteError},
    },
    domain::{
        audit::Actor,
        words::{IdpId, UnixTime},
    },
    store,
};

/// A message by an unknown key causes one fetch in this time, in seconds.
const BETWEEN_UNKNOWN_KEYS: i64 = 60;
/// The same for a federation, whose feed may have hundreds of megabytes.
const BETWEEN_UNKNOWN_MEMBER_KEYS: i64 = 900;

/// Within this process each provider's metadata is fetched by one at a time; who waits shares what was
/// found.
#[derive(Debug, Default)]
pub struct Turns(std::sync::Mutex<HashMap<IdpId, Arc<Mutex<()>>>>);

type Turn = OwnedMutexGuard<()>;

impl Turns {
    pub(super) async fn take(&self, id: &IdpId) -> Turn {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(id.clone()).or_default())
        };
        turn.lock_owned().await
    }
}

impl Broker {
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
        let turn = self.metadata_turns.take(id).await;
        self.refresh().await?;
        let missing = || super::invalid("is missing".to_owned());
        let source = Source::find(self, id).ok_or_else(missing)?;
        match self.refresh_early(source, author.actor.clone(), turn).await {
            Ok(refreshed) => Ok(refreshed),
            Err(NotRefreshed::Failed(error)) => Err(error.into()),
            Err(problem) => Err(super::invalid(problem.to_string()).into()),
        }
    }

    /// Fetches the metadata of a provider that has none that can be used. What failed is not tried again
    /// by the next login, but when its time has come.
    pub(in crate::broker) async fn fetch_metadata(
        &self,
        id: &IdpId,
    ) -> Result<Counterpart, LoginError> {
        let turn = self.metadata_turns.take(id).await;
        self.refresh().await?;
        let source = Source::find(self, id).ok_or(Refusal::NoProvider)?;
        if !source.usable {
            self.fetch_unless_pausing(source, turn).await?;
            self.refresh().await?;
        }
        let configuration = self.configuration();
        let provider = configuration.provider(id).ok_or(Refusal::NoProvider)?;
        Ok(self.counterpart(provider, None).await?)
    }

    async fn fetch_unless_pausing(&self, source: Source, turn: Turn) -> Result<(), LoginError> {
        let state = self.find_refresh(&source.id).await?.filter(|state| state.url == source.url);
        // What was changed since may be what was wrong.
        let configuration = self.configuration();
        let document = configuration.document("IdentityProvider", source.id.as_str());
        let changed = document.map_or(0, |document| document.updated_at);
        let now = self.clock.now().0;
        let pausing = state.filter(|state| state.due_at > now && state.asked_at > changed);
        if let Some((error, due_at)) = pausing.and_then(|state| Some((state.error?, state.due_at)))
        {
            let next = UnixTime(due_at).to_rfc3339();
            return Err(Refusal::NoMetadata(format!("{error}; the next try is at {next}")).into());
        }
        match self.refresh_early(source, Actor::Broker, turn).await {
            Ok(_) => Ok(()),
            Err(NotRefreshed::Failed(error)) => Err(error.into()),
            Err(problem) => Err(Refusal::NoMetadata(problem.to_string()).into()),
        }
    }

    /// Fetches once more because a message was signed by a key that the metadata of `seen` does not name:
    /// the provider may have rolled over a moment ago. Answers whether other metadata is in force now.
    /// Asks at most once a minute, a federation at most once in a quarter of an hour.
    pub(in crate::broker) async fn has_newer_metadata(
        &self,
        id: &IdpId,
        seen: Option<i64>,
    ) -> Result<bool, Error> {
        if Source::find(self, id).is_none() {
            return Ok(false);
        }
        let turn = self.metadata_turns.take(id).await;
        self.refresh().await?;
        let Some(source) = Source::find(self, id) else { return Ok(false) };
        if self.in_force_since(&source).await? != seen {
            return Ok(true);
        }
        let asked = self.find_refresh(id).await?.map_or(0, |state| state.asked_at);
        let between =
            if source.saml.federation { BETWEEN_UNKNOWN_MEMBER_KEYS } else { BETWEEN_UNKNOWN_KEYS };
        if self.clock.now().since(UnixTime(asked)).abs() < between {
            return Ok(false);
        }
        match self.refresh_early(source, Actor::Broker, turn).await {
            Ok(refreshed) => Ok(refreshed == Refreshed::Accepted),
            Err(NotRefreshed::Failed(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Goes on to the end when whoever asked goes away: else a browser that hangs up would leave a claim
    /// behind, and keep everybody from fetching while it lasts.
    async fn refresh_early(
        &self,
        source: Source,
        actor: Actor,
        turn: Turn,
    ) -> Result<Refreshed, NotRefreshed> {
        let ended = || Error::Broken("fetching metadata ended unexpectedly".to_owned());
        let me = self.me.upgrade().ok_or_else(ended)?;
        let work = async move {
            let _turn = turn;
            me.refresh_one(&source, true, actor).await
        };
        tokio::spawn(work).await.map_err(|_| ended())?
    }

    /// Tells the metadata in force apart from any other: `Counterpart::seen`.
    async fn in_force_since(&self, source: &Source) -> Result<Option<i64>, Error> {
        if !source.saml.federation {
            return Ok(source.fetched.as_ref().map(|fetched| fetched.fetched_at));
        }
        let id = source.id.clone();
        let find = move |conn: &mut _| Ok::<_, Error>(store::entities::federation(conn, &id)?);
        Ok(self.store.read(find).await?.map(|federation| federation.generation))
    }
}
