//! Every rule at the one place where it decides, so that the tests can lift it and show what it keeps out.
//!
//! Outside our own unit tests a rule is always in force: the switch does not exist there.

use super::rejection::Rejection;

impl Rejection {
    /// Whether the rule behind this fact is in force.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the tests' twin below looks at it")]
    pub(super) const fn in_force(self) -> bool {
        true
    }

    /// Whether the rule behind this fact is in force on this thread.
    #[cfg(test)]
    pub(super) fn in_force(self) -> bool {
        super::tests::weakened::in_force(self)
    }

    /// Refuses when the fact holds.
    pub(super) fn when(self, holds: bool) -> Result<(), Self> {
        if holds && self.in_force() { Err(self) } else { Ok(()) }
    }

    /// Refuses unless `honest`.
    pub(super) fn unless(self, honest: bool) -> Result<(), Self> {
        self.when(!honest)
    }
}
