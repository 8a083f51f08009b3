//! Enveloped signatures over XML that is already in exclusive canonical form.

use base64::{Engine, prelude::BASE64_STANDARD};
use openssl::{
    bn::BigNumRef,
    ecdsa::EcdsaSig,
    hash::{MessageDigest, hash},
    pkey::{Id, PKey, Private},
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer},
    x509::X509,
};

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// A key, and the certificate that goes into `KeyInfo`.
#[derive(Clone)]
pub struct Signing {
    /// Signs.
    pub key: PKey<Private>,
    /// Is shown.
    pub certificate: X509,
}

/// What a signature says it was made with.
#[derive(Clone)]
pub struct Algorithms {
    kind: &'static str,
    signature: String,
    digest: String,
    canonicalization: String,
    transforms: Vec<String>,
    hash: MessageDigest,
    pss: bool,
}

impl Algorithms {
    /// The `SignatureMethod`.
    pub(super) fn method(&self) -> &str {
        &self.signature
    }

    /// SHA-256 by the type of key, exclusive canonicalization.
    #[must_use]
    pub fn of(key: &PKey<Private>) -> Self {
        let kind = if key.id() == Id::EC { "ecdsa" } else { "rsa" };
        Self {
            kind,
            signature: format!("{MORE}{kind}-sha256"),
            digest: "http://www.w3.org/2001/04/xmlenc#sha256".to_owned(),
            canonicalization: EXC_C14N.to_owned(),
            transforms: vec![ENVELOPED.to_owned(), EXC_C14N.to_owned()],
            hash: MessageDigest::sha256(),
            pss: false,
        }
    }

    /// Says another `SignatureMethod` than the one used.
    #[must_use]
    pub fn claiming_method(self, uri: &str) -> Self {
        Self { signature: uri.to_owned(), ..self }
    }

    /// Says another `DigestMethod` than the one used.
    #[must_use]
    pub fn claiming_digest(self, uri: &str) -> Self {
        Self { digest: uri.to_owned(), ..self }
    }

    /// Says another `CanonicalizationMethod` than the one used.
    #[must_use]
    pub fn claiming_canonicalization(self, uri: &str) -> Self {
        Self { canonicalization: uri.to_owned(), ..self }
    }

    /// Says other `Transform`s than those used.
    #[must_use]
    pub fn claiming_transforms(self, uris: &[&str]) -> Self {
        Self { transforms: uris.iter().map(|uri| (*uri).to_owned()).collect(), ..self }
    }

    /// RSA with SHA-1, as products of the past do.
    #[must_use]
    pub fn sha1(self) -> Self {
        Self {
            signature: format!("{DS}rsa-sha1"),
            digest: format!("{DS}sha1"),
            hash: MessageDigest::sha1(),
            ..self
        }
    }

    /// SHA-384.
    #[must_use]
    pub fn sha384(self) -> Self {
        Self {
            signature: format!("{MORE}{}-sha384", self.kind),
            digest: format!("{MORE}sha384"),
            hash: MessageDigest::sha384(),
            ..self
        }
    }

    /// SHA-512.
    #[must_use]
    pub fn sha512(self) -> Self {
        Self {
            signature: format!("{MORE}{}-sha512", self.kind),
            digest: "http://www.w3.org/2001/04/xmlenc#sha512".to_owned(),
            hash: MessageDigest::sha512(),
            ..self
        }
    }

    /// RSA-PSS, with SHA-256.
    #[must_use]
    pub fn pss(self) -> Self {
        let signature = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1".to_owned();
        Self { signature, pss: true, ..self }
    }
}

impl Signing {
    /// The certificate, base64 without armour.
    #[must_use]
    pub fn certificate_base64(&self) -> String {
        BASE64_STANDARD.encode(self.certificate.to_der().unwrap_or_default())
    }

    /// The `ds:Signature` for `element`, which is in exclusive canonical form and has this `id`.
    #[must_use]
    pub fn signature_for(&self, element: &str, id: &str, algorithms: &Algorithms) -> String {
        let digest = hash(algorithms.hash, element.as_bytes()).map(|digest| digest.to_vec());
        let info = signed_info(id, &BASE64_STANDARD.encode(digest.unwrap_or_default()), algorithms);
        self.signature_with(&info, algorithms)
    }

    /// A `ds:Signature` around any `SignedInfo`.
    #[must_use]
    pub fn signature_with(&self, info: &str, algorithms: &Algorithms) -> String {
        let declared =
            info.replacen("<ds:SignedInfo>", &format!("<ds:SignedInfo xmlns:ds=\"{DS}\">"), 1);
        let value = BASE64_STANDARD.encode(self.sign(declared.as_bytes(), algorithms));
        format!(
            "<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
             <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
             </ds:KeyInfo></ds:Signature>",
            self.certificate_base64()
        )
    }

    /// Empty should OpenSSL fail; nobody accepts that.
    pub(super) fn sign(&self, data: &[u8], algorithms: &Algorithms) -> Vec<u8> {
        let sign = || {
            let mut signer = Signer::new(algorithms.hash, &self.key)?;
            if algorithms.pss {
                signer.set_rsa_padding(Padding::PKCS1_PSS)?;
                signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
            let signature = signer.sign_oneshot_to_vec(data)?;
            let half = i32::try_from(self.key.bits().div_ceil(8)).unwrap_or(32);
            if self.key.id() == Id::EC { joined(&signature, half) } else { Ok(signature) }
        };
        sign().unwrap_or_default()
    }
}

/// `r || s`, each of `half` bytes.
fn joined(der: &[u8], half: i32) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let signature = EcdsaSig::from_der(der)?;
    let half = |number: &BigNumRef| number.to_vec_padded(half);
    Ok([half(signature.r())?, half(signature.s())?].concat())
}

fn signed_info(id: &str, digest: &str, algorithms: &Algorithms) -> String {
    let transforms = algorithms.transforms.iter();
    let transforms: String = transforms
        .map(|uri| format!("<ds:Transform Algorithm=\"{uri}\"></ds:Transform>"))
        .collect();
    format!(
        "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\">\
         <ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm=\"{}\">\
         </ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        algorithms.canonicalization, algorithms.signature, algorithms.digest,
    )
}
