//! Who we are towards one provider.

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, Private},
    x509::{X509, X509NameBuilder},
};

use crate::domain::words::UnixTime;

use super::certificates::{CertificateInfo, describe};

/// Our entity as one provider knows it.
pub struct ServiceProvider {
    /// Our entityID; the audience of assertions for us.
    pub entity_id: String,
    /// Where responses arrive by POST.
    pub acs_url: String,
    /// Where logout messages arrive, by redirect or POST.
    pub slo_url: String,
    /// The first signs; all decrypt.
    pub keys: Vec<SpKey>,
}

/// A key of ours with the certificate that carries its public half to providers.
#[derive(Clone)]
pub struct SpKey {
    /// RSA, or EC for signing only.
    pub key: PKey<Private>,
    /// Self-signed, see [`make_certificate`].
    pub certificate: X509,
}

impl SpKey {
    /// What an administrator wants to see of the certificate.
    ///
    /// # Errors
    /// [`ErrorStack`] when OpenSSL cannot read its own certificate.
    pub fn info(&self) -> Result<CertificateInfo, ErrorStack> {
        describe(&self.certificate)
    }
}

/// Ten years, in seconds: providers pin the key, and its end is our decision, not the calendar's.
const LIFETIME: i64 = 10 * 365 * 86_400;

/// Bytes of a serial number, one less than RFC 5280 §4.1.2.2 allows: the first bit may be set.
const LONGEST_SERIAL: usize = 19;

/// Makes a self-signed certificate, good from an hour before `now` for ten years.
///
/// `serial` are random bytes; 16 are enough.
///
/// # Errors
/// [`ErrorStack`] when `common_name` has more than 64 characters or the key cannot sign.
pub fn make_certificate(
    key: &PKey<Private>,
    common_name: &str,
    now: UnixTime,
    serial: &[u8],
) -> Result<X509, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", common_name)?;
    let name = name.build();
    let serial = BigNum::from_slice(&serial[..serial.len().min(LONGEST_SERIAL)])?;
    let serial = serial.to_asn1_integer()?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let (begin, end) =
        (Asn1Time::from_unix(now.plus(-3_600).0)?, Asn1Time::from_unix(now.plus(LIFETIME).0)?);
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    builder.set_pubkey(key)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use openssl::rsa::Rsa;

    use super::*;

    #[test]
    fn certificates_name_us_and_end_in_ten_years() {
        let key = PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key");
        let now = UnixTime(1_800_000_000);
        for serial in [&[0xff; 32][..], &[1], &[]] {
            let certificate = make_certificate(&key, "medict", now, serial).expect("made");
            let info = describe(&certificate).expect("readable");
            assert_eq!((info.subject.as_str(), info.not_after), ("CN=medict", now.plus(LIFETIME)));
            assert!(certificate.verify(&key).expect("self-signed"));
        }
    }
}
