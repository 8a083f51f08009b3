//! The signature and digest algorithms that we accept, and no others.
//!
//! HMAC is not among them, so a public key can never be taken for a secret.
//!
//! Source: RFC 9231 §2.3; XML Signature 1.1 §6; NIST SP 800-131A for what is too weak.

use openssl::{
    bn::BigNum,
    ecdsa::EcdsaSig,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{HasPublic, Id, PKey, Private, Public},
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer, Verifier},
};

use super::rejection::Rejection;

/// How the digest becomes a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Pkcs1,
    Pss,
    Ecdsa,
}

/// A signature method by its identifier.
pub(super) struct SignatureMethod {
    pub(super) uri: &'static str,
    scheme: Scheme,
    hash: Hash,
}

/// A hash function that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

const METHODS: [SignatureMethod; 12] = [
    method("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", Scheme::Pkcs1, Hash::Sha256),
    method("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", Scheme::Pkcs1, Hash::Sha384),
    method("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", Scheme::Pkcs1, Hash::Sha512),
    method("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", Scheme::Pss, Hash::Sha256),
    method("http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1", Scheme::Pss, Hash::Sha384),
    method("http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", Scheme::Pss, Hash::Sha512),
    method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", Scheme::Ecdsa, Hash::Sha256),
    method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", Scheme::Ecdsa, Hash::Sha384),
    method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", Scheme::Ecdsa, Hash::Sha512),
    method("http://www.w3.org/2000/09/xmldsig#rsa-sha1", Scheme::Pkcs1, Hash::Sha1),
    method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1", Scheme::Ecdsa, Hash::Sha1),
    method("http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1", Scheme::Pss, Hash::Sha1),
];

const DIGESTS: [(&str, Hash); 4] = [
    ("http://www.w3.org/2001/04/xmlenc#sha256", Hash::Sha256),
    ("http://www.w3.org/2001/04/xmldsig-more#sha384", Hash::Sha384),
    ("http://www.w3.org/2001/04/xmlenc#sha512", Hash::Sha512),
    ("http://www.w3.org/2000/09/xmldsig#sha1", Hash::Sha1),
];

const fn method(uri: &'static str, scheme: Scheme, hash: Hash) -> SignatureMethod {
    SignatureMethod { uri, scheme, hash }
}

impl Hash {
    /// By the identifier of a `DigestMethod`.
    pub(super) fn find(uri: &str) -> Option<Self> {
        DIGESTS.iter().find(|(known, _)| *known == uri).map(|(_, hash)| *hash)
    }

    pub(super) fn function(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// Refuses SHA-1 unless the provider's switch allows it.
    fn allowed(self, allow_sha1: bool) -> Result<Self, Rejection> {
        Rejection::Sha1.when(self == Self::Sha1 && !allow_sha1)?;
        Ok(self)
    }
}

/// The digest that a `Reference` may name.
pub(super) fn digest_method(uri: &str, allow_sha1: bool) -> Result<Hash, Rejection> {
    Hash::find(uri).ok_or(Rejection::Algorithm)?.allowed(allow_sha1)
}

impl SignatureMethod {
    /// The method that a `SignedInfo` may name.
    pub(super) fn find(uri: &str, allow_sha1: bool) -> Result<&'static Self, Rejection> {
        let found = METHODS.iter().find(|method| method.uri == uri).ok_or(Rejection::Algorithm)?;
        found.hash.allowed(allow_sha1)?;
        Ok(found)
    }

