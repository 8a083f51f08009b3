//! What time it is: read once per use case, moved by tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::domain::words::UnixTime;

/// The system's clock, plus what a test adds to it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// Whole seconds; before 1970 it is 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        UnixTime(seconds).plus(self.offset.load(Ordering::Relaxed))
    }

    /// The clock that never steps, for time-outs and ages in memory.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Moves the clock by so many seconds, for every holder of it.
    pub fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::Relaxed);
    }
}
