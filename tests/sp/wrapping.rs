//! Signature wrapping: the signature holds, but about something else than what would be read.
//!
//! XSW1 to XSW8 as SAML Raider names them (Somorovsky et al., USENIX Security 2012).

use super::*;

/// The pieces of an honest message, and a forged assertion to smuggle in.
struct Pieces {
    xml: String,
    /// The signed element, signature included.
    signed: String,
    /// Its `ds:Signature`.
    signature: String,
}

impl Pieces {
    /// A response whose assertion is signed.
    fn of_assertion() -> Self {
        let xml = honest().build_xml();
        let signed = cut(&xml, "<saml:Assertion", "</saml:Assertion>");
        let signature = cut(&xml, "<ds:Signature", "</ds:Signature>");
        Self { xml, signed, signature }
    }

    /// A response that is signed itself.
    fn of_response() -> Self {
        let xml = honest().sign_response().build_xml();
        let signature = cut(&xml, "<ds:Signature", "</ds:Signature>");
        Self { signed: xml.clone(), xml, signature }
    }

    fn unsigned(&self) -> String {
        self.signed.replace(&self.signature, "")
    }

    /// The signed element with another person and other IDs; its signature as given.
    fn forged(&self, signature: &str) -> String {
        let forged = self.unsigned().replace(">ada<", ">evil<").replace(" ID=\"_", " ID=\"_e");
        forged.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    }

    /// The message with the signed element replaced.
    fn carrying(&self, content: &str) -> String {
        encode(self.xml.replace(&self.signed, content))
    }

    /// The signature with something more inside.
    fn signature_around(&self, content: &str) -> String {
        let end = "</ds:Signature>";
        self.signature.replace(end, &format!("<ds:Object>{content}</ds:Object>{end}"))
    }
}

fn cut(xml: &str, start: &str, end: &str) -> String {
    let from = xml.find(start).expect("a start");
    let to = xml.rfind(end).expect("an end") + end.len();
    xml[from..to].to_owned()
}

fn before_end(element: &str, content: &str) -> String {
    let end = element.rfind("</").expect("an end tag");
    format!("{}{content}{}", &element[..end], &element[end..])
}

fn before_status(response: &str, content: &str) -> String {
    response.replacen("<samlp:Status>", &format!("{content}<samlp:Status>"), 1)
}

#[test]
fn xsw_of_a_signed_response() {
    let honest = Pieces::of_response();
    let (original, signature) = (honest.unsigned(), &honest.signature);
    let xsw1 = honest.forged(&honest.signature_around(&original));
    let xsw2 = honest.forged(&format!("{original}{signature}"));
    let inside = before_end(&honest.forged(signature), &original);
    assert_refused([
        ("XSW1", encode(xsw1), Rejection::Misplaced),
        ("XSW2", encode(xsw2), Rejection::Misplaced),
        ("original at the end", encode(inside), Rejection::Misplaced),
        ("forged, nothing else", encode(honest.forged(signature)), Rejection::SignatureReference),
        (
            "forged under the same ID",
            encode(honest.signed.replace(">ada<", ">evil<")),
            Rejection::DigestMismatch,
        ),
    ]);
}

