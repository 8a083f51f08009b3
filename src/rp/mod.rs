//! Our OpenID hat upstream: the Relying Party.
//!
//! Comes in: the bytes of a provider's metadata, keys, callback, token answer and UserInfo. Goes out:
//! the URL that the browser is sent to, the requests that somebody else makes for us, and at the end a
//! [`VerifiedIdToken`], which becomes a [`Statement`](crate::domain::identity::Statement), or a
//! [`Rejection`].
//!
//! **Invariants**
//! * Only this room names `openidconnect`.
//! * Nobody outside can build a [`VerifiedIdToken`]; holding one is the proof.
//! * No clock, no database, no socket: `now`, what we sent, and every answer are arguments.
//! * The algorithm of a signature is configured, never read from the token (RFC 8725 §3.1).
//! * JSON that names a member twice is refused, so that no two readers see two documents.

mod callback;
mod claims;
mod id_token;
mod json;
mod keys;
mod provider;
mod rejection;
mod request;
mod token_response;
mod userinfo;

pub use callback::{Callback, read_callback};
pub use claims::VerifiedIdToken;
pub use id_token::{CLOCK_SKEW, IdTokenExpectations, verify_id_token};
pub use keys::parse_jwks;
pub use provider::{ProviderMetadata, discovery_url, parse_metadata};
pub use rejection::Rejection;
pub use request::{AuthorizationOptions, authorization_url, token_request};
pub use token_response::{TokenResponse, read_token_response};
pub use userinfo::{UserInfo, read_userinfo, userinfo_request};
