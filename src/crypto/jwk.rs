//! JSON Web Keys (RFC 7517): RSA, P-256 and Ed25519 (RFC 8037 §2), public halves only.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{HasPublic, Id, PKey, Public},
    rsa::{Padding, Rsa},
    sign::{RsaPssSaltlen, Verifier},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Failure, jws, sha256_base64url};
use crate::domain::resource::SigningAlg;

/// A public key on the wire. Members that we do not know are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
}

/// A JWK Set (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
}

/// So many keys are tried for one token; a set that is larger must name them.
const MOST_TRIED: usize = 8;

impl JwkSet {
    /// The keys that a token may be signed with under `alg`: those named `kid`, or all of the right kind
    /// when the token names none; at most eight.
    #[must_use]
    pub fn candidates(&self, kid: Option<&str>, alg: SigningAlg) -> Vec<VerifyingKey> {
        let named = self.keys.iter().filter(|jwk| kid.is_none() || jwk.kid.as_deref() == kid);
        named.filter_map(|jwk| jwk.verifying_key(alg)).take(MOST_TRIED).collect()
    }
}

/// A public key, parsed, with the one algorithm it may be used for.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    alg: SigningAlg,
    key: PKey<Public>,
}

impl Jwk {
    pub(super) fn of<T: HasPublic>(
        key: &PKey<T>,
        kid: &str,
        alg: SigningAlg,
    ) -> Result<Self, Failure> {
        let encode = |number: Vec<u8>| Some(BASE64_URL_SAFE_NO_PAD.encode(number));
        let mut jwk = Self {
            kty: String::new(),
            kid: (!kid.is_empty()).then(|| kid.to_owned()),
            use_: Some("sig".to_owned()),
            alg: Some(alg.name().to_owned()),
            n: None,
            e: None,
            crv: None,
            x: None,
            y: None,
        };
        match alg {
            SigningAlg::RS256 | SigningAlg::PS256 => {
                let rsa = key.rsa()?;
                jwk.kty = "RSA".to_owned();
                (jwk.n, jwk.e) = (encode(rsa.n().to_vec()), encode(rsa.e().to_vec()));
            }
            SigningAlg::ES256 => {
                let ec = key.ec_key()?;
                let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
                let context = &mut BigNumContext::new()?;
                ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, context)?;
                jwk.kty = "EC".to_owned();
                jwk.crv = Some("P-256".to_owned());
                (jwk.x, jwk.y) = (encode(x.to_vec_padded(32)?), encode(y.to_vec_padded(32)?));
            }
            SigningAlg::EdDSA => {
                jwk.kty = "OKP".to_owned();
                jwk.crv = Some("Ed25519".to_owned());
                jwk.x = encode(key.raw_public_key()?);
            }
        }
        Ok(jwk)
    }

    /// The key, ready to verify `alg`; `None` when it is of another kind, weak, malformed, or meant for
    /// something else (RFC 7517 §4.2, §4.4).
    #[must_use]
    pub fn verifying_key(&self, alg: SigningAlg) -> Option<VerifyingKey> {
        let meant = self.use_.as_deref().is_none_or(|use_| use_ == "sig")
            && self.alg.as_deref().is_none_or(|named| SigningAlg::named(named) == Some(alg));
        let key = match (alg, self.kty.as_str()) {
            (SigningAlg::RS256 | SigningAlg::PS256, "RSA") if meant => self.rsa()?,
            (SigningAlg::ES256, "EC") if meant => self.ec()?,
            (SigningAlg::EdDSA, "OKP") if meant => self.okp()?,
            _ => return None,
        };
        Some(VerifyingKey { kid: self.kid.clone(), alg, key })
    }

    /// SHA-256 over the members that make the key, as base64url (RFC 7638 §3); `None`: it lacks one.
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        let value = |member: &Option<String>| member.as_deref().map(|text| json!(text));
        let members = match self.kty.as_str() {
            "RSA" => vec![("e", value(&self.e)?), ("kty", json!("RSA")), ("n", value(&self.n)?)],
            "EC" => vec![
                ("crv", value(&self.crv)?),
                ("kty", json!("EC")),
                ("x", value(&self.x)?),
                ("y", value(&self.y)?),
            ],
            "OKP" => {
                vec![("crv", value(&self.crv)?), ("kty", json!("OKP")), ("x", value(&self.x)?)]
            }
            _ => return None,
        };
        let members = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}"));
        let members = members.collect::<Vec<_>>().join(",");
        Some(sha256_base64url(format!("{{{members}}}")))
    }

    fn rsa(&self) -> Option<PKey<Public>> {
        let (n, e) = (number(self.n.as_deref())?, number(self.e.as_deref())?);
        let sound = (2048..=8192).contains(&n.num_bits()) && e.num_bits() >= 2 && e.is_bit_set(0);
        let rsa = Rsa::from_public_components(n, e).ok()?;
        sound.then_some(PKey::from_rsa(rsa).ok()?)
    }

    fn ec(&self) -> Option<PKey<Public>> {
        if self.crv.as_deref() != Some("P-256") {
            return None;
        }
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
        let (x, y) = (number(self.x.as_deref())?, number(self.y.as_deref())?);
        let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?;
        PKey::from_ec_key(key).ok()
    }

    fn okp(&self) -> Option<PKey<Public>> {
        if self.crv.as_deref() != Some("Ed25519") {
            return None;
        }
        let x = BASE64_URL_SAFE_NO_PAD.decode(self.x.as_deref()?).ok()?;
        PKey::public_key_from_raw_bytes(&x, Id::ED25519).ok()
    }
}

