//! Compact JSON Web Signatures (RFC 7515): RS256, PS256 and ES256 (RFC 7518 §3.3 to §3.5), EdDSA with
//! Ed25519 (RFC 8037).

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::{Padding, Rsa},
    sign::{RsaPssSaltlen, Signer},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Failure, Jwk, VerifyingKey, sha256};
use crate::domain::resource::SigningAlg;

/// A private key that signs tokens; parsed once.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    alg: SigningAlg,
    key: PKey<Private>,
    /// The same key, if it is one for ES256: signing with it looks nothing up by name.
    ec: Option<EcKey<Private>>,
}

/// A parsed, not yet verified, signature.
#[derive(Debug)]
pub struct Jws {
    header: Header,
    signed: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Why a compact serialization is not believed. Each variant is one fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("not a compact JSON Web Signature")]
    Malformed,
    #[error("the header demands extensions (`crit`) that we do not have")]
    Critical,
    #[error("the header names another algorithm than the one configured")]
    OtherAlgorithm,
    #[error("the header names another type of token")]
    OtherType,
    #[error("the signature does not verify")]
    BadSignature,
    #[error("the payload is not the expected JSON object")]
    Payload,
}

/// What we read of a header; `jku`, `x5u` and `x5c` are never looked at (RFC 8725 §3.10), and `jwk` only
/// where the token is about that key, in [`Jws::brought_key`].
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
    #[serde(default)]
    jwk: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct OutgoingHeader<'a> {
    alg: &'a str,
    typ: &'a str,
    /// Left out by a key without a name.
    #[serde(skip_serializing_if = "str::is_empty")]
    kid: &'a str,
}

/// Nothing longer is a token of anybody's.
const LONGEST: usize = 64 * 1024;

impl SigningKey {
    /// A fresh key: RSA-2048, P-256 or Ed25519.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn generate(kid: String, alg: SigningAlg) -> Result<Self, Failure> {
        let key = match alg {
            SigningAlg::RS256 | SigningAlg::PS256 => PKey::from_rsa(Rsa::generate(2048)?)?,
            SigningAlg::EdDSA => PKey::generate_ed25519()?,
            SigningAlg::ES256 => {
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
                PKey::from_ec_key(EcKey::generate(&group)?)?
            }
        };
        Ok(Self::new(kid, alg, key)?)
    }

    fn new(kid: String, alg: SigningAlg, key: PKey<Private>) -> Result<Self, ErrorStack> {
        let ec = (alg == SigningAlg::ES256).then(|| key.ec_key()).transpose()?;
        Ok(Self { kid, alg, key, ec })
    }

    /// Reads PKCS#8.
    ///
    /// # Errors
    /// [`Failure`] when `der` is no private key.
    pub fn from_der(kid: String, alg: SigningAlg, der: &[u8]) -> Result<Self, Failure> {
        Ok(Self::new(kid, alg, PKey::private_key_from_pkcs8(der)?)?)
    }

    /// PKCS#8.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn to_der(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.key.private_key_to_pkcs8()?)
    }

    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    #[must_use]
    pub const fn alg(&self) -> SigningAlg {
        self.alg
    }

    /// The public half as a JWK.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn jwk(&self) -> Result<Jwk, Failure> {
        Jwk::of(&self.key, &self.kid, self.alg)
    }

    /// Signs `claims` under `typ` (`JWT`, `at+jwt`, `logout+jwt`).
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, Failure> {
        let header = OutgoingHeader { alg: self.alg.name(), typ, kid: &self.kid };
        self.sign_under(&header, claims)
    }

    /// Signs `claims` under a header of the caller's: proofs of possession carry their key.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn sign_under<H: Serialize, T: Serialize>(
        &self,
        header: &H,
        claims: &T,
    ) -> Result<String, Failure> {
        let mut token = encode_json(header)?;
        token.push('.');
        token.push_str(&encode_json(claims)?);
        let signature = self.sign_bytes(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        if let Some(key) = &self.ec {
            return Ok(concatenated(&EcdsaSig::sign(&sha256(bytes), key)?)?);
        }
        let mut signer = match self.alg {
            SigningAlg::EdDSA => Signer::new_without_digest(&self.key)?,
            _ => Signer::new(MessageDigest::sha256(), &self.key)?,
        };
        if self.alg == SigningAlg::PS256 {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        Ok(signer.sign_oneshot_to_vec(bytes)?)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.kid, self.alg.name())
    }
}

