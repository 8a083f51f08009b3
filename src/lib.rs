//! Medict, a federated SSO broker: SAML and OpenID Connect in, OpenID Connect out.
//!
//! The rooms and their doors are drawn in `ARCHITECTURE.md`; `tests/tidy.rs` keeps them shut.

pub mod broker;
pub mod crypto;
pub mod domain;
pub mod rp;
pub mod samples;
