//! Counterparts that play the other side in the demo and in tests.
//!
//! Comes in: what Medict would send over the wire. Goes out: what an honest provider, or with a verb of
//! its own a dishonest one, answers.
//!
//! **Invariants**
//! * No socket and no clock; whoever embeds a sample serves it and says what time it is.
//! * Nothing outside demo and tests depends on this room.

pub mod oidc_provider;
