//! Where unpredictable values come from.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::domain::words::UnixTime;

/// The system's generator of random bytes, as a value that use cases hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

/// Crockford's alphabet: no letter that reads like a digit.
const READABLE: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Random {
    /// # Panics
    /// When the operating system has no randomness: nothing may go on without.
    #[must_use]
    #[expect(clippy::expect_used, reason = "no service without randomness")]
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        openssl::rand::rand_bytes(&mut bytes).expect("the system has randomness");
        bytes
    }

    /// 256 random bits as 43 characters of base64url: codes, cookies, secrets, verifiers.
    #[must_use]
    pub fn token(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// An `xs:ID` of 160 random bits (SAML Core §1.3.4).
    #[must_use]
    pub fn xml_id(self) -> String {
        self.bytes::<20>().iter().fold("_".to_owned(), |id, byte| id + &format!("{byte:02x}"))
    }

    /// A UUIDv7 (RFC 9562 §5.7) of this moment: sorts by age, and 74 bits of it are random. What is made one
    /// after the other lies together in the database, which costs it a fraction.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "only where in its second an id lies; no test asks"
    )]
    pub fn uuid(self, now: UnixTime) -> String {
        let seconds = u64::try_from(now.0).unwrap_or_default();
        // The clock of the use cases counts seconds; this is all that anybody wants to know beyond.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = seconds.saturating_mul(1_000) + u64::from(since.subsec_millis());
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.bytes::<10>())
            .into_uuid()
            .to_string()
    }

    /// Eight letters that a person types: no vowels, so that they make no words (RFC 8628 §6.1); 34 bits.
    #[must_use]
    pub fn user_code(self) -> String {
        const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
        let mut number = u64::from_be_bytes(self.bytes());
        let letter = |_| {
            let letter = LETTERS[usize::try_from(number % 20).unwrap_or_default()];
            number /= 20;
            char::from(letter)
        };
        (0..8).map(letter).collect()
    }

    /// Ten characters that can be read out over the telephone: `K7QF2-M9XBT`.
    #[must_use]
    pub fn reference(self) -> String {
        let letter = |byte: u8| char::from(READABLE[usize::from(byte & 31)]);
        let letters: String = self.bytes::<10>().into_iter().map(letter).collect();
        format!("{}-{}", &letters[..5], &letters[5..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let random = Random;
        assert_eq!(random.token().len(), 43);
        assert_eq!(random.xml_id().len(), 41);
        assert_eq!(random.reference().len(), 11);
        assert_eq!(random.user_code().len(), 8);
        assert_ne!(random.token(), random.token());
        let (earlier, later) = (random.uuid(UnixTime(1_000)), random.uuid(UnixTime(1_001)));
        assert!(earlier < later, "sorts by age");
        assert_eq!(&later[14..15], "7");
    }
}
