//! Signatures that say something else than the one accepted form.

use medict::samples::saml_idp::Algorithms;

use super::*;

const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// An honest message whose XML was changed in one place.
fn changed(from: &str, to: &str) -> String {
    let xml = honest().build_xml();
    assert!(xml.contains(from), "{from} is in the message");
    encode(xml.replacen(from, to, 1))
}

/// A message honestly signed by algorithms of our choice.
fn signed_by(change: impl FnOnce(Algorithms) -> Algorithms) -> String {
    honest().algorithms(change).build()
}

fn element(name: &str) -> (String, String, String) {
    let xml = honest().build_xml();
    let (start, end) = (format!("<ds:{name}"), format!("</ds:{name}>"));
    let from = xml.find(&start).expect("starts");
    let to = xml.find(&end).expect("ends") + end.len();
    (xml[..from].to_owned(), xml[from..to].to_owned(), xml[to..].to_owned())
}

/// The message with one element of the signature taken out, emptied, or doubled.
fn without(name: &str) -> String {
    let (before, _, after) = element(name);
    encode(before + &after)
}

fn emptied(name: &str) -> String {
    let (before, _, after) = element(name);
    let ds = "http://www.w3.org/2000/09/xmldsig#";
    encode(format!("{before}<ds:{name} xmlns:ds=\"{ds}\"></ds:{name}>{after}"))
}

fn doubled(name: &str) -> String {
    let (before, inside, after) = element(name);
    encode(format!("{before}{inside}{inside}{after}"))
}

#[test]
fn stripped_emptied_and_doubled() {
    assert_refused([
        ("stripped", without("Signature"), Rejection::Unsigned),
        ("empty signature", emptied("Signature"), Rejection::SignatureForm),
        ("two signatures", doubled("Signature"), Rejection::Repeated),
        ("no SignedInfo", without("SignedInfo"), Rejection::SignatureForm),
        ("empty SignedInfo", emptied("SignedInfo"), Rejection::SignatureForm),
        ("two SignedInfo", doubled("SignedInfo"), Rejection::SignatureForm),
        ("no value", without("SignatureValue"), Rejection::SignatureForm),
        ("empty value", emptied("SignatureValue"), Rejection::SignatureMismatch),
        ("two values", doubled("SignatureValue"), Rejection::SignatureForm),
        ("no reference", without("Reference"), Rejection::SignatureForm),
        ("two references", doubled("Reference"), Rejection::SignatureForm),
        ("no transforms", without("Transforms"), Rejection::SignatureForm),
        ("empty transforms", emptied("Transforms"), Rejection::SignatureTransforms),
        ("no digest", without("DigestValue"), Rejection::SignatureForm),
        ("empty digest", emptied("DigestValue"), Rejection::SignatureMismatch),
        ("two digests", doubled("DigestValue"), Rejection::SignatureForm),
        ("two digest methods", doubled("DigestMethod"), Rejection::SignatureForm),
    ]);
}

#[test]
fn a_missing_key_info_is_nothing_to_worry_about() {
    assert!(verify(&without("KeyInfo")).is_ok());
    assert!(verify(&emptied("KeyInfo")).is_ok());
}

#[test]
fn keys_come_from_the_configuration_only() {
    let foreign = honest().signed_with(OTHER.signing()).build();
    let (before, _, after) = element("KeyInfo");
    let shown = format!(
        "{before}<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo>{after}",
        OTHER.certificate()
    );
    assert_refused([("foreign key with its certificate", foreign, Rejection::SignatureMismatch)]);
    assert!(
        verify_xml(&shown).is_ok(),
        "whatever certificate is shown, ours is the one that counts"
    );
}

#[test]
fn algorithms_outside_the_list() {
    let method = |uri: &str| signed_by(|algorithms| algorithms.claiming_method(uri));
    let digest = |uri: &str| signed_by(|algorithms| algorithms.claiming_digest(uri));
    let canonicalization =
        |uri: &str| signed_by(|algorithms| algorithms.claiming_canonicalization(uri));
    let more = "http://www.w3.org/2001/04/xmldsig-more";
    let ds = "http://www.w3.org/2000/09/xmldsig";
    let c14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    assert_refused([
        ("HMAC-SHA1", method(&format!("{ds}#hmac-sha1")), Rejection::Algorithm),
        ("HMAC-SHA256", method(&format!("{more}#hmac-sha256")), Rejection::Algorithm),
        ("DSA", method(&format!("{ds}#dsa-sha1")), Rejection::Algorithm),
        ("RSA-MD5", method(&format!("{more}#rsa-md5")), Rejection::Algorithm),
        ("none", method(""), Rejection::Algorithm),
        ("upper case", method(&format!("{more}#RSA-SHA256")), Rejection::Algorithm),
        ("RSA-SHA1", method(&format!("{ds}#rsa-sha1")), Rejection::Sha1),
        (
            "ECDSA with an RSA key",
            method(&format!("{more}#ecdsa-sha256")),
            Rejection::SignatureMismatch,
        ),
        ("another hash", method(&format!("{more}#rsa-sha512")), Rejection::SignatureMismatch),
        ("SHA-1 digest", digest(&format!("{ds}#sha1")), Rejection::Sha1),
        ("MD5 digest", digest(&format!("{more}#md5")), Rejection::Algorithm),
        (
            "longer digest",
            digest("http://www.w3.org/2001/04/xmlenc#sha512"),
            Rejection::DigestMismatch,
        ),
        ("inclusive c14n", canonicalization(c14n), Rejection::Canonicalization),
        (
            "c14n 1.1",
            canonicalization("http://www.w3.org/2006/12/xml-c14n11"),
            Rejection::Canonicalization,
        ),
        (
            "comments",
            canonicalization(&format!("{EXC_C14N}WithComments")),
            Rejection::Canonicalization,
        ),
        ("no c14n", canonicalization(""), Rejection::Canonicalization),
    ]);
}