/// What cannot be written as JSON is a mistake of ours; it must not end the process.
fn encode_json<T: Serialize>(value: &T) -> Result<String, Failure> {
    let json = serde_json::to_vec(value).map_err(|_| Failure(ErrorStack::get()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}

/// R ‖ S, 32 bytes each (RFC 7518 §3.4).
fn concatenated(signature: &EcdsaSig) -> Result<Vec<u8>, ErrorStack> {
    let mut raw = signature.r().to_vec_padded(32)?;
    raw.extend(signature.s().to_vec_padded(32)?);
    Ok(raw)
}

/// R ‖ S to DER; `None` for any other length than 64.
pub(super) fn der_of(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    let (r, s) = (BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?);
    EcdsaSig::from_private_components(r, s).ok()?.to_der().ok()
}

impl Jws {
    /// Reads the three parts; believes nothing yet.
    ///
    /// # Errors
    /// [`JwsError::Malformed`], [`JwsError::Critical`].
    pub fn parse(compact: &str) -> Result<Self, JwsError> {
        if compact.len() > LONGEST {
            return Err(JwsError::Malformed);
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        let decode =
            |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed);
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Malformed)?;
        if header.crit.is_some() {
            return Err(JwsError::Critical);
        }
        Ok(Self {
            header,
            signed: signed.to_owned(),
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The key that the token claims to be signed with: a hint for looking it up, nothing more.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The algorithm that the token claims; compared with the configured one in [`Self::verify`].
    #[must_use]
    pub fn alg(&self) -> &str {
        &self.header.alg
    }

    /// The type that the token claims, if it claims one (RFC 7515 §4.1.9).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The public key in the header (RFC 7515 §4.1.3). It proves that somebody holds its private half, not
    /// who; for tokens that are about nothing else (RFC 9449 §4.2). `None`: there is none, or a private one.
    #[must_use]
    pub fn brought_key(&self) -> Option<Jwk> {
        let jwk = self.header.jwk.as_ref()?;
        let private = ["d", "p", "q", "k"].iter().any(|member| jwk.get(member).is_some());
        if private { None } else { serde_json::from_value(jwk.clone()).ok() }
    }

    /// What the payload claims, unverified: a hint for finding the key, nothing more.
    ///
    /// # Errors
    /// [`JwsError::Payload`].
    pub fn claimed<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Payload)
    }

    /// Demands the `typ` of the header, without regard to case (RFC 7515 §4.1.9).
    ///
    /// # Errors
    /// [`JwsError::OtherType`].
    pub fn of_type(self, typ: &str) -> Result<Self, JwsError> {
        let named = self.header.typ.as_deref().unwrap_or_default();
        let bare = named.strip_prefix("application/").unwrap_or(named);
        if bare.eq_ignore_ascii_case(typ) { Ok(self) } else { Err(JwsError::OtherType) }
    }

    /// Verifies with one key under the algorithm of that key, and reads the payload.
    ///
    /// # Errors
    /// [`JwsError`] says what is not as it should be.
    pub fn verify<T: DeserializeOwned>(&self, key: &VerifyingKey) -> Result<T, JwsError> {
        if SigningAlg::named(&self.header.alg) != Some(key.alg()) {
            return Err(JwsError::OtherAlgorithm);
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(JwsError::BadSignature);
        }
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn keys() -> Vec<SigningKey> {
        SigningAlg::ALL.map(|alg| SigningKey::generate("k".into(), alg).expect("key")).to_vec()
    }

    fn public(key: &SigningKey) -> VerifyingKey {
        key.jwk().expect("jwk").verifying_key(key.alg()).expect("usable")
    }

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        for key in keys() {
            let token = key.sign("JWT", &json!({ "sub": "ada" })).expect("signed");
            let jws = Jws::parse(&token).expect("parses");
            let claims: Value = jws.verify(&public(&key)).expect("verifies");
            assert_eq!(claims["sub"], "ada");

            let other = SigningKey::generate("k".into(), key.alg()).expect("key");
            assert_eq!(jws.verify::<Value>(&public(&other)), Err(JwsError::BadSignature));

            let (head, rest) = token.split_once('.').expect("three parts");
            let (_, signature) = rest.split_once('.').expect("three parts");
            let forged = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"eve"}"#);
            let forged = Jws::parse(&format!("{head}.{forged}.{signature}")).expect("parses");
            assert_eq!(forged.verify::<Value>(&public(&key)), Err(JwsError::BadSignature));
        }
    }

    #[test]
    fn the_token_never_chooses_the_algorithm() {
        let key = &keys()[0];
        let pem = b"-----BEGIN PUBLIC KEY-----";
        for alg in ["none", "None", "HS256", "ES256", "rs256", "RS512"] {
            let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            let body = BASE64_URL_SAFE_NO_PAD.encode("{}");
            let mac = BASE64_URL_SAFE_NO_PAD.encode(pem);
            for signature in ["", &mac] {
                let jws = Jws::parse(&format!("{header}.{body}.{signature}")).expect("parses");
                assert_eq!(
                    jws.verify::<Value>(&public(key)),
                    Err(JwsError::OtherAlgorithm),
                    "{alg}"
                );
            }
        }
    }

    /// RFC 9864 §2.2: the same algorithm by its newer name, and no other by that.
    #[test]
    fn eddsa_has_two_names() {
        for key in keys() {
            let header = json!({ "alg": "Ed25519" });
            let token = key.sign_under(&header, &json!({})).expect("signed");
            let verified = Jws::parse(&token).expect("parses").verify::<Value>(&public(&key));
            let expected = key.alg() == SigningAlg::EdDSA;
            assert_eq!(verified.is_ok(), expected, "{key:?}");
        }
    }

    #[test]
    fn odd_headers_are_refused() {
        let encode = |header: &str| {
            let header = BASE64_URL_SAFE_NO_PAD.encode(header);
            Jws::parse(&format!("{header}.e30.AAAA")).map(drop)
        };
        for header in
            ["", "[]", r#"{"alg":"RS256","alg":"none"}"#, r#"{"kid":"x"}"#, r#"{"alg":1}"#]
        {
            assert_eq!(encode(header), Err(JwsError::Malformed), "{header}");
        }
        assert_eq!(encode(r#"{"alg":"RS256","crit":["exp"]}"#), Err(JwsError::Critical));
        for text in ["", ".", "..", "a.b", "a.b.c.d", "e30=.e30.AA"] {
            assert!(Jws::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_survive_storage() {
        for key in keys() {
            let der = key.to_der().expect("der");
            let again = SigningKey::from_der("k".into(), key.alg(), &der).expect("read");
            let token = again.sign("at+jwt", &json!({})).expect("signed");
            let jws = Jws::parse(&token).expect("parses").of_type("AT+JWT").expect("typ");
            assert!(jws.verify::<Value>(&public(&key)).is_ok());
            assert_eq!(jws.of_type("JWT").expect_err("other"), JwsError::OtherType);
        }
    }
}
