//! What happens by itself: noticing changes, forgetting, writing counts.

use std::{sync::Arc, time::Duration};

use super::{Broker, Configuration, Error, Keyring};
use crate::store;

/// Changes made by other processes are seen within this time.
const POLL: Duration = Duration::from_millis(500);
/// Polls between two rounds of forgetting: five minutes.
const PURGE_EVERY: u32 = 600;
/// Between two looks for metadata that is due.
const METADATA_EVERY: Duration = Duration::from_secs(10);
/// Between two looks for applications that have to hear of the end of a session.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Polls between two looks at the refusal counts: ten seconds.
const FLUSH_EVERY: u32 = 20;

impl Broker {
    /// Reads again what has changed since it was last read.
    ///
    /// # Errors
    /// [`Error`] when the database fails; what is in memory stays.
    pub async fn refresh(&self) -> Result<(), Error> {
        let _one_at_a_time = self.refreshing.lock().await;
        let current = self.configuration();
        let keys_version = self.keys().version();
        let master = self.master.clone();
        let began = self.clock.instant();
        let (documents, keys, revocations) = self
            .store
            .read(move |conn| -> Result<_, Error> {
                let versions = store::changes::versions(conn)?;
                let documents = if versions.configuration == current.version() {
                    None
                } else {
                    Some(store::resources::changed_since(conn, current.version())?)
                };
                let changed = versions.keys != keys_version;
                let keys = changed.then(|| Keyring::load(conn, &master)).transpose()?;
                let fetched = if documents.is_some() { store::fetched::all(conn)? } else { vec![] };
                let documents = documents.map(|d| (d, fetched, versions.configuration));
                Ok((documents, keys, versions.revocations))
            })
            .await?;
        self.verdicts.looked(revocations, began);
        let renewed = keys.is_some();
        if let Some(keys) = keys {
            self.keys.store(Arc::new(keys));
        }
        let previous = self.configuration();
        match documents {
            Some((documents, fetched, version)) => {
                let next = Configuration::next(
                    &previous,
                    documents,
                    fetched,
                    version,
                    self.issuer(),
                    &self.keys(),
                );
                self.configuration.store(Arc::new(next));
            }
            // Our SAML keys are part of how each provider is spoken to.
            None if renewed => {
                let next = previous.with_keys(self.issuer(), &self.keys());
                self.configuration.store(Arc::new(next));
            }
            None => {}
        }
        self.make_asked_keys().await
    }

    /// Runs until the process ends.
    pub async fn watch(self: Arc<Self>) {
        // Slow providers and applications hold up nothing but others of their kind.
        tokio::join!(self.keep_up(), self.keep_metadata_fresh(), self.keep_telling());
    }

    async fn keep_telling(&self) {
        let mut ticks = tokio::time::interval(TELL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.tell_applications().await {
                tracing::warn!(%error, "applications will be told later that sessions ended");
            }
        }
    }

    async fn keep_metadata_fresh(&self) {
        // Not at once: at the start everything else comes first.
        let first = tokio::time::Instant::now() + METADATA_EVERY;
        let mut ticks = tokio::time::interval_at(first, METADATA_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.refresh_metadata().await {
                tracing::warn!(%error, "metadata was not refreshed and will be tried again");
            }
        }
    }

    async fn keep_up(&self) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in 1_u32.. {
            ticks.tick().await;
            let result = self.tick(round).await;
            if let Err(error) = result {
                tracing::warn!(%error, "background work failed and will be tried again");
            }
        }
    }

    async fn tick(&self, round: u32) -> Result<(), Error> {
        self.refresh().await?;
        if round.is_multiple_of(FLUSH_EVERY) {
            self.flush_refusals().await?;
            self.forget_successors().await?;
        }
        if round.is_multiple_of(PURGE_EVERY) {
            let now = self.clock.now();
            self.move_keys_on().await?;
            self.tell_of_ends().await?;
            self.store.write(move |tx| Ok::<_, Error>(store::purge::expired(tx, now)?)).await?;
        }
        Ok(())
    }

    /// What must not be lost when the process ends in good order.
    pub async fn close(&self) {
        if let Err(error) = self.flush_refusals().await {
            tracing::warn!(%error, "counts of refusals were not written");
        }
    }
}
