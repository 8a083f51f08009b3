//! The words: pure types and decisions.
//!
//! What a `User`, a `Role`, a `Login` or an `IdentityProvider` is, and every choice that can be made
//! from values alone. Comes in: values. Goes out: values.
//!
//! **Invariants**
//! * No input or output, no clock, no randomness: `now` and fresh identifiers are arguments.
//! * Imports nothing else of ours.

pub mod audit;
pub mod claims;
pub mod collation;
pub mod identity;
pub mod login;
pub mod mapping;
pub mod metadata;
pub mod password;
pub mod presets;
pub mod provisioning;
pub mod resource;
pub mod roles;
pub mod single_logout;
pub mod trace;
pub mod words;