    /// The method that we sign with, by type of key; `None` for keys that sign nothing here.
    pub(super) fn ours(key: &PKey<Private>) -> Option<&'static Self> {
        match key.id() {
            Id::RSA => Some(&METHODS[0]),
            Id::EC => Some(&METHODS[6]),
            _ => None,
        }
    }

    pub(super) fn uses_sha1(&self) -> bool {
        self.hash == Hash::Sha1
    }

    /// Whether `key` made `signature` over `data`. A key of another type did not.
    pub(super) fn verify(&self, key: &PKey<Public>, data: &[u8], signature: &[u8]) -> bool {
        match self.scheme {
            Scheme::Pkcs1 | Scheme::Pss if key.id() == Id::RSA => {
                self.verify_with(key, data, signature)
            }
            Scheme::Ecdsa if key.id() == Id::EC => {
                ecdsa_to_der(key, signature).is_some_and(|der| self.verify_with(key, data, &der))
            }
            _ => false,
        }
    }

    fn verify_with(&self, key: &PKey<Public>, data: &[u8], signature: &[u8]) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let mut verifier = Verifier::new(self.hash.function(), key)?;
            if self.scheme == Scheme::Pss {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
            verifier.verify_oneshot(signature, data)
        };
        verify().unwrap_or(false)
    }

    /// Signs as XML Signature wants it: ECDSA as `r || s` (XML Signature 1.1 §6.4.3).
    pub(super) fn sign(&self, key: &PKey<Private>, data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let signature = Signer::new(self.hash.function(), key)?.sign_oneshot_to_vec(data)?;
        match self.scheme {
            Scheme::Pkcs1 | Scheme::Pss => Ok(signature),
            Scheme::Ecdsa => ecdsa_from_der(key, &signature),
        }
    }
}

/// Bytes of one half of an ECDSA signature.
fn half_length<T: HasPublic>(key: &PKey<T>) -> Option<i32> {
    let bits = key.ec_key().ok()?.group().order_bits();
    i32::try_from(bits.div_ceil(8)).ok()
}

fn ecdsa_to_der(key: &PKey<Public>, signature: &[u8]) -> Option<Vec<u8>> {
    let half = usize::try_from(half_length(key)?).ok()?;
    if signature.len() != 2 * half {
        return None;
    }
    let (r, s) = signature.split_at(half);
    let (r, s) = (BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?);
    EcdsaSig::from_private_components(r, s).ok()?.to_der().ok()
}

fn ecdsa_from_der(key: &PKey<Private>, der: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let signature = EcdsaSig::from_der(der)?;
    let half = half_length(key).unwrap_or(32);
    let mut halves = signature.r().to_vec_padded(half)?;
    halves.extend(signature.s().to_vec_padded(half)?);
    Ok(halves)
}

#[cfg(test)]
mod tests {
    use openssl::{
        ec::{EcGroup, EcKey},
        nid::Nid,
        rsa::Rsa,
    };

    use super::*;

    fn public(key: &PKey<Private>) -> PKey<Public> {
        PKey::public_key_from_der(&key.public_key_to_der().expect("der")).expect("public")
    }

    fn keys() -> [PKey<Private>; 3] {
        let curve = |nid| EcGroup::from_curve_name(nid).expect("curve");
        let ec = |nid| PKey::from_ec_key(EcKey::generate(&curve(nid)).expect("key"));
        [
            PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("rsa"),
            ec(Nid::X9_62_PRIME256V1).expect("p-256"),
            ec(Nid::SECP384R1).expect("p-384"),
        ]
    }

    #[test]
    fn only_the_key_that_signed_verifies_and_only_what_was_signed() {
        let keys = keys();
        for (index, key) in keys.iter().enumerate() {
            let method = SignatureMethod::ours(key).expect("signs");
            let signature = method.sign(key, b"data").expect("signed");
            for (other, candidate) in keys.iter().enumerate() {
                let verified = method.verify(&public(candidate), b"data", &signature);
                assert_eq!(verified, other == index, "{index} by {other}");
            }
            assert!(!method.verify(&public(key), b"date", &signature));
            assert!(!method.verify(&public(key), b"data", &signature[1..]));
            assert!(!method.verify(&public(key), b"data", b""));
        }
    }

    #[test]
    fn sha1_needs_a_switch_and_hmac_is_unknown() {
        let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
        let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
        assert_eq!(SignatureMethod::find(sha1, false).err(), Some(Rejection::Sha1));
        assert!(SignatureMethod::find(sha1, true).is_ok());
        assert_eq!(SignatureMethod::find(hmac, true).err(), Some(Rejection::Algorithm));
        assert_eq!(SignatureMethod::find("", true).err(), Some(Rejection::Algorithm));
        assert_eq!(
            digest_method("http://www.w3.org/2001/04/xmldsig-more#md5", true),
            Err(Rejection::Algorithm)
        );
    }
}
