//! Passwords: argon2id in the PHC string form (RFC 9106; OWASP's second recommended setting).

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use super::Random;

/// 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// Hashing failed on our side.
#[derive(Debug, thiserror::Error)]
#[error("hashing a password failed: {0}")]
pub struct HashFailure(String);

fn argon2() -> Result<Argon2<'static>, HashFailure> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| HashFailure(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a fresh salt. Takes some 20 ms and 19 MiB: call it off the async threads.
///
/// # Errors
/// [`HashFailure`] when memory is short.
pub fn hash(random: Random, password: &str) -> Result<String, HashFailure> {
    let salt: [u8; 16] = random.bytes();
    let hash: argon2::password_hash::phc::PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| HashFailure(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether `password` is the one behind `stored`. Without a stored hash the same work is done in vain,
/// so that the time does not tell whether an account exists.
#[must_use]
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let Ok(argon2) = argon2() else { return false };
    let Some(stored) = stored else {
        let _: Result<argon2::password_hash::phc::PasswordHash, _> =
            argon2.hash_password_with_salt(password.as_bytes(), b"nobody-has-this-");
        return false;
    };
    PasswordHash::new(stored)
        .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_verifies() {
        let stored = hash(Random, "correct horse battery").expect("hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse battery", Some(&stored)));
        assert!(!verify("correct horse batterz", Some(&stored)));
        assert!(!verify("correct horse battery", None));
        assert!(!verify("x", Some("not a hash")));
    }
}