fn number(text: Option<&str>) -> Option<BigNum> {
    BigNum::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text?).ok()?).ok()
}

impl VerifyingKey {
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    #[must_use]
    pub const fn alg(&self) -> SigningAlg {
        self.alg
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let der;
        let signature = match self.alg {
            SigningAlg::RS256 | SigningAlg::PS256 | SigningAlg::EdDSA => signature,
            SigningAlg::ES256 => match jws::der_of(signature) {
                Some(encoded) => {
                    der = encoded;
                    &der
                }
                None => return false,
            },
        };
        self.verifier()
            .and_then(|mut verifier| verifier.verify_oneshot(signature, bytes))
            .unwrap_or(false)
    }

    fn verifier(&self) -> Result<Verifier<'_>, ErrorStack> {
        if self.alg == SigningAlg::EdDSA {
            return Verifier::new_without_digest(&self.key);
        }
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key)?;
        if self.alg == SigningAlg::PS256 {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            // RFC 7518 §3.5: the salt is as long as the digest, no other.
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        Ok(verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    #[test]
    fn a_key_serves_its_own_algorithm_and_use_only() {
        let rsa = SigningKey::generate("r".into(), SigningAlg::RS256).expect("key");
        let jwk = rsa.jwk().expect("jwk");
        assert!(jwk.verifying_key(SigningAlg::RS256).is_some());
        assert!(jwk.verifying_key(SigningAlg::ES256).is_none());
        let encryption = Jwk { use_: Some("enc".into()), ..jwk.clone() };
        assert!(encryption.verifying_key(SigningAlg::RS256).is_none());
        let weak = Jwk { n: Some("AQAB".into()), ..jwk.clone() };
        assert!(weak.verifying_key(SigningAlg::RS256).is_none());
        let even = Jwk { e: Some("Ag".into()), ..jwk.clone() };
        assert!(even.verifying_key(SigningAlg::RS256).is_none());
        assert!(jwk.verifying_key(SigningAlg::PS256).is_none(), "it names its algorithm");
        let unnamed = Jwk { alg: None, ..jwk };
        assert!(unnamed.verifying_key(SigningAlg::PS256).is_some(), "either, but one at a time");
    }

    #[test]
    fn ed25519_is_the_only_curve_for_eddsa() {
        let key = SigningKey::generate("e".into(), SigningAlg::EdDSA).expect("key");
        let jwk = key.jwk().expect("jwk");
        assert_eq!((jwk.kty.as_str(), jwk.y.as_deref()), ("OKP", None));
        let other = Jwk { crv: Some("Ed448".into()), ..jwk.clone() };
        assert!(other.verifying_key(SigningAlg::EdDSA).is_none());
        let short = Jwk { x: Some("AQAB".into()), ..jwk };
        assert!(short.verifying_key(SigningAlg::EdDSA).is_none());
    }

    /// RFC 8037 appendix A.4.
    #[test]
    fn the_signature_of_the_standard_verifies() {
        let jwk = Jwk {
            kty: "OKP".into(),
            kid: None,
            use_: None,
            alg: None,
            n: None,
            e: None,
            crv: Some("Ed25519".into()),
            x: Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into()),
            y: None,
        };
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let key = jwk.verifying_key(SigningAlg::EdDSA).expect("a key");
        assert!(key.verifies(signed.as_bytes(), &signature));
        assert!(!key.verifies(b"else", &signature));
    }

    #[test]
    fn a_point_off_the_curve_is_no_key() {
        let ec = SigningKey::generate("e".into(), SigningAlg::ES256).expect("key");
        let jwk = ec.jwk().expect("jwk");
        let off = Jwk { x: jwk.y.clone(), y: jwk.x.clone(), ..jwk };
        assert!(off.verifying_key(SigningAlg::ES256).is_none());
    }
}
