//! An identity provider that signs fresh responses; every deviation is a verb.
//!
//! ```no_run
//! # use medict::{domain::words::UnixTime, samples::saml_idp::SampleIdp};
//! let now = UnixTime(1_800_000_000);
//! let idp = SampleIdp::new("https://idp.example", "https://idp.example/sso", now).unwrap();
//! let saml_response = idp
//!     .respond_to("_request", "https://sp.example/acs", "https://sp.example", now)
//!     .person("ada", &[("mail", &["ada@hospital.example"])])
//!     .build();
//! ```

mod encrypt;
mod logout;
mod metadata;
mod request;
mod response;
mod sign;
mod write;

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::{X509, X509NameBuilder},
};

use crate::domain::words::UnixTime;

pub use encrypt::{Encryption, encrypted_assertion};
pub use logout::{LogoutBuilder, LogoutHeard};
pub use metadata::{MetadataBuilder, aggregate};
pub use request::{AskedFor, NotARequest};
pub use response::ResponseBuilder;
pub use sign::{Algorithms, Signing};

/// An identity provider with a key of its own.
pub struct SampleIdp {
    entity_id: String,
    sso_url: String,
    slo_url: Option<String>,
    signing: Signing,
}

impl SampleIdp {
    /// Makes a fresh RSA key and certificate.
    ///
    /// # Errors
    /// [`ErrorStack`] when OpenSSL cannot.
    pub fn new(entity_id: &str, sso_url: &str, now: UnixTime) -> Result<Self, ErrorStack> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        Self::with_key(entity_id, sso_url, key, now)
    }

    /// As [`SampleIdp::new`], with a key that exists.
    ///
    /// # Errors
    /// [`ErrorStack`] when the key cannot sign its certificate.
    pub fn with_key(
        entity_id: &str,
        sso_url: &str,
        key: PKey<Private>,
        now: UnixTime,
    ) -> Result<Self, ErrorStack> {
        let certificate = certify(&key, now)?;
        let signing = Signing { key, certificate };
        let (entity_id, sso_url) = (entity_id.to_owned(), sso_url.to_owned());
        Ok(Self { entity_id, sso_url, slo_url: None, signing })
    }

    /// Takes logout messages by redirect, there.
    #[must_use]
    pub fn with_slo(self, slo_url: &str) -> Self {
        Self { slo_url: Some(slo_url.to_owned()), ..self }
    }

    /// Its entityID.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where it takes requests.
    #[must_use]
    pub fn sso_url(&self) -> &str {
        &self.sso_url
    }

    /// Its certificate, base64 without armour.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.signing.certificate_base64()
    }

    /// Its key and certificate, to sign something of one's own.
    #[must_use]
    pub fn signing(&self) -> &Signing {
        &self.signing
    }

    /// Its metadata (SAML Metadata §2.4.3).
    #[must_use]
    pub fn metadata(&self) -> String {
        self.describe().build()
    }

    /// Begins its metadata.
    #[must_use]
    pub fn describe(&self) -> MetadataBuilder {
        MetadataBuilder::of(self)
    }

    /// Begins a response to `request_id`, delivered to `acs_url`, for `audience`.
    #[must_use]
    pub fn respond_to(
        &self,
        request_id: &str,
        acs_url: &str,
        audience: &str,
        now: UnixTime,
    ) -> ResponseBuilder {
        ResponseBuilder::new(self, request_id, acs_url, audience, now)
    }
}

/// A self-signed certificate, good for a year.
fn certify(key: &PKey<Private>, now: UnixTime) -> Result<X509, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", "sample identity provider")?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let serial = BigNum::from_slice(&random::<8>())?.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let begin = Asn1Time::from_unix(now.plus(-60).0)?;
    let end = Asn1Time::from_unix(now.plus(365 * 86_400).0)?;
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    builder.set_pubkey(key)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// A fresh `ID`: no digit first, 128 random bits.
fn fresh_id() -> String {
    random::<16>().iter().fold("_".to_owned(), |id, byte| id + &format!("{byte:02x}"))
}

/// Random bytes; zeros should OpenSSL fail, which a sample can live with.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand_bytes(&mut bytes).ok();
    bytes
}

/// `value` inside a double-quoted attribute, in canonical form.
fn attribute(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    value.replace('\t', "&#x9;").replace('\n', "&#xA;").replace('\r', "&#xD;")
}

/// `value` as element content, in canonical form.
fn text(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    value.replace('\r', "&#xD;")
}
