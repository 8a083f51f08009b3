//! An application that holds a key and proves it (RFC 9449).

use serde_json::{Value, json};

use crate::{
    crypto::{Failure, Random, SigningKey, sha256_base64url},
    domain::{resource::SigningAlg, words::UnixTime},
};

/// A key, and proofs of it.
pub struct KeyHolder(SigningKey);

impl KeyHolder {
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn new(alg: SigningAlg) -> Result<Self, Failure> {
        SigningKey::generate(String::new(), alg).map(Self)
    }

    /// The thumbprint of the key (RFC 7638).
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn jkt(&self) -> Result<String, Failure> {
        Ok(self.0.jwk()?.thumbprint().unwrap_or_default())
    }

    /// What a proof says (RFC 9449 §4.2); `token` is the access token that it goes with.
    #[must_use]
    pub fn claims(method: &str, url: &str, token: Option<&str>, now: UnixTime) -> Value {
        let mut claims = json!({ "jti": Random.token(), "htm": method, "htu": url, "iat": now });
        if let Some(token) = token {
            claims["ath"] = sha256_base64url(token).into();
        }
        claims
    }

    /// Signs any claims as a proof.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn sign(&self, claims: &Value) -> Result<String, Failure> {
        let header = json!({ "typ": "dpop+jwt", "alg": self.0.alg().name(), "jwk": self.0.jwk()? });
        self.0.sign_under(&header, claims)
    }
}
