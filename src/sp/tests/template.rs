//! Signs a response as it was written: fills in the digest and value of every signature that lacks them,
//! innermost first. Canonicalizes by another implementation than the one under test.

use base64::{Engine, prelude::BASE64_STANDARD};
use openssl::{
    ecdsa::EcdsaSig,
    hash::{MessageDigest, hash},
    pkey::Id,
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer},
};
use roxmltree::{Document, Node};
use ua_cryptography_xml_c14n::{Algorithm, canonicalize};

use crate::samples::saml_idp::{Encryption, Signing, encrypted_assertion};

use super::world::SP;

/// The signed response, and the same before its assertion was encrypted.
pub(super) fn sign(template: &str, signing: &Signing, encrypt: bool) -> (String, String) {
    let plain = signed_at(template, signing, |parent| parent == "Assertion");
    let xml = if encrypt { sealed(&plain) } else { plain.clone() };
    (signed_at(&xml, signing, |_| true), signed_at(&plain, signing, |_| true))
}

fn signed_at(xml: &str, signing: &Signing, parents: fn(&str) -> bool) -> String {
    let mut xml = xml.to_owned();
    while let Some(next) = filled(&xml, signing, parents) {
        xml = next;
    }
    xml
}

/// The assertion, encrypted to us.
fn sealed(xml: &str) -> String {
    let document = Document::parse(xml).expect("well-formed");
    let assertion = named(document.root_element(), "Assertion");
    let plain = &xml[assertion.range()];
    let sealed =
        encrypted_assertion(plain, &SP.keys[0].certificate, Encryption::Gcm).expect("encrypted");
    xml.replacen(plain, &sealed, 1)
}

/// The innermost unfinished signature finished, if there is one.
fn filled(xml: &str, signing: &Signing, parents: fn(&str) -> bool) -> Option<String> {
    let document = Document::parse(xml).expect("well-formed");
    let unfinished = document.descendants().filter(|node| {
        node.tag_name().name() == "Signature"
            && parents(node.parent_element().expect("a parent").tag_name().name())
            && is_empty(named(*node, "SignatureValue"))
    });
    let signature = unfinished.max_by_key(|node| node.ancestors().count())?;
    let digest_value = named(signature, "DigestValue");
    if is_empty(digest_value) {
        return Some(put(xml, digest_value, &digest(signature)));
    }
    Some(put(xml, named(signature, "SignatureValue"), &value(signature, signing)))
}

fn digest(signature: Node) -> String {
    let parent = signature.parent_element().expect("a parent");
    let transform = named(signature, "Transforms").last_element_child().expect("a transform");
    let covered = canonical(parent, transform, Some(signature));
    let function = hash_of(algorithm(named(signature, "DigestMethod")));
    BASE64_STANDARD.encode(hash(function, &covered).expect("digest"))
}

fn value(signature: Node, signing: &Signing) -> String {
    let info = named(signature, "SignedInfo");
    let signed = canonical(info, named(info, "CanonicalizationMethod"), None);
    let method = algorithm(named(info, "SignatureMethod"));
    let mut signer = Signer::new(hash_of(method), &signing.key).expect("signer");
    if method.ends_with("MGF1") {
        signer.set_rsa_padding(Padding::PKCS1_PSS).expect("padding");
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).expect("salt");
    }
    let value = signer.sign_oneshot_to_vec(&signed).expect("signature");
    BASE64_STANDARD.encode(if signing.key.id() == Id::EC { joined(&value, signing) } else { value })
}

/// `r || s`.
fn joined(der: &[u8], signing: &Signing) -> Vec<u8> {
    let half = i32::try_from(signing.key.bits().div_ceil(8)).expect("small");
    let signature = EcdsaSig::from_der(der).expect("a signature");
    let numbers = [signature.r(), signature.s()];
    numbers.iter().flat_map(|number| number.to_vec_padded(half).expect("fits")).collect()
}

fn canonical<'t>(
    node: Node<'t, 't>,
    method: Node<'t, 't>,
    except: Option<Node<'t, 't>>,
) -> Vec<u8> {
    let list = method.first_element_child().and_then(|list| list.attribute("PrefixList"));
    let list: Vec<_> = list.unwrap_or_default().split_ascii_whitespace().collect();
    let algorithm = if algorithm(method).contains("exc-c14n") {
        Algorithm::Exclusive
    } else {
        Algorithm::Inclusive
    };
    canonicalize(node, algorithm, &list, except)
}

fn hash_of(uri: &str) -> MessageDigest {
    match uri {
        _ if uri.contains("sha1") => MessageDigest::sha1(),
        _ if uri.contains("sha384") => MessageDigest::sha384(),
        _ if uri.contains("sha512") => MessageDigest::sha512(),
        _ => MessageDigest::sha256(),
    }
}

fn algorithm<'t>(node: Node<'t, 't>) -> &'t str {
    node.attribute("Algorithm").expect("an algorithm")
}

fn named<'t>(node: Node<'t, 't>, name: &str) -> Node<'t, 't> {
    node.descendants().find(|node| node.tag_name().name() == name).expect("an element")
}

fn is_empty(node: Node) -> bool {
    node.text().unwrap_or_default().trim().is_empty()
}

/// `text` before the end of an element.
fn put(xml: &str, node: Node, text: &str) -> String {
    let end = xml[node.range()].rfind("</").expect("an end tag") + node.range().start;
    format!("{}{text}{}", &xml[..end], &xml[end..])
}
