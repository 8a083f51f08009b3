//! Secrets at rest: AES-256-GCM under the master key, bound to the place where they lie.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::{Failure, Random};

const NONCE: usize = 12;
const TAG: usize = 16;
const VERSION: &str = "v1.";

/// 256 bits that open every sealed secret; kept outside the database.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// Why a sealed secret cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the sealed value is not of a form we know")]
    Malformed,
    /// Another master key, another place, or changed bytes: the cipher cannot tell which.
    #[error("the sealed value does not open with this master key at this place")]
    Unopened,
}

impl MasterKey {
    #[must_use]
    pub fn generate(random: Random) -> Self {
        Self(random.bytes())
    }

    /// Reads 64 hexadecimal digits; space around them is ignored.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let mut key = [0; 32];
        for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        digits.then_some(Self(key))
    }

    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals `secret` for `place` (table, row and column); it opens nowhere else.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn seal(&self, random: Random, place: &str, secret: &[u8]) -> Result<String, Failure> {
        let nonce: [u8; NONCE] = random.bytes();
        let mut tag = [0; TAG];
        let cipher = Cipher::aes_256_gcm();
        let sealed =
            encrypt_aead(cipher, &self.0, Some(&nonce), place.as_bytes(), secret, &mut tag)?;
        let all = [&nonce[..], &sealed, &tag].concat();
        Ok(format!("{VERSION}{}", BASE64_URL_SAFE_NO_PAD.encode(all)))
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SealError`]; neither variant tells anything about the secret.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let text = sealed.strip_prefix(VERSION).ok_or(SealError::Malformed)?;
        let all = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed)?;
        if all.len() < NONCE + TAG {
            return Err(SealError::Malformed);
        }
        let (nonce, rest) = all.split_at(NONCE);
        let (body, tag) = rest.split_at(rest.len() - TAG);
        decrypt_aead(Cipher::aes_256_gcm(), &self.0, Some(nonce), place.as_bytes(), body, tag)
            .map_err(|_| SealError::Unopened)
    }

    /// [`Self::open`] for secrets that are text.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_text(&self, place: &str, sealed: &str) -> Result<String, SealError> {
        String::from_utf8(self.open(place, sealed)?).map_err(|_| SealError::Malformed)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_at_the_same_place_unchanged() {
        let key = MasterKey::generate(Random);
        let sealed = key.seal(Random, "clients/a/secret", b"hush").expect("sealed");
        assert_eq!(key.open_text("clients/a/secret", &sealed).expect("opens"), "hush");
        assert!(key.open("clients/b/secret", &sealed).is_err());
        assert!(MasterKey::generate(Random).open("clients/a/secret", &sealed).is_err());
        let mut changed = sealed.clone().into_bytes();
        changed[10] ^= 1;
        let changed = String::from_utf8(changed).expect("ascii");
        assert!(key.open("clients/a/secret", &changed).is_err());
        assert!(key.open("clients/a/secret", "v1.AAAA").is_err());
        assert!(!sealed.contains("hush"));
    }

    #[test]
    fn hexadecimal_there_and_back() {
        let key = MasterKey::generate(Random);
        let hex = key.to_hex();
        assert_eq!(MasterKey::from_hex(&format!(" {hex}\n")).expect("read").to_hex(), hex);
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert!(MasterKey::from_hex(bad).is_none(), "{bad}");
        }
    }
}
