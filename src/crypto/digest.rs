//! SHA-256 in the spellings we need.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::sha::Sha256;

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    // Not `openssl::sha::sha256`, which looks the algorithm up by its name each time.
    let mut hash = Sha256::new();
    hash.update(bytes.as_ref());
    hash.finish()
}

/// SHA-256 as base64url without padding, 43 characters: how random tokens are stored, and `S256`
/// (RFC 7636 §4.2).
#[must_use]
pub fn sha256_base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(bytes))
}

/// SHA-256 as 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    sha256(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Whether two secrets are equal, in time that depends on their length only.
#[must_use]
pub fn same(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    let (a, b) = (a.as_ref(), b.as_ref());
    a.len() == b.len() && openssl::memcmp::eq(a, b)
}