#[test]
fn transforms_are_two_and_these() {
    let transforms = |list: &[&str]| signed_by(|algorithms| algorithms.claiming_transforms(list));
    let enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    let xpath = "http://www.w3.org/TR/1999/REC-xpath-19991116";
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    let base64 = "http://www.w3.org/2000/09/xmldsig#base64";
    let comments = format!("{EXC_C14N}WithComments");
    let inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    assert_refused([
        ("one", transforms(&[enveloped]), Rejection::SignatureTransforms),
        ("other order", transforms(&[EXC_C14N, enveloped]), Rejection::SignatureTransforms),
        ("XSLT", transforms(&[enveloped, xslt]), Rejection::SignatureTransforms),
        ("XPath", transforms(&[xpath, EXC_C14N]), Rejection::SignatureTransforms),
        ("base64", transforms(&[enveloped, base64]), Rejection::SignatureTransforms),
        ("with comments", transforms(&[enveloped, &comments]), Rejection::SignatureTransforms),
        ("three", transforms(&[enveloped, EXC_C14N, EXC_C14N]), Rejection::SignatureTransforms),
        ("inclusive", transforms(&[enveloped, inclusive]), Rejection::Canonicalization),
    ]);
}

#[test]
fn the_reference_names_the_parent() {
    let id = {
        let xml = honest().build_xml();
        let from = xml.find("URI=\"#").expect("a reference") + 6;
        xml[from..from + 33].to_owned()
    };
    assert_eq!(id.len(), 33);
    let (xml, start) = (honest().build_xml(), "URI=\"#");
    let other = |to: &str| {
        let from = xml.find(start).expect("a reference");
        encode(format!("{}{to}{}", &xml[..from], &xml[from + start.len() + 33..]))
    };
    assert_refused([
        ("another ID", other("URI=\"#_other"), Rejection::SignatureReference),
        ("empty", other("URI=\""), Rejection::SignatureReference),
        ("absent", other("Type=\""), Rejection::SignatureReference),
        ("XPointer", other("URI=\"#xpointer(/)"), Rejection::SignatureReference),
        ("a URL", other("URI=\"https://x/#_a"), Rejection::SignatureReference),
    ]);
}

#[test]
fn values_are_text_and_nothing_else() {
    assert_refused([
        (
            "element in the digest",
            changed("<ds:DigestValue>", "<ds:DigestValue><x/>"),
            Rejection::SignatureForm,
        ),
        (
            "comment in the digest",
            changed("<ds:DigestValue>", "<ds:DigestValue><!---->"),
            Rejection::Comment,
        ),
        (
            "element in the value",
            changed("<ds:SignatureValue>", "<ds:SignatureValue><x/>"),
            Rejection::SignatureForm,
        ),
        (
            "text between",
            changed("<ds:SignatureValue>", "x<ds:SignatureValue>"),
            Rejection::SignatureForm,
        ),
        (
            "parameters of the method",
            changed(
                "</ds:SignatureMethod>",
                "<ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>",
            ),
            Rejection::SignatureForm,
        ),
        ("Object", changed("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>"), Rejection::SignatureForm),
        (
            "element of another namespace",
            changed("<ds:SignatureValue>", "<ds:SignatureValue xmlns:ds=\"urn:x\">"),
            Rejection::SignatureForm,
        ),
    ]);
}

#[test]
fn canonicalization_is_not_played_with() {
    assert_refused([
        (
            "default namespace on the assertion",
            changed("<saml:Assertion ", "<saml:Assertion xmlns=\"urn:x\" PrefixList=\"x\" "),
            Rejection::DigestMismatch,
        ),
        (
            "prefix list added to the transform",
            changed(
                &format!("<ds:Transform Algorithm=\"{EXC_C14N}\">"),
                &format!(
                    "<ds:Transform Algorithm=\"{EXC_C14N}\"><ec:InclusiveNamespaces \
                     xmlns:ec=\"{EXC_C14N}\" PrefixList=\"samlp\"/>"
                ),
            ),
            Rejection::SignatureMismatch,
        ),
        (
            "ID under a namespace",
            changed("<saml:Assertion ", "<saml:Assertion xmlns:x=\"urn:x\" x:ID=\"_x\" "),
            Rejection::DigestMismatch,
        ),
        (
            "white space added",
            changed("<saml:Subject>", " <saml:Subject>"),
            Rejection::DigestMismatch,
        ),
        (
            "attribute added",
            changed("<saml:NameID ", "<saml:NameID SPProvidedID=\"x\" "),
            Rejection::DigestMismatch,
        ),
        (
            "prefix renamed",
            changed("<saml:NameID ", "<saml:NameID xmlns:saml=\"urn:x\" "),
            Rejection::DigestMismatch,
        ),
    ]);
}
