//! Enveloped signatures of one fixed form, and what they cover.
//!
//! ```text
//! Signature ─ SignedInfo ─ CanonicalizationMethod
//!           │            ├ SignatureMethod
//!           │            └ Reference URI="#ID of the parent"
//!           │                ├ Transforms: enveloped-signature, exclusive c14n
//!           │                ├ DigestMethod
//!           │                └ DigestValue
//!           ├ SignatureValue
//!           └ KeyInfo?   never read
//! ```
//!
//! Source: SAML Core §5.4; XML Signature §3.2.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use openssl::{
    hash::{DigestBytes, Hasher},
    memcmp,
};

use super::{
    algorithms::{Hash, SignatureMethod, digest_method},
    base64,
    c14n::{Bounded, Method, canonicalize},
    certificates::{SigningKey, Trust},
    names::{ASSERTION, C14N, DS, ENVELOPED, EXC_C14N},
    redirect_query::SignedQuery,
    rejection::Rejection,
    steps::Fault,
    tree::{Node, attribute, child, elements, is, text},
    xml,
};

/// An element whose bytes a verified signature covers. Made only here.
#[derive(Clone, Copy)]
pub(super) struct Covered<'t>(Node<'t>);

impl<'t> Covered<'t> {
    pub(super) fn node(self) -> Node<'t> {
        self.0
    }

    /// Only for the mutation check, where [`Rejection::Unsigned`] is lifted.
    #[cfg(test)]
    pub(super) fn unproven(node: Node<'t>) -> Option<Self> {
        (!Rejection::Unsigned.in_force()).then_some(Self(node))
    }

    /// The root of the message that a signed query carried is covered with it.
    pub(super) fn by_query(root: Node<'t>, _proof: &SignedQuery) -> Self {
        Self(root)
    }

    /// The assertion that stands directly in this response is covered with it.
    pub(super) fn assertion(self) -> Option<Self> {
        child(self.0, ASSERTION, "Assertion").ok().flatten().map(Self)
    }

    /// What the covered ciphertext in this response decrypted to is covered with it.
    pub(super) fn decrypted(self, assertion: Node<'_>) -> Option<Covered<'_>> {
        let inside = child(self.0, ASSERTION, "EncryptedAssertion").ok().flatten();
        inside.map(|_| Covered(assertion))
    }
}

/// A signature that held.
pub(super) struct Signed<'t, 'k> {
    pub(super) covered: Covered<'t>,
    pub(super) by: &'k SigningKey,
    pub(super) method: &'static str,
    /// Whether it held only because of a concession to this provider.
    pub(super) weak: bool,
}

/// Verifies the signature that `parent` carries for itself; `None` when it carries none.
pub(super) fn verify<'t, 'k>(
    parent: Node<'t>,
    trust: &'k Trust,
) -> Result<Option<Signed<'t, 'k>>, Fault> {
    let Some(signature) = child(parent, DS, "Signature")? else { return Ok(None) };
    let signature = Signature::parse(signature)?;
    let info = SignedInfo::parse(signature.signed_info, trust)?;
    info.check_reference(parent)?;
    let by = signature.verify(&info, trust)?;
    info.verify_digest(parent, signature.node)?;
    let weak = info.is_weak();
    Ok(Some(Signed { covered: Covered(parent), by, method: info.method.uri, weak }))
}

/// What the signature of a document that is read in parts says of the whole; the signature itself held.
pub(super) struct Announced {
    pub(super) digest: Hash,
    pub(super) value: Vec<u8>,
    /// The `PrefixList` of exclusive canonicalization; other methods are refused.
    pub(super) prefixes: Vec<Option<String>>,
}

/// As [`verify`], but for the digest, which whoever reads the parts compares.
pub(super) fn announced(parent: Node, trust: &Trust) -> Result<Option<Announced>, Fault> {
    let Some(signature) = child(parent, DS, "Signature")? else { return Ok(None) };
    let signature = Signature::parse(signature)?;
    let info = SignedInfo::parse(signature.signed_info, trust)?;
    info.check_reference(parent)?;
    signature.verify(&info, trust)?;
    let Method::Exclusive(prefixes) = info.transform else {
        return Err(Rejection::Canonicalization.into());
    };
    let prefixes = prefixes.into_iter().map(|prefix| prefix.map(str::to_owned)).collect();
    Ok(Some(Announced { digest: info.digest, value: info.digest_value, prefixes }))
}

/// Bytes that the canonical form of a `SignedInfo` usually has, and at most: each key is tried on all of it.
const SIGNED_INFO: usize = 768;
const MOST_SIGNED_INFO: usize = 16 * 1024;
/// Bytes of the canonical form of anything else that is signed.
const MOST_CANONICAL: usize = 2 * xml::METADATA_BYTES;

