//! Encryption of assertions, name IDs and attributes: AES-GCM or CBC around the element, RSA-OAEP around
//! the key.

use base64::{Engine, prelude::BASE64_STANDARD};
use openssl::{
    encrypt::Encrypter,
    error::ErrorStack,
    hash::MessageDigest,
    rsa::Padding,
    symm::{Cipher, encrypt, encrypt_aead},
    x509::X509,
};

use super::random;

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

/// How an element is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// AES-256-GCM under RSA-OAEP with SHA-1, as most products do.
    Gcm,
    /// The same with a key of 128 bits.
    Gcm128,
    /// AES-256-GCM under RSA-OAEP with SHA-256 (XML Encryption 1.1 §5.5.2).
    OaepSha256,
    /// AES-256-CBC, as products of the past do.
    Cbc,
    /// AES-256-GCM under RSA PKCS#1 v1.5, which nobody should take.
    Rsa15,
}

impl Encryption {
    /// The `EncryptionMethod` of the key, and the padding behind it.
    fn transport(self) -> (String, Padding) {
        let simple = |uri: &str| {
            format!("<xenc:EncryptionMethod Algorithm=\"{uri}\"></xenc:EncryptionMethod>")
        };
        match self {
            Self::Gcm | Self::Gcm128 | Self::Cbc => {
                (simple(&format!("{XENC}rsa-oaep-mgf1p")), Padding::PKCS1_OAEP)
            }
            Self::Rsa15 => (simple(&format!("{XENC}rsa-1_5")), Padding::PKCS1),
            Self::OaepSha256 => {
                let method = format!(
                    "<xenc:EncryptionMethod Algorithm=\"{XENC11}rsa-oaep\"><ds:DigestMethod \
                     Algorithm=\"{XENC}sha256\"></ds:DigestMethod><xenc11:MGF \
                     xmlns:xenc11=\"{XENC11}\" Algorithm=\"{XENC11}mgf1sha256\"></xenc11:MGF>\
                     </xenc:EncryptionMethod>"
                );
                (method, Padding::PKCS1_OAEP)
            }
        }
    }

    fn hash(self) -> MessageDigest {
        if self == Self::OaepSha256 { MessageDigest::sha256() } else { MessageDigest::sha1() }
    }
}

/// An `EncryptedAssertion` for the holder of the certificate's key, around whatever is given.
///
/// # Errors
/// [`ErrorStack`] when OpenSSL cannot encrypt to that key.
pub fn encrypted_assertion(
    assertion: &str,
    certificate: &X509,
    mode: Encryption,
) -> Result<String, ErrorStack> {
    let data = encrypted(assertion, certificate, mode)?;
    Ok(format!(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{data}\
         </saml:EncryptedAssertion>"
    ))
}

/// The `EncryptedData` that `element` becomes for the holder of the certificate's key.
pub(super) fn encrypted(
    element: &str,
    certificate: &X509,
    mode: Encryption,
) -> Result<String, ErrorStack> {
    let secret = random::<32>();
    let secret = if mode == Encryption::Gcm128 { &secret[..16] } else { &secret[..] };
    let (algorithm, data) = sealed(element.as_bytes(), secret, mode)?;
    let (method, padding) = mode.transport();
    let key = wrapped(secret, certificate, padding, mode.hash())?;
    Ok(format!(
        "<xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\">\
         <xenc:EncryptionMethod Algorithm=\"{algorithm}\"></xenc:EncryptionMethod>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey>\
         {method}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
         </xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue>\
         </xenc:CipherData></xenc:EncryptedData>",
        BASE64_STANDARD.encode(key),
        BASE64_STANDARD.encode(data),
    ))
}

fn sealed(data: &[u8], key: &[u8], mode: Encryption) -> Result<(String, Vec<u8>), ErrorStack> {
    if mode == Encryption::Cbc {
        let iv = random::<16>();
        let sealed = encrypt(Cipher::aes_256_cbc(), key, Some(&iv), data)?;
        return Ok((format!("{XENC}aes256-cbc"), [&iv[..], &sealed].concat()));
    }
    let (iv, mut tag) = (random::<12>(), [0; 16]);
    let (cipher, bits) = match mode {
        Encryption::Gcm128 => (Cipher::aes_128_gcm(), 128),
        _ => (Cipher::aes_256_gcm(), 256),
    };
    let sealed = encrypt_aead(cipher, key, Some(&iv), &[], data, &mut tag)?;
    Ok((format!("{XENC11}aes{bits}-gcm"), [&iv[..], &sealed, &tag].concat()))
}

fn wrapped(
    secret: &[u8],
    certificate: &X509,
    padding: Padding,
    hash: MessageDigest,
) -> Result<Vec<u8>, ErrorStack> {
    let key = certificate.public_key()?;
    let mut encrypter = Encrypter::new(&key)?;
    encrypter.set_rsa_padding(padding)?;
    if padding == Padding::PKCS1_OAEP {
        encrypter.set_rsa_oaep_md(hash)?;
        encrypter.set_rsa_mgf1_md(hash)?;
    }
    let mut out = vec![0; encrypter.encrypt_len(secret)?];
    let length = encrypter.encrypt(secret, &mut out)?;
    out.truncate(length);
    Ok(out)
}
