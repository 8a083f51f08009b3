//! Attempts at guessing, slowed down: counted before they are tried, where every node sees them.

use crate::{
    domain::words::UnixTime,
    store::{self, Tx, throttles},
};

/// What is counted together, how often it may fail, and how long it then waits, in seconds.
#[derive(Clone)]
pub(super) struct Gate {
    pub subject: String,
    pub free: i64,
    pub longest: i64,
}

impl Gate {
    /// Doubles with each failure beyond those that are free.
    fn wait(&self, failures: throttles::Failures, now: UnixTime) -> Option<i64> {
        let over = failures.count - self.free;
        if over < 0 {
            return None;
        }
        let delay =
            1_i64.checked_shl(u32::try_from(over).unwrap_or(62).min(62)).unwrap_or(i64::MAX);
        let left = failures.last_at.plus(delay.min(self.longest)).since(now);
        (left > 0).then_some(left)
    }
}

/// Counts an attempt at each gate. `Some`: one is shut for so many seconds, and nothing was counted.
///
/// # Errors
/// [`store::Error`] when the database fails.
pub(super) fn count_attempt(
    tx: &mut Tx<'_>,
    gates: &[Gate],
    now: UnixTime,
) -> Result<Option<i64>, store::Error> {
    for gate in gates {
        let shut = gate.wait(throttles::find(tx, &gate.subject)?, now);
        if shut.is_some() {
            return Ok(shut);
        }
    }
    for gate in gates {
        throttles::count(tx, &gate.subject, now)?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit() {
        let gate = Gate { subject: String::new(), free: 5, longest: 900 };
        let wait =
            |count| gate.wait(throttles::Failures { count, last_at: UnixTime(100) }, UnixTime(100));
        assert_eq!(wait(4), None);
        assert_eq!(wait(5), Some(1));
        assert_eq!(wait(8), Some(8));
        assert_eq!(wait(60), Some(900));
        assert_eq!(wait(i64::MAX), Some(900));
    }
}
