//! The workshop: randomness, digests, sealing, passwords, and JSON Web Signatures, all on OpenSSL.
//!
//! Comes in: bytes and keys. Goes out: tokens, proofs, sealed text.
//!
//! **Invariants**
//! * The algorithm of a signature is the caller's choice, never the token's.
//! * Keys are parsed once and kept; nothing here reads a file, a clock or a database.
//! * Comparing secrets takes the same time whatever differs.

mod digest;
mod jwk;
mod jws;
pub mod password;
mod random;
mod seal;

pub use digest::{same, sha256, sha256_base64url, sha256_hex};
pub use jwk::{Jwk, JwkSet, VerifyingKey};
pub use jws::{Jws, JwsError, SigningKey};
pub use random::Random;
pub use seal::{MasterKey, SealError};

/// A cryptographic operation failed on our side (out of memory, broken library): nobody's input.
#[derive(Debug, thiserror::Error)]
#[error("cryptography failed: {0}")]
pub struct Failure(#[from] pub openssl::error::ErrorStack);
