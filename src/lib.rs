//! Medict, a federated SSO broker: SAML and OpenID Connect in, OpenID Connect out.
//!
//! The rooms and their doors are drawn in `ARCHITECTURE.md`; `tests/tidy.rs` keeps them shut.

pub mod broker;
pub mod cli;
pub mod crypto;
pub mod domain;
pub mod http;
pub mod op;
pub mod rp;
pub mod samples;
pub mod sp;
pub mod store;
