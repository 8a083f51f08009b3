//! What the signed parts of requests have in common: dates, and that each counts once.

use serde::{Deserialize, Deserializer};

use super::TokenRefusal;
use crate::{crypto::sha256_base64url, domain::words::UnixTime};

/// Something that must not be accepted twice, by any process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// SHA-256 of what it is known by.
    pub digest: String,
    /// From then on it would be refused by its age.
    pub until: UnixTime,
    /// What a second use of it is.
    pub again: TokenRefusal,
}

/// Nobody's `jti` is longer, in bytes.
const LONGEST_ID: usize = 512;

/// Whether a `jti` can tell one token from another.
pub(super) fn is_token_id(jti: &str) -> bool {
    !jti.is_empty() && jti.len() <= LONGEST_ID
}

/// The digest of a `jti`, which is unique within `space` only.
pub(super) fn once_digest(space: &str, jti: &str) -> String {
    sha256_base64url(format!("{space}\n{jti}"))
}

/// A *NumericDate* (RFC 7519 §2); fractions of a second are cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date(pub UnixTime);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The year 9999: sums with it cannot overflow.
        const LATEST: f64 = 253_402_300_799.0;
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=LATEST).contains(&seconds) {
            return Err(serde::de::Error::custom("no time that anybody means"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "in range; the fraction is cut")]
        Ok(Self(UnixTime(seconds as i64)))
    }
}