struct Signature<'t> {
    node: Node<'t>,
    signed_info: Node<'t>,
    value: Vec<u8>,
}

impl<'t> Signature<'t> {
    fn parse(node: Node<'t>) -> Result<Self, Rejection> {
        let [signed_info, value, ref more @ ..] = parts(node)?[..] else {
            return Err(Rejection::SignatureForm);
        };
        let key_info = more.len() <= 1 && more.iter().all(|key| is(*key, DS, "KeyInfo"));
        Rejection::SignatureForm.unless(key_info)?;
        demand(signed_info, "SignedInfo")?;
        demand(value, "SignatureValue")?;
        Ok(Self { node, signed_info, value: decoded(value)? })
    }

    /// Finds the key that made it.
    fn verify<'k>(&self, info: &SignedInfo, trust: &'k Trust) -> Result<&'k SigningKey, Fault> {
        let mut signed = Bounded::new(SIGNED_INFO, MOST_SIGNED_INFO);
        canonicalize(&mut signed, self.signed_info, None, &info.c14n)
            .map_err(|_| Rejection::SignatureMismatch)?;
        let signed = signed.text;
        let made = |key: &&SigningKey| {
            info.method.verify(&key.key, signed.as_bytes(), &self.value)
                || !Rejection::SignatureMismatch.in_force()
        };
        trust.keys.iter().find(made).ok_or_else(|| {
            let known = trust.keys.iter().map(|key| key.info.fingerprint.as_str());
            let known = known.collect::<Vec<_>>().join(", ");
            Rejection::SignatureMismatch.seeing_plain(format!("none of the keys {known}"))
        })
    }
}

struct SignedInfo<'t> {
    c14n: Method<'t>,
    method: &'static SignatureMethod,
    reference: &'t str,
    transform: Method<'t>,
    digest: Hash,
    digest_value: Vec<u8>,
}

impl<'t> SignedInfo<'t> {
    fn parse(node: Node<'t>, trust: &Trust) -> Result<Self, Fault> {
        let [c14n, method, reference, ref more @ ..] = parts(node)?[..] else {
            return Err(Rejection::SignatureForm.into());
        };
        Rejection::SignatureForm.unless(more.is_empty())?;
        demand(c14n, "CanonicalizationMethod")?;
        demand(method, "SignatureMethod")?;
        demand(reference, "Reference")?;
        let [transforms, digest, value, ref more @ ..] = parts(reference)?[..] else {
            return Err(Rejection::SignatureForm.into());
        };
        Rejection::SignatureForm.unless(more.is_empty())?;
        demand(transforms, "Transforms")?;
        demand(digest, "DigestMethod")?;
        demand(value, "DigestValue")?;
        Ok(Self {
            c14n: canonicalization(c14n, trust)?,
            method: SignatureMethod::find(childless(method)?, trust.allow_sha1)
                .map_err(|rejection| rejection.seeing_plain(algorithm(method)))?,
            reference: attribute(reference, "URI").unwrap_or_default(),
            transform: enveloped(transforms, trust)?,
            digest: digest_method(childless(digest)?, trust.allow_sha1)
                .map_err(|rejection| rejection.seeing_plain(algorithm(digest)))?,
            digest_value: decoded(value)?,
        })
    }

    /// The signature is about the element that carries it, by its ID.
    fn check_reference(&self, parent: Node) -> Result<(), Rejection> {
        let id = attribute(parent, "ID").filter(|id| !id.is_empty());
        let own = id.is_some() && self.reference.strip_prefix('#') == id;
        Rejection::SignatureReference.unless(own)
    }

    fn verify_digest(&self, parent: Node, signature: Node) -> Result<(), Rejection> {
        let digest = Digest::new(self.digest).and_then(|mut digest| {
            canonicalize(&mut digest, parent, Some(signature), &self.transform).ok()?;
            digest.finish()
        });
        let wanted = self.digest_value.as_slice();
        let same =
            |digest: DigestBytes| digest.len() == wanted.len() && memcmp::eq(&digest, wanted);
        Rejection::DigestMismatch.unless(digest.is_some_and(same))
    }

    fn is_weak(&self) -> bool {
        self.method.uses_sha1()
            || self.digest == Hash::Sha1
            || self.c14n == Method::Inclusive
            || self.transform == Method::Inclusive
    }
}

/// The digest of a canonical form that is never held as a whole.
struct Digest {
    hasher: Hasher,
    /// What was not hashed yet: many small pieces come, and each call of the hasher has its price.
    waiting: Vec<u8>,
    /// Bytes so far.
    length: usize,
}

