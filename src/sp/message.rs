//! From what the browser delivered to a document whose elements stand where they belong.

use memchr::memchr;

use super::{
    base64,
    names::{ASSERTION, DS, PROTOCOL},
    rejection::Rejection,
    steps::{Checked, passed},
    tree::{Node, children, is},
    xml::MESSAGE_BYTES,
};

use crate::domain::trace::Actual;

/// What a response carries.
pub(super) enum Content<'t> {
    Plain(Node<'t>),
    Encrypted(Node<'t>),
    /// Only a status.
    Nothing,
}

/// The size that base64 of the largest message has, with room for line breaks.
const ENCODED_BYTES: usize = MESSAGE_BYTES / 3 * 4 + MESSAGE_BYTES / 8;

/// Refuses what is too large before anything looks inside.
pub(super) fn check_size(encoded: &str) -> Checked<()> {
    let actual = format!("{} bytes", encoded.len());
    if encoded.len() > ENCODED_BYTES && Rejection::TooLarge.in_force() {
        return Err(Rejection::TooLarge.seeing_plain(actual));
    }
    passed(actual)
}

/// Decodes the form parameter (SAML Bindings §3.5.4).
pub(super) fn decode(encoded: &str) -> Checked<Vec<u8>> {
    let bytes = base64::decode(encoded).ok_or(Rejection::NotBase64)?;
    if bytes.len() > MESSAGE_BYTES && Rejection::TooLarge.in_force() {
        return Err(Rejection::TooLarge.seeing_plain(format!("{} bytes", bytes.len())));
    }
    let actual = Actual::plain(format!("{} bytes", bytes.len()));
    Ok((bytes, actual))
}

/// The text behind the bytes; no other encoding is tried. A zero byte is UTF-16 that happens to be
/// UTF-8 as well.
pub(super) fn utf8(bytes: Vec<u8>) -> Checked<String> {
    if memchr(0, &bytes).is_some() {
        return Err(Rejection::NotUtf8.into());
    }
    let text = String::from_utf8(bytes).map_err(|_| Rejection::NotUtf8)?;
    Ok((text, Actual::plain("UTF-8")))
}

/// Finds the one assertion of a `Response`.
pub(super) fn shape(root: Node) -> Checked<Content> {
    if !is(root, PROTOCOL, "Response") && Rejection::WrongRoot.in_force() {
        return Err(Rejection::WrongRoot.seeing_plain(root.name()));
    }
    check_places(root)?;
    let mut plain = children(root, ASSERTION, "Assertion").map(Content::Plain);
    let mut encrypted = children(root, ASSERTION, "EncryptedAssertion").map(Content::Encrypted);
    let content = [plain.next(), encrypted.next(), plain.next(), encrypted.next()];
    let mut content = content.into_iter().flatten();
    match (content.next(), content.next()) {
        (_, Some(_)) if Rejection::SeveralAssertions.in_force() => {
            Err(Rejection::SeveralAssertions.into())
        }
        (None, _) => Ok((Content::Nothing, Actual::plain("a status without an assertion"))),
        (Some(one), _) => Ok((one, Actual::plain("one assertion"))),
    }
}

/// A decrypted document is one `Assertion`.
pub(super) fn decrypted_shape(root: Node) -> Checked<()> {
    check_decrypted(root, "Assertion")?;
    passed("one assertion")
}

/// A decrypted document is one element `name`, with nothing in it that belongs elsewhere.
pub(super) fn check_decrypted(root: Node, name: &str) -> Result<(), Rejection> {
    Rejection::WrongRoot.unless(is(root, ASSERTION, name))?;
    check_places(root)
}

/// The elements that prove or grant stand only in their one place, under no other namespace: nothing
/// is hidden in `Extensions`, `Advice`, `Object` or a second wrapper.
fn check_places(root: Node) -> Result<(), Rejection> {
    let in_place = |node: Node| {
        let in_response = || node.parent() == Some(root) && is(root, PROTOCOL, "Response");
        match node.name() {
            "Response" => node == root && is(node, PROTOCOL, "Response"),
            "Assertion" => is(node, ASSERTION, "Assertion") && (node == root || in_response()),
            "EncryptedAssertion" => is(node, ASSERTION, "EncryptedAssertion") && in_response(),
            "Signature" => is(node, DS, "Signature") && node.parent().is_some_and(may_be_signed),
            _ => true,
        }
    };
    let mut elements = root.descendants().filter(Node::is_element);
    Rejection::Misplaced.unless(elements.all(in_place))
}

fn may_be_signed(node: Node) -> bool {
    is(node, PROTOCOL, "Response") || is(node, ASSERTION, "Assertion")
}
