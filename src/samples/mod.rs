//! The neighbours: counterparts that play the other side in demonstrations and tests.
//!
//! Comes in: what our side sends. Goes out: what such a counterpart would answer, and, where a test asks
//! for it, what only an attacker or a broken product would answer.
//!
//! **Invariants**
//! * Never part of a real login: no other room but the demonstration names this one.
//! * Writes its messages by own means, so that our readers are not tested against themselves.
//! * The other side of the wire: it makes its own keys and identifiers.

pub mod browser;
pub mod key_holder;
pub mod oidc_provider;
pub mod saml_idp;
