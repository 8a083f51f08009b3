//! Our SAML hat: the Service Provider.
//!
//! Comes in: what an administrator configured ([`Idp`], [`ServiceProvider`]) and a `SAMLResponse` as the
//! browser delivered it. Goes out: an [`Outgoing`] `AuthnRequest`, our metadata, and a
//! [`VerifiedAssertion`] or the [`Rejection`] that says which check failed. Logout messages come and go
//! the same way (`logout.rs`).
//!
//! ```text
//! size ▸ base64 ▸ UTF-8 ▸ parse ▸ shape                 base64.rs xml.rs tree.rs message.rs
//!   ▸ Response signature ▸ decrypt ▸ Assertion signature    signature.rs c14n.rs decrypt.rs
//!   ▸ one good, none bad                                    response.rs
//!   ▸ Status Version Destination InResponseTo Issuer        envelope.rs
//!   ▸ Conditions ▸ confirmation ▸ AuthnStatement ▸ NameID   conditions.rs confirmation.rs statement.rs
//! ```
//!
//! **Invariants**
//! * One parse, one tree: what is read is read from the nodes whose canonical bytes were digested.
//! * Nobody outside can build a [`VerifiedAssertion`]; holding one is the proof.
//! * Keys come from the configuration of the provider that was asked, never from the message.
//! * A rejection leaves exactly one failed step in the trace, the last.
//! * No clock, no database, no network: `now`, the keys and the expected request are arguments.
//! * Only `outgoing.rs` names `samael`, and only its message types.

mod aggregate;
mod algorithms;
mod attributes;
mod base64;
mod c14n;
mod certificates;
mod conditions;
mod confirmation;
mod decrypt;
mod duration;
mod envelope;
mod escape;
mod idp;
mod logout;
mod message;
mod metadata;
mod names;
mod outgoing;
mod protection;
pub mod redirect_query;
mod rejection;
mod request;
mod response;
mod scopes;
mod service_provider;
mod signature;
mod statement;
mod steps;
mod transport;
mod tree;
mod xml;

pub use aggregate::{AggregateSummary, BadAggregate, FederationEntity, read_aggregate};
pub use certificates::{CertificateInfo, read_certificate};
pub use idp::{Idp, SloEndpoint};
pub use logout::{
    Delivered, Farewell, LogoutMessage, LogoutOutcome, NotBelieved, Question,
    VerifiedLogoutRequest, VerifiedLogoutResponse, build_logout_request, build_logout_response,
    logout_issuer, verify_logout,
};
pub use metadata::{IdpMetadata, build_metadata, build_signed_metadata, parse_metadata};
pub use rejection::Rejection;
pub use request::{RequestOptions, build_authn_request};
pub use response::{VerifiedAssertion, is_unsolicited, verify_response, verify_unsolicited};
pub use scopes::{Scope, drop_foreign};
pub use service_provider::{Published, ServiceProvider, SpKey, make_certificate};
pub use transport::{NotBuilt, Outgoing};

#[cfg(test)]
mod tests;
