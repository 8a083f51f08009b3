//! Access tokens that were verified a moment ago.
//!
//! Verifying costs a signature and four reads. A verdict is told again only while nothing can have changed
//! it: this process has looked for revocations within the last second and found none since, and has made
//! none itself. So an end reaches every process within a second, and the process that made it at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::access::Verified;

/// So many are kept; then all are forgotten, and the busy ones come back by themselves.
const MOST: usize = 10_000;
/// So old may the last look for revocations be.
const FRESH: Duration = Duration::from_secs(1);

/// SHA-256 of a token.
pub type Digest = [u8; 32];

/// What had been revoked when something was read: here, and by all processes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    pub here: u64,
    pub everywhere: i64,
}

/// The verdicts of this process.
#[derive(Default)]
pub struct Verdicts(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    /// The last look: what it found, and when it began.
    looked: Option<(i64, Instant)>,
    as_of: AsOf,
    verdicts: HashMap<Digest, Arc<Verified>>,
}

impl Verdicts {
    /// Notes a look for revocations that began at `at`.
    pub fn looked(&self, everywhere: i64, at: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).looked = Some((everywhere, at));
    }

    /// The verdict on a token, if there is one that still counts.
    pub fn find(&self, token: &Digest, here: u64, now: Instant) -> Option<Arc<Verified>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (everywhere, at) = shelf.looked?;
        let as_of = AsOf { here, everywhere };
        if shelf.as_of != as_of {
            shelf.verdicts.clear();
            shelf.as_of = as_of;
        }
        let fresh = now.saturating_duration_since(at) < FRESH;
        fresh.then(|| shelf.verdicts.get(token).cloned()).flatten()
    }

    /// Keeps a verdict whose facts were read after `as_of` was.
    pub fn keep(&self, token: Digest, as_of: AsOf, verdict: Arc<Verified>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.as_of != as_of {
            return;
        }
        if shelf.verdicts.len() >= MOST {
            shelf.verdicts.clear();
        }
        shelf.verdicts.insert(token, verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Digest = [7; 32];

    /// A shelf that has looked at `at`, and holds one verdict of that time.
    fn shelf(at: Instant) -> Verdicts {
        let verdicts = Verdicts::default();
        verdicts.looked(5, at);
        assert!(verdicts.find(&TOKEN, 1, at).is_none());
        let as_of = AsOf { here: 1, everywhere: 5 };
        verdicts.keep(TOKEN, as_of, Arc::new(Verified::sample()));
        verdicts
    }

    #[test]
    fn a_verdict_counts_while_the_last_look_is_fresh() {
        let at = Instant::now();
        let verdicts = shelf(at);
        assert!(verdicts.find(&TOKEN, 1, at + Duration::from_millis(999)).is_some());
        assert!(verdicts.find(&TOKEN, 1, at + FRESH).is_none());
        verdicts.looked(5, at + FRESH);
        assert!(verdicts.find(&TOKEN, 1, at + FRESH).is_some(), "nothing was revoked meanwhile");
    }

    #[test]
    fn a_revocation_here_or_elsewhere_empties_the_shelf() {
        let at = Instant::now();
        let verdicts = shelf(at);
        assert!(verdicts.find(&TOKEN, 2, at).is_none(), "here");
        assert!(verdicts.find(&TOKEN, 1, at).is_none(), "and it does not come back");
        let verdicts = shelf(at);
        verdicts.looked(6, at);
        assert!(verdicts.find(&TOKEN, 1, at).is_none(), "elsewhere");
    }

    #[test]
    fn facts_read_before_a_revocation_are_not_kept_after_it() {
        let at = Instant::now();
        let verdicts = shelf(at);
        assert!(verdicts.find(&TOKEN, 2, at).is_none());
        let before = AsOf { here: 1, everywhere: 5 };
        verdicts.keep(TOKEN, before, Arc::new(Verified::sample()));
        assert!(verdicts.find(&TOKEN, 2, at).is_none());
    }

    #[test]
    fn the_shelf_is_bounded() {
        let at = Instant::now();
        let verdicts = shelf(at);
        let as_of = AsOf { here: 1, everywhere: 5 };
        for number in 0..20_000_u64 {
            let mut token = Digest::default();
            token[..8].copy_from_slice(&number.to_le_bytes());
            verdicts.keep(token, as_of, Arc::new(Verified::sample()));
        }
        assert!(verdicts.0.lock().expect("lock").verdicts.len() <= MOST);
    }
}
