//! Checks that write themselves into the trace.

use crate::domain::trace::{Actual, Trace, Words};

use super::rejection::Rejection;

/// What a check found: its result and what it saw, or why it refuses.
pub(super) type Checked<T> = Result<(T, Actual), Fault>;

/// A rejection together with what the failed check saw.
#[derive(Debug)]
pub(super) struct Fault {
    rejection: Rejection,
    actual: Option<Actual>,
}

impl Rejection {
    /// This fact, with the value that shows it.
    pub(super) fn seeing(self, actual: Actual) -> Fault {
        Fault { rejection: self, actual: Some(actual) }
    }

    /// This fact, with a value that tells about systems only.
    pub(super) fn seeing_plain(self, actual: impl Into<String>) -> Fault {
        self.seeing(Actual::plain(actual))
    }
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, actual: None }
    }
}

impl Fault {
    pub(super) const fn rejection(&self) -> Rejection {
        self.rejection
    }
}

/// The trace of one message. Every rejection passes through [`Steps::check`], so a rejection leaves
/// exactly one failed step, the last.
pub(super) struct Steps<'a> {
    trace: &'a mut Trace,
}

/// Room for the steps of an ordinary response.
const USUAL: usize = 24;

impl<'a> Steps<'a> {
    pub(super) fn new(trace: &'a mut Trace) -> Self {
        trace.steps.reserve(USUAL);
        Self { trace }
    }

    /// Records how a check ended and hands on its result.
    pub(super) fn check<T>(
        &mut self,
        check: &'static str,
        expected: impl Into<Words>,
        outcome: Checked<T>,
    ) -> Result<T, Rejection> {
        match outcome {
            Ok((value, actual)) => {
                self.trace.passed(check, expected, clipped(actual));
                Ok(value)
            }
            Err(Fault { rejection, actual }) => {
                let actual = actual.unwrap_or_else(|| Actual::plain(rejection.to_string()));
                self.trace.failed(check, expected, clipped(actual), rejection.mend());
                Err(rejection)
            }
        }
    }

    /// Records a check that needs no further look to fail.
    pub(super) fn refuse(
        &mut self,
        check: &'static str,
        expected: impl Into<Words>,
        rejection: Rejection,
    ) -> Rejection {
        self.trace.failed(check, expected, Actual::plain(rejection.to_string()), rejection.mend());
        rejection
    }

    /// Records a fact that decides nothing.
    pub(super) fn note(&mut self, check: &'static str, actual: Actual) {
        self.trace.noted(check, clipped(actual));
    }
}

/// A trace is read by people and stored: a hostile message does not fill it.
const LONGEST: usize = 400;

fn clipped(actual: Actual) -> Actual {
    if actual.text().len() <= LONGEST {
        return actual;
    }
    let clip = |text: String| text.chars().take(LONGEST).chain(['…']).collect::<String>();
    match actual {
        Actual::Plain(text) => Actual::Plain(clip(text)),
        Actual::Personal(text) => Actual::Personal(clip(text)),
    }
}

/// A check that passed and has nothing to hand on.
pub(super) fn passed(actual: impl Into<String>) -> Checked<()> {
    Ok(((), Actual::plain(actual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_the_one_failed_step_and_says_how_to_mend_it() {
        let mut trace = Trace::default();
        let steps = &mut Steps::new(&mut trace);
        assert_eq!(steps.check("one", "x", passed("x")), Ok(()));
        let refused = steps.check("two", "y", Err::<((), _), _>(Rejection::Audience.into()));
        assert_eq!(refused, Err(Rejection::Audience));
        let failed = trace.failure().expect("a failed step");
        assert_eq!(failed.check, "two");
        assert!(failed.mend.as_ref().is_some_and(|mend| mend.contains("audience")));
    }
}
