//! Encrypted assertions, name IDs and attributes: RSA-OAEP around an AES key, AES-GCM around the element.
//!
//! Algorithms are judged before a private key is touched; whatever fails afterwards is the one
//! [`Rejection::Decryption`], so that nobody learns from the answer how far a guess came.
//!
//! Source: XML Encryption 1.1 §5.2, §5.5.2; SAML Core §6.

use std::cell::Cell;

use openssl::{
    encrypt::Decrypter,
    error::ErrorStack,
    pkey::Id,
    rsa::Padding,
    symm::{Cipher, Crypter, Mode, decrypt_aead},
};

use super::{
    algorithms::Hash,
    names::{DS, XENC, XENC11},
    rejection::Rejection,
    service_provider::SpKey,
    signature::decoded,
    tree::{Node, attribute, child, children, expect},
};

/// More copies of one content key than this are not tried.
const MOST_KEYS: usize = 4;
/// RSA private operations that one message may cost. Each takes from a quarter of a millisecond to a whole one, and no
/// message may cost 25; an assertion needs one, and one more for each name ID or attribute that is encrypted by itself.
pub(super) const MOST_OPERATIONS: u32 = 16;
const GCM_IV: usize = 12;
const GCM_TAG: usize = 16;
const CBC_BLOCK: usize = 16;

/// Decrypts what one message holds, with at most [`MOST_OPERATIONS`] uses of our keys.
pub(super) struct Opener<'a> {
    keys: &'a [SpKey],
    allow_cbc: bool,
    left: Cell<u32>,
    /// Which of our keys fitted last: it will fit again.
    fitting: Cell<usize>,
}

impl<'a> Opener<'a> {
    pub(super) fn new(keys: &'a [SpKey], allow_cbc: bool) -> Self {
        Self { keys, allow_cbc, left: Cell::new(MOST_OPERATIONS), fitting: Cell::new(0) }
    }

    /// The XML of the element inside `encrypted`. CBC only if `signed`: under a verified signature.
    pub(super) fn open(&self, encrypted: Node, signed: bool) -> Result<String, Rejection> {
        let data = expect(encrypted, XENC, "EncryptedData")?;
        let algorithm = DataAlgorithm::find(method(data)?)?;
        Rejection::Cbc.unless(algorithm.authenticated || self.allow_cbc && signed)?;
        let ciphertext = cipher_value(data)?;
        let wrapped = wrapped_keys(encrypted, data)?;
        let secrets = wrapped.iter().flat_map(|one| self.unwrap(one));
        let mut opened = secrets.filter_map(|secret| algorithm.open(&secret, &ciphertext));
        let bytes = opened.next().ok_or(Rejection::Decryption)?;
        String::from_utf8(bytes).map_err(|_| Rejection::Decryption)
    }

    /// What each of our RSA keys makes of a wrapped key.
    fn unwrap(&self, wrapped: &WrappedKey) -> impl Iterator<Item = Vec<u8>> {
        let first = self.fitting.get();
        let order = (0..self.keys.len()).map(move |at| (first + at) % self.keys.len());
        let ours = order.filter(|at| self.keys[*at].key.id() == Id::RSA);
        ours.take_while(|_| self.spend()).filter_map(|at| {
            let secret = wrapped.unwrap(&self.keys[at]).ok()?;
            self.fitting.set(at);
            Some(secret)
        })
    }

