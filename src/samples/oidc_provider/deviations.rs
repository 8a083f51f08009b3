//! How the sample goes wrong on request: each deviation is a verb.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::{Map, Value, json};

use super::SampleOp;
use crate::{
    crypto::{Failure, SigningKey},
    domain::resource::SigningAlg,
};

/// What is not as an honest provider would do it.
#[derive(Debug, Default)]
pub(super) struct Deviations {
    pub discovered_issuer: Option<String>,
    pub userinfo_subject: Option<String>,
    /// Claims of the ID token that are replaced, or left out.
    claims: BTreeMap<String, Option<Value>>,
    signature: Signature,
}

#[derive(Debug, Default)]
enum Signature {
    #[default]
    Honest,
    /// `alg: none` and no signature.
    Unsigned,
    /// `HS256` with the public key as the secret.
    HmacWithPublicKey,
    /// By a key that is not published under the published name.
    Forged,
    /// By the right key under a name that is not published.
    UnknownKid,
    /// By the right key without a name.
    Nameless,
}

impl SampleOp {
    /// Replaces a claim of every ID token; `Value::Null` stays a `null`.
    #[must_use]
    pub fn claiming(mut self, name: &str, value: Value) -> Self {
        self.deviations.claims.insert(name.to_owned(), Some(value));
        self
    }

    /// Leaves a claim out of every ID token.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.deviations.claims.insert(name.to_owned(), None);
        self
    }

    #[must_use]
    pub fn wrong_nonce(self) -> Self {
        self.claiming("nonce", json!("of-another-login"))
    }

    #[must_use]
    pub fn other_issuer(self) -> Self {
        self.claiming("iss", json!("https://evil.example"))
    }

    #[must_use]
    pub fn other_audience(self) -> Self {
        self.claiming("aud", json!("another-client"))
    }

    #[must_use]
    pub fn other_authorized_party(self) -> Self {
        self.claiming("azp", json!("another-client"))
    }

    /// Tokens of 1970.
    #[must_use]
    pub fn expired(self) -> Self {
        self.claiming("exp", json!(300)).claiming("iat", json!(0))
    }

    #[must_use]
    pub fn other_access_token_hash(self) -> Self {
        self.claiming("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"))
    }

    #[must_use]
    pub fn other_userinfo_subject(mut self) -> Self {
        self.deviations.userinfo_subject = Some("somebody-else".to_owned());
        self
    }

    #[must_use]
    pub fn other_discovered_issuer(mut self) -> Self {
        self.deviations.discovered_issuer = Some("https://evil.example".to_owned());
        self
    }

    #[must_use]
    pub fn alg_none(self) -> Self {
        self.signing(Signature::Unsigned)
    }

    #[must_use]
    pub fn hmac_with_public_key(self) -> Self {
        self.signing(Signature::HmacWithPublicKey)
    }

    #[must_use]
    pub fn forged_signature(self) -> Self {
        self.signing(Signature::Forged)
    }

    #[must_use]
    pub fn unknown_kid(self) -> Self {
        self.signing(Signature::UnknownKid)
    }

    #[must_use]
    pub fn nameless_key(self) -> Self {
        self.signing(Signature::Nameless)
    }

    /// Ends every deviation.
    #[must_use]
    pub fn honest(mut self) -> Self {
        self.deviations = Deviations::default();
        self
    }

    fn signing(mut self, signature: Signature) -> Self {
        self.deviations.signature = signature;
        self
    }
}

impl Deviations {
    pub(super) fn change(&self, claims: &mut Map<String, Value>) {
        for (name, value) in &self.claims {
            match value {
                Some(value) => claims.insert(name.clone(), value.clone()),
                None => claims.remove(name),
            };
        }
    }

    pub(super) fn sign(&self, key: &SigningKey, claims: &Value) -> Result<String, Failure> {
        let renamed = |kid: &str| SigningKey::from_der(kid.to_owned(), key.alg(), &key.to_der()?);
        match self.signature {
            Signature::Honest => key.sign("JWT", claims),
            Signature::Unsigned => Ok(parts("none", key.kid(), claims) + "."),
            Signature::HmacWithPublicKey => hmac_with_public_key(key, claims),
            Signature::Forged => {
                SigningKey::generate(key.kid().to_owned(), SigningAlg::RS256)?.sign("JWT", claims)
            }
            Signature::UnknownKid => renamed("unknown")?.sign("JWT", claims),
            Signature::Nameless => renamed("")?.sign("JWT", claims),
        }
    }
}

/// Header and payload, ready to be signed.
fn parts(alg: &str, kid: &str, claims: &Value) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
    format!("{}.{}", encode(&header), encode(claims))
}

fn hmac_with_public_key(key: &SigningKey, claims: &Value) -> Result<String, Failure> {
    let public = PKey::private_key_from_pkcs8(&key.to_der()?)?.public_key_to_pem()?;
    let signed = parts("HS256", key.kid(), claims);
    let secret = PKey::hmac(&public)?;
    let mac =
        Signer::new(MessageDigest::sha256(), &secret)?.sign_oneshot_to_vec(signed.as_bytes())?;
    Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac)))
}
