//! Encryption of assertions, name IDs and attributes: AES-256-GCM or CBC around the element, RSA-OAEP around the key.

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

/// How an element is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Gcm,
    Cbc,
    /// AES-256-GCM under RSA PKCS#1 v1.5, which nobody should take.
    Rsa15,
}

/// The `EncryptedData` that `element` becomes for the holder of the certificate's key.
pub(super) fn encrypted(
    element: &str,
    certificate: &X509,
    mode: Mode,
) -> Result<String, ErrorStack> {
    let secret = random::<32>();
    let (algorithm, data) = sealed(element.as_bytes(), &secret, mode)?;
    let (transport, padding) = match mode {
        Mode::Gcm | Mode::Cbc => ("rsa-oaep-mgf1p", Padding::PKCS1_OAEP),
        Mode::Rsa15 => ("rsa-1_5", Padding::PKCS1),
    };
    let key = wrapped(&secret, certificate, padding)?;
    Ok(format!(
        "<xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\">\
         <xenc:EncryptionMethod Algorithm=\"{algorithm}\"></xenc:EncryptionMethod>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey>\
         <xenc:EncryptionMethod Algorithm=\"{XENC}{transport}\"></xenc:EncryptionMethod>\
         <xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
         </xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue>\
         </xenc:CipherData></xenc:EncryptedData>",
        BASE64_STANDARD.encode(key),
        BASE64_STANDARD.encode(data),
    ))
}

fn sealed(data: &[u8], key: &[u8], mode: Mode) -> Result<(String, Vec<u8>), ErrorStack> {
    if mode == Mode::Cbc {
        let iv = random::<16>();
        let sealed = encrypt(Cipher::aes_256_cbc(), key, Some(&iv), data)?;
        return Ok((format!("{XENC}aes256-cbc"), [&iv[..], &sealed].concat()));
    }
    let (iv, mut tag) = (random::<12>(), [0; 16]);
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), key, Some(&iv), &[], data, &mut tag)?;
    let algorithm = "http://www.w3.org/2009/xmlenc11#aes256-gcm".to_owned();
    Ok((algorithm, [&iv[..], &sealed, &tag].concat()))
}

fn wrapped(secret: &[u8], certificate: &X509, padding: Padding) -> Result<Vec<u8>, ErrorStack> {
    let key = certificate.public_key()?;
    let mut encrypter = Encrypter::new(&key)?;
    encrypter.set_rsa_padding(padding)?;
    if padding == Padding::PKCS1_OAEP {
        encrypter.set_rsa_oaep_md(MessageDigest::sha1())?;
    }
    let mut out = vec![0; encrypter.encrypt_len(secret)?];
    let length = encrypter.encrypt(secret, &mut out)?;
    out.truncate(length);
    Ok(out)
}
