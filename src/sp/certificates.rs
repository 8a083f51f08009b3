//! Certificates as they are pasted, and the keys in them.
//!
//! A certificate here is a way to write a key down (SAML V2.0 Metadata Interoperability Profile §2.6.1):
//! its dates, issuer and extensions decide nothing. We show its end, so that somebody renews it in time.

use base64::{Engine, prelude::BASE64_STANDARD};
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey, Public},
    x509::{X509, X509NameRef, X509Ref},
};

use crate::domain::words::UnixTime;

/// What an administrator wants to see of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The subject's name, for recognition only.
    pub subject: String,
    /// Its last second.
    pub not_after: UnixTime,
    /// SHA-256 over the certificate, in lower-case hexadecimal.
    pub fingerprint: String,
}

/// A key that a provider signs with.
pub(super) struct SigningKey {
    pub(super) key: PKey<Public>,
    pub(super) info: CertificateInfo,
    /// The certificate as base64, to write it down again.
    pub(super) base64: String,
}

/// Whom to believe, and with which concessions.
pub(super) struct Trust {
    pub(super) keys: Vec<SigningKey>,
    pub(super) allow_sha1: bool,
    pub(super) allow_inclusive_c14n: bool,
}

/// Why a certificate is of no use, in words that follow the path of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("is neither a PEM nor a base64 certificate")]
    NotACertificate,
    #[error("has an RSA key shorter than 2048 bits")]
    ShortRsa,
    #[error("has an RSA key longer than 8192 bits, or an exponent longer than 64 bits")]
    LongRsa,
    #[error("has an elliptic curve key that is on neither P-256 nor P-384")]
    ForeignCurve,
    #[error("has neither an RSA nor an elliptic curve key")]
    ForeignKey,
}

impl SigningKey {
    /// Reads PEM, or base64 with any white space.
    pub(super) fn parse(text: &str) -> Result<Self, Unusable> {
        let certificate = parse(text).ok_or(Unusable::NotACertificate)?;
        let key = certificate.public_key().map_err(|_| Unusable::NotACertificate)?;
        check_strength(&key)?;
        let info = describe(&certificate).map_err(|_| Unusable::NotACertificate)?;
        let base64 = to_base64(&certificate).map_err(|_| Unusable::NotACertificate)?;
        Ok(Self { key, info, base64 })
    }
}

/// What a certificate says; `None` for what is none, or has a key too weak to count.
#[must_use]
pub fn read_certificate(text: &str) -> Option<CertificateInfo> {
    SigningKey::parse(text).ok().map(|key| key.info)
}

fn parse(text: &str) -> Option<X509> {
    if text.trim_start().starts_with("-----BEGIN") {
        return X509::from_pem(text.trim_start().as_bytes()).ok();
    }
    let compact: String = text.split_ascii_whitespace().collect();
    X509::from_der(&BASE64_STANDARD.decode(compact).ok()?).ok()
}

/// RSA of 2048 bits (NIST SP 800-131A) to 8192, beyond which each signature costs milliseconds, or P-256 or P-384.
fn check_strength(key: &PKey<Public>) -> Result<(), Unusable> {
    match key.id() {
        Id::RSA if key.bits() < 2048 => Err(Unusable::ShortRsa),
        Id::RSA => {
            let exponent = key.rsa().map_or(i32::MAX, |rsa| rsa.e().num_bits());
            if key.bits() <= 8192 && exponent <= 64 { Ok(()) } else { Err(Unusable::LongRsa) }
        }
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
            match curve {
                Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1) => Ok(()),
                _ => Err(Unusable::ForeignCurve),
            }
        }
        _ => Err(Unusable::ForeignKey),
    }
}

/// What we show of a certificate.
pub(super) fn describe(certificate: &X509Ref) -> Result<CertificateInfo, ErrorStack> {
    let digest = certificate.digest(MessageDigest::sha256())?;
    Ok(CertificateInfo {
        subject: readable(certificate.subject_name()),
        not_after: unix_time(certificate.not_after())?,
        fingerprint: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn readable(name: &X509NameRef) -> String {
    let entries = name.entries().filter_map(|entry| {
        let value = entry.data().to_string().ok()?;
        Some(format!("{}={value}", entry.object().nid().short_name().unwrap_or("?")))
    });
    entries.collect::<Vec<_>>().join(", ")
}

fn unix_time(time: &Asn1TimeRef) -> Result<UnixTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(UnixTime(i64::from(since.days) * 86_400 + i64::from(since.secs)))
}

/// The base64 that stands in `ds:X509Certificate`.
pub(super) fn to_base64(certificate: &X509Ref) -> Result<String, ErrorStack> {
    Ok(BASE64_STANDARD.encode(certificate.to_der()?))
}
