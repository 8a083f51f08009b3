//! Refusals of nobody we know: a record each up to a rate, counted beyond it, so that nobody can fill
//! the disk by knocking.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{Broker, Error};
use crate::domain::{
    audit::{Action, Actor, Event, Outcome},
    words::UnixTime,
};

/// So many records a minute; then counts.
const PER_MINUTE: u32 = 60;

/// What was refused in the present minute.
#[derive(Default)]
pub struct Counter(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    began: UnixTime,
    recorded: u32,
    /// Action → refusals without a record.
    uncounted: BTreeMap<String, u64>,
}

impl Counter {
    /// Whether this refusal gets a record of its own; if not, it is counted.
    pub fn admit(&self, action: Action, now: UnixTime) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(minute.began).abs() >= 60 {
            (minute.began, minute.recorded) = (now, 0);
        }
        if minute.recorded < PER_MINUTE {
            minute.recorded += 1;
            return true;
        }
        let name = serde_json::to_value(action).ok().and_then(|v| v.as_str().map(str::to_owned));
        *minute.uncounted.entry(name.unwrap_or_default()).or_default() += 1;
        false
    }

    fn take(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).uncounted)
    }
}

impl Broker {
    /// Records a refusal, or counts it. A failing database must not turn a refusal into an error.
    pub async fn audit_refusal(&self, event: Event) {
        if !self.refusals.admit(event.action, event.at) {
            return;
        }
        let written = self
            .store
            .write(move |tx| {
                tx.audit(event.clone());
                Ok::<_, Error>(())
            })
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }

    /// Writes the counts, if there are any.
    pub(super) async fn flush_refusals(&self) -> Result<(), Error> {
        let counts = self.refusals.take();
        if counts.is_empty() {
            return Ok(());
        }
        let event = Event::new(Action::RefusalsCounted, Outcome::Refused, self.clock.now())
            .by(Actor::Broker)
            .detail(serde_json::json!(counts));
        self.store
            .write(move |tx| {
                tx.audit(event.clone());
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_rate_there_are_counts() {
        let counter = Counter::default();
        let admitted = (0..100).filter(|_| counter.admit(Action::Authorize, UnixTime(100))).count();
        assert_eq!(admitted, 60);
        assert_eq!(counter.take().get("authorize"), Some(&40));
        assert!(counter.admit(Action::Authorize, UnixTime(160)), "a new minute");
        assert!(counter.take().is_empty());
    }
}