    fn spend(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

/// The copies of the content key: inside `KeyInfo`, or beside the data (SAML Core §2.3.4).
fn wrapped_keys(encrypted: Node, data: Node) -> Result<Vec<WrappedKey>, Rejection> {
    let inside = child(data, DS, "KeyInfo")?;
    let inside = inside.into_iter().flat_map(|info| children(info, XENC, "EncryptedKey"));
    let beside = children(encrypted, XENC, "EncryptedKey");
    inside.chain(beside).take(MOST_KEYS).map(WrappedKey::parse).collect()
}

struct WrappedKey {
    digest: Hash,
    mask: Hash,
    value: Vec<u8>,
}

impl WrappedKey {
    fn parse(node: Node) -> Result<Self, Rejection> {
        let method = expect(node, XENC, "EncryptionMethod")?;
        let digest = named_hash(method, DS, "DigestMethod", Hash::find)?;
        let mask = named_hash(method, XENC11, "MGF", mask_hash)?;
        let mask = match attribute(method, "Algorithm").unwrap_or_default() {
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => Hash::Sha1,
            "http://www.w3.org/2009/xmlenc11#rsa-oaep" => mask,
            _ => return Err(Rejection::EncryptionAlgorithm),
        };
        let labelled = child(method, XENC, "OAEPparams")?.is_some();
        Rejection::EncryptionAlgorithm.when(labelled)?;
        Ok(Self { digest, mask, value: cipher_value(node)? })
    }

    fn unwrap(&self, key: &SpKey) -> Result<Vec<u8>, ErrorStack> {
        let mut decrypter = Decrypter::new(&key.key)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(self.digest.function())?;
        decrypter.set_rsa_mgf1_md(self.mask.function())?;
        let mut secret = vec![0; decrypter.decrypt_len(&self.value)?];
        let length = decrypter.decrypt(&self.value, &mut secret)?;
        secret.truncate(length);
        Ok(secret)
    }
}

/// The hash that a child of `EncryptionMethod` names; SHA-1 without the child (XML Encryption §5.5.2).
fn named_hash(
    method: Node,
    namespace: &'static str,
    name: &'static str,
    find: fn(&str) -> Option<Hash>,
) -> Result<Hash, Rejection> {
    let Some(node) = child(method, namespace, name)? else { return Ok(Hash::Sha1) };
    find(attribute(node, "Algorithm").unwrap_or_default()).ok_or(Rejection::EncryptionAlgorithm)
}

fn mask_hash(uri: &str) -> Option<Hash> {
    match uri.strip_prefix(XENC11)? {
        "mgf1sha1" => Some(Hash::Sha1),
        "mgf1sha256" => Some(Hash::Sha256),
        "mgf1sha384" => Some(Hash::Sha384),
        "mgf1sha512" => Some(Hash::Sha512),
        _ => None,
    }
}

struct DataAlgorithm {
    cipher: Cipher,
    authenticated: bool,
}

impl DataAlgorithm {
    fn find(uri: &str) -> Result<Self, Rejection> {
        let (cipher, authenticated) = match uri {
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => (Cipher::aes_128_gcm(), true),
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => (Cipher::aes_256_gcm(), true),
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => (Cipher::aes_128_cbc(), false),
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => (Cipher::aes_256_cbc(), false),
            _ => return Err(Rejection::EncryptionAlgorithm),
        };
        Ok(Self { cipher, authenticated })
    }

    fn open(&self, secret: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        if secret.len() != self.cipher.key_len() {
            return None;
        }
        if self.authenticated { self.open_gcm(secret, data) } else { self.open_cbc(secret, data) }
    }

    fn open_gcm(&self, secret: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        let (iv, rest) = data.split_at_checked(GCM_IV)?;
        let (sealed, tag) = rest.split_at_checked(rest.len().checked_sub(GCM_TAG)?)?;
        decrypt_aead(self.cipher, secret, Some(iv), &[], sealed, tag).ok()
    }

    /// The last byte says how many bytes are padding (XML Encryption §5.2.1).
    fn open_cbc(&self, secret: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        let (iv, sealed) = data.split_at_checked(CBC_BLOCK)?;
        if sealed.is_empty() || !sealed.len().is_multiple_of(CBC_BLOCK) {
            return None;
        }
        let mut plain = self.without_padding(secret, iv, sealed).ok()?;
        let padding = usize::from(*plain.last()?);
        if !(1..=CBC_BLOCK).contains(&padding) {
            return None;
        }
        plain.truncate(plain.len() - padding);
        Some(plain)
    }

    fn without_padding(&self, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut crypter = Crypter::new(self.cipher, Mode::Decrypt, key, Some(iv))?;
        crypter.pad(false);
        let mut plain = vec![0; data.len() + CBC_BLOCK];
        let mut length = crypter.update(data, &mut plain)?;
        length += crypter.finalize(&mut plain[length..])?;
        plain.truncate(length);
        Ok(plain)
    }
}

fn method<'t>(node: Node<'t>) -> Result<&'t str, Rejection> {
    let method = expect(node, XENC, "EncryptionMethod")?;
    Ok(attribute(method, "Algorithm").unwrap_or_default())
}

fn cipher_value(node: Node) -> Result<Vec<u8>, Rejection> {
    let value = expect(expect(node, XENC, "CipherData")?, XENC, "CipherValue")?;
    decoded(value).map_err(|_| Rejection::Decryption)
}