impl Digest {
    const PIECE: usize = 1_024;

    fn new(hash: Hash) -> Option<Self> {
        let hasher = Hasher::new(hash.function()).ok()?;
        Some(Self { hasher, waiting: Vec::with_capacity(Self::PIECE), length: 0 })
    }

    /// `None` also where nothing was written: an empty canonical form proves nothing.
    fn finish(mut self) -> Option<DigestBytes> {
        self.hasher.update(&self.waiting).ok()?;
        self.hasher.finish().ok().filter(|_| self.length > 0)
    }
}

impl Write for Digest {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.length += piece.len();
        if self.length > MOST_CANONICAL {
            return Err(fmt::Error);
        }
        if self.waiting.len() + piece.len() > Self::PIECE {
            self.hasher.update(&self.waiting).map_err(|_| fmt::Error)?;
            self.waiting.clear();
        }
        if piece.len() > Self::PIECE {
            return self.hasher.update(piece.as_bytes()).map_err(|_| fmt::Error);
        }
        self.waiting.extend_from_slice(piece.as_bytes());
        Ok(())
    }
}

/// Exactly `enveloped-signature`, then a canonicalization.
fn enveloped<'t>(transforms: Node<'t>, trust: &Trust) -> Result<Method<'t>, Fault> {
    let [first, second, ref more @ ..] = parts(transforms)?[..] else {
        return Err(Rejection::SignatureTransforms.into());
    };
    Rejection::SignatureTransforms.unless(more.is_empty())?;
    let named = [first, second].iter().all(|node| is(*node, DS, "Transform"));
    if !named || childless(first)? != ENVELOPED {
        return Err(Rejection::SignatureTransforms.seeing_plain(algorithm(first)));
    }
    match algorithm(second) {
        EXC_C14N | C14N => canonicalization(second, trust),
        other => Err(Rejection::SignatureTransforms.seeing_plain(other)),
    }
}

fn canonicalization<'t>(node: Node<'t>, trust: &Trust) -> Result<Method<'t>, Fault> {
    match algorithm(node) {
        EXC_C14N => Ok(Method::Exclusive(prefix_list(node)?)),
        C14N if trust.allow_inclusive_c14n || !Rejection::Canonicalization.in_force() => {
            childless(node)?;
            Ok(Method::Inclusive)
        }
        other => Err(Rejection::Canonicalization.seeing_plain(other)),
    }
}

/// More prefixes than the parser lets into scope are of no use, and each is looked for at every element.
const MOST_PREFIXES: usize = xml::NAMESPACES;

/// The prefixes of `InclusiveNamespaces` (Exclusive Canonicalization 1.0 §4), which has no content.
fn prefix_list(node: Node<'_>) -> Result<Vec<Option<&str>>, Rejection> {
    let list = match parts(node)?[..] {
        [] => "",
        [list] if is(list, EXC_C14N, "InclusiveNamespaces") => {
            childless(list)?;
            attribute(list, "PrefixList").unwrap_or_default()
        }
        _ => return Err(Rejection::SignatureForm),
    };
    let name = |prefix| if prefix == "#default" { None } else { Some(prefix) };
    Rejection::SignatureForm.when(list.split_ascii_whitespace().count() > MOST_PREFIXES)?;
    Ok(list.split_ascii_whitespace().map(name).collect())
}

/// The elements in `node`, which holds nothing else but white space.
fn parts(node: Node) -> Result<Vec<Node>, Rejection> {
    let stray = |text: &str| !text.trim_ascii().is_empty();
    let mut others = node.children().filter(|child| !child.is_element());
    Rejection::SignatureForm.when(others.any(|child| child.text().is_none_or(stray)))?;
    Ok(elements(node).collect())
}

fn demand(node: Node, name: &str) -> Result<(), Rejection> {
    Rejection::SignatureForm.unless(is(node, DS, name))
}

fn algorithm<'t>(node: Node<'t>) -> &'t str {
    attribute(node, "Algorithm").unwrap_or_default()
}

/// The algorithm of an element that takes no parameters.
fn childless<'t>(node: Node<'t>) -> Result<&'t str, Rejection> {
    Rejection::SignatureForm.unless(parts(node)?.is_empty())?;
    Ok(algorithm(node))
}

/// The bytes behind base64 text that may be broken into lines.
pub(super) fn decoded(node: Node) -> Result<Vec<u8>, Rejection> {
    let text: Cow<str> = text(node).map_err(|_| Rejection::SignatureForm)?;
    base64::decode(&text).ok_or(Rejection::SignatureForm)
}