#[test]
fn xsw_of_a_signed_assertion() {
    let honest = Pieces::of_assertion();
    let (original, signed) = (honest.unsigned(), honest.signed.as_str());
    let signature = honest.signature.as_str();
    let forged = honest.forged("");
    let extensions = format!("<samlp:Extensions>{forged}</samlp:Extensions>");
    let xsw5 = format!("{}{original}", honest.forged(signature));
    let xsw6 = honest.forged(&honest.signature_around(&original));
    let xsw7 = encode(before_status(&honest.xml, &extensions));
    let xsw8 = honest.forged(&honest.signature_around(&original));
    let advice = before_end(&forged, &format!("<saml:Advice>{signed}</saml:Advice>"));
    assert_refused([
        ("XSW3", honest.carrying(&format!("{forged}{signed}")), Rejection::SeveralAssertions),
        ("XSW4", honest.carrying(&before_end(&forged, signed)), Rejection::Misplaced),
        ("XSW5", honest.carrying(&xsw5), Rejection::SeveralAssertions),
        ("XSW6", honest.carrying(&xsw6), Rejection::Misplaced),
        ("XSW7", xsw7, Rejection::Misplaced),
        ("XSW8", honest.carrying(&xsw8), Rejection::Misplaced),
        ("evil after", honest.carrying(&format!("{signed}{forged}")), Rejection::SeveralAssertions),
        ("original in Advice", honest.carrying(&advice), Rejection::Misplaced),
        (
            "signature kept",
            honest.carrying(&honest.forged(signature)),
            Rejection::SignatureReference,
        ),
    ]);
}

#[test]
fn smuggling_under_other_names() {
    let honest = Pieces::of_assertion();
    let (signed, forged) = (honest.signed.as_str(), honest.forged(""));
    let foreign = forged.replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:x");
    let older = forged.replace("SAML:2.0:assertion", "SAML:1.0:assertion");
    let extended = before_status(&honest.xml, "<samlp:Extensions><Signature/></samlp:Extensions>");
    let twin = honest.signed.replace(&honest.signature, "").replace(">ada<", ">evil<");
    let encrypted = cut(
        &super::honest().encrypted_for(&SP.keys[0].certificate).build_xml(),
        "<saml:EncryptedAssertion",
        "</saml:EncryptedAssertion>",
    );
    assert_refused([
        ("foreign namespace", honest.carrying(&format!("{foreign}{signed}")), Rejection::Misplaced),
        ("SAML 1", honest.carrying(&format!("{signed}{older}")), Rejection::Misplaced),
        ("Signature without namespace", encode(extended), Rejection::Misplaced),
        ("same ID", honest.carrying(&format!("{twin}{signed}")), Rejection::DuplicateId),
        (
            "an encrypted one beside",
            honest.carrying(&format!("{encrypted}{signed}")),
            Rejection::SeveralAssertions,
        ),
        (
            "nested response",
            encode(before_end(&honest.xml, &nested(&honest))),
            Rejection::Misplaced,
        ),
    ]);
}

fn nested(honest: &Pieces) -> String {
    honest.xml.replace(&honest.signed, "").replacen(" ID=\"_", " ID=\"_n", 1)
}

/// A signed error response lends its signature to nobody.
#[test]
fn a_signed_error_response_carries_no_assertion() {
    let failed = honest().status(&["Responder"]).sign_response().build_xml();
    let assertion = cut(&failed, "<saml:Assertion", "</saml:Assertion>");
    let forged = failed.replace(&assertion, &assertion.replace(">ada<", ">evil<"));
    assert_refused([
        ("as it was signed", encode(&failed), Rejection::Status),
        ("with another assertion", encode(forged), Rejection::DigestMismatch),
        (
            "with another status",
            encode(failed.replace("status:Responder", "status:Success")),
            Rejection::DigestMismatch,
        ),
    ]);
}

/// A good signature on the assertion does not excuse a bad one on the response, nor the reverse.
#[test]
fn none_may_be_bad() {
    let both = honest().sign_both().build_xml();
    let destination = both.replacen("Destination=\"https://sp", "Destination=\"https://xx", 1);
    let single = Pieces::of_assertion();
    let bad_inside = single.signed.replace(">ada<", ">evil<");
    assert_refused([
        ("response changed outside the assertion", encode(destination), Rejection::DigestMismatch),
        ("assertion changed", single.carrying(&bad_inside), Rejection::DigestMismatch),
        (
            "response changed inside",
            encode(both.replace(">ada<", ">evil<")),
            Rejection::DigestMismatch,
        ),
    ]);
}
