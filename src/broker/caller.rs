//! Who is at the door, as far as the connection tells.

use crate::domain::{
    audit::{Action, Event, Outcome},
    words::{Reference, UnixTime},
};

/// One HTTP request: its reference, and where it came from.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Shared by the log line, the error page, the trace and the audit record.
    pub reference: Reference,
    pub address: String,
    pub agent: String,
}

impl Caller {
    /// An audit event that knows where it came from.
    #[must_use]
    pub fn event(&self, action: Action, outcome: Outcome, now: UnixTime) -> Event {
        Event {
            reference: Some(self.reference.clone()),
            address: Some(self.address.clone()),
            agent: Some(self.agent.clone()).filter(|agent| !agent.is_empty()),
            ..Event::new(action, outcome, now)
        }
    }
}
