//! The one way to a document, and accessors that cannot be fooled.
//!
//! Everything is read by direct-child path. Text is the whole text or an error; an attribute is the one
//! without a namespace.

use std::borrow::Cow;

use memchr::memchr;

use super::{
    names::XML,
    rejection::Rejection,
    xml::{Comments, Document},
};

pub(super) use super::xml::Node;

/// A document that is well-formed, modest, and in which every ID occurs once.
pub(super) struct Tree<'t> {
    document: Document<'t>,
}

impl<'t> Tree<'t> {
    /// `text` has had its line ends normalised, see [`normalise`].
    pub(super) fn parse(text: &'t str, comments: Comments) -> Result<Self, Rejection> {
        let document = Document::parse(text, comments)?;
        check_ids(&document)?;
        Ok(Self { document })
    }

    pub(super) fn root(&self) -> Node<'_> {
        self.document.root()
    }
}

/// Without a byte order mark, with every line end as XML 1.0 §2.11 asks: `\n`.
pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if memchr(b'\r', text.as_bytes()).is_some() {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Every attribute that anybody may take for an ID is unique, whatever its namespace.
fn check_ids(document: &Document) -> Result<(), Rejection> {
    let ids = document.all_attributes().filter(|attribute| match attribute.name() {
        "ID" | "Id" | "AssertionID" => true,
        "id" => matches!(attribute.namespace(), None | Some(XML)),
        _ => false,
    });
    let mut ids: Vec<&str> = ids.map(|id| id.value()).collect();
    ids.sort_unstable();
    Rejection::DuplicateId.unless(ids.windows(2).all(|pair| pair[0] != pair[1]))
}

/// Whether `node` is the element `name` of `namespace`.
pub(super) fn is(node: Node, namespace: &str, name: &str) -> bool {
    node.name() == name && node.namespace() == Some(namespace)
}

/// The attribute `name` that has no namespace.
pub(super) fn attribute<'t>(node: Node<'t>, name: &str) -> Option<&'t str> {
    let mut attributes = node.attributes();
    let found = attributes.find(|found| found.name() == name && found.namespace().is_none())?;
    Some(found.value())
}

/// The attribute `name` of `namespace`.
pub(super) fn attribute_of<'t>(node: Node<'t>, namespace: &str, name: &str) -> Option<&'t str> {
    let mut attributes = node.attributes();
    let found =
        attributes.find(|found| found.name() == name && found.namespace() == Some(namespace))?;
    Some(found.value())
}

/// The direct children that are elements.
pub(super) fn elements(node: Node) -> impl Iterator<Item = Node> {
    node.children().filter(Node::is_element)
}

/// The direct children `name` of `namespace`.
pub(super) fn children<'t>(
    node: Node<'t>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'t>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The only direct child of that name, if there is one.
pub(super) fn child<'t>(
    node: Node<'t>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'t>>, Rejection> {
    let mut found = children(node, namespace, name);
    let first = found.next();
    Rejection::Repeated.when(found.next().is_some())?;
    Ok(first)
}

/// The only direct child of that name, which must be there.
pub(super) fn expect<'t>(
    node: Node<'t>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Node<'t>, Rejection> {
    child(node, namespace, name)?.ok_or(Rejection::Missing)
}

/// The whole text of an element that holds nothing else.
pub(super) fn text(node: Node<'_>) -> Result<Cow<'_, str>, Rejection> {
    let mut pieces = node.children();
    Rejection::NotText.unless(node.children().all(|piece| piece.is_text()))?;
    match (pieces.next().and_then(|piece| piece.text()), pieces.next()) {
        (None, _) => Ok(Cow::Borrowed("")),
        (Some(only), None) => Ok(Cow::Borrowed(only)),
        (Some(_), Some(_)) => Ok(node.children().filter_map(|piece| piece.text()).collect()),
    }
}

/// The prefix of a name as written.
pub(super) fn prefix(written: &str) -> Option<&str> {
    written.split_once(':').map(|(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tree<'_>, Rejection> {
        Tree::parse(text, Comments::Refused)
    }

    #[test]
    fn text_is_whole_or_refused() {
        let tree = parse("<r><a>x<![CDATA[y]]>&amp;z</a><b>x<c/>y</b><d/></r>").expect("parses");
        let texts: Vec<_> = elements(tree.root()).map(text).collect();
        assert_eq!(texts, [Ok("xy&z".into()), Err(Rejection::NotText), Ok("".into())]);
    }

    #[test]
    fn attributes_are_those_without_a_namespace() {
        let tree = parse("<r xmlns:x='u' x:ID='1' ID='2'/>").expect("parses");
        assert_eq!(attribute(tree.root(), "ID"), Some("2"));
        let tree = parse("<r xmlns:x='u' x:ID='1'/>").expect("parses");
        assert_eq!(attribute(tree.root(), "ID"), None);
    }

    #[test]
    fn ids_occur_once() {
        for (text, expected) in [
            ("<r ID='a'><b ID='b'/></r>", None),
            ("<r ID='a'><b Id='a'/></r>", Some(Rejection::DuplicateId)),
            ("<r ID='a'><b xml:id='a'/></r>", Some(Rejection::DuplicateId)),
            ("<r ID='a'><b AssertionID='a'/></r>", Some(Rejection::DuplicateId)),
            ("<r ID='a' xmlns:x='u'><b x:ID='a'/></r>", Some(Rejection::DuplicateId)),
            ("<r>", Some(Rejection::NotWellFormed)),
            ("<r>&x;</r>", Some(Rejection::NotWellFormed)),
        ] {
            assert_eq!(parse(text).err(), expected, "{text}");
        }
    }

    #[test]
    fn names_keep_their_prefix_and_line_ends_are_one() {
        let tree = parse("<p:r xmlns:p='u'><b\n/></p:r>").expect("parses");
        assert_eq!(tree.root().written_name(), "p:r");
        assert_eq!(elements(tree.root()).map(Node::written_name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(normalise("\u{feff}a\r\nb\rc"), "a\nb\nc");
    }
}
