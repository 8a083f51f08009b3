//! XML as far as SAML needs it: one pass over the text, bounded as it goes, into one flat tree.
//!
//! Comes in: text whose line ends are `\n`. Goes out: a [`Document`] that is well-formed and whose namespaces are
//! resolved, or the [`Rejection`] of the first thing that is not.
//!
//! ```text
//! nodes         Response  Issuer  "https://…"  Status  …      in document order; each knows its parent and its end
//! attributes    ID  Version  Destination  …                   in document order; each element has a range
//! declarations  samlp ◂─ saml ◂─ ds                           each knows the next outer one; an element its innermost
//! ```
//!
//! **Invariants**
//! * No document type, no entity but the five of XML, no processing instruction, in messages no comment.
//! * What is written stays at hand: names keep their prefix, values are what a canonical form is written from.
//! * Work and memory are linear in the text: depth, attributes, declarations and nodes are counted before they
//!   are kept, nothing is copied from element to element, and no code here calls itself.
//!
//! Source: XML 1.0 (Fifth Edition); Namespaces in XML 1.0 (Third Edition).

mod characters;
mod declaration;
mod node;
#[cfg(test)]
mod oracle;
mod parser;

use std::borrow::Cow;

use super::rejection::Rejection;

pub(super) use declaration::after_declaration;
pub(super) use node::{Attribute, Node};

/// Bytes of one message.
pub(super) const MESSAGE_BYTES: usize = 256 * 1024;
/// Bytes of one provider's metadata.
pub(super) const METADATA_BYTES: usize = 1024 * 1024;
/// Nodes of any document.
const NODES: usize = 20_000;
const DEPTH: usize = 48;
/// Attributes and declarations of one tag.
const ATTRIBUTES: usize = 48;
/// Declarations in scope.
pub(super) const NAMESPACES: usize = 48;
const NAME_BYTES: usize = 1_000;

/// Whether comments may stand in the document: in metadata, which people edit, not in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    Refused,
    Skipped,
}

/// A document, as flat as can be. Its first node is the root element.
pub(super) struct Document<'t> {
    nodes: Vec<NodeData<'t>>,
    attributes: Vec<AttributeData<'t>>,
    declarations: Vec<Declaration<'t>>,
}

struct NodeData<'t> {
    kind: Kind<'t>,
    /// The element that it stands in; the root element stands in itself.
    parent: u32,
    /// The first node after it and all that is in it.
    end: u32,
}

enum Kind<'t> {
    Element(Element<'t>),
    /// Adjoining pieces of text, CDATA among them, are one.
    Text(Cow<'t, str>),
    /// A comment where they may stand.
    Other,
}

/// The parts of its [`Name`] stand here one by one: there are many, and so they take a third less.
struct Element<'t> {
    written: &'t str,
    namespace: Link,
    /// The innermost declaration in scope.
    scope: Link,
    first_attribute: u32,
    attributes: u16,
    prefix: u16,
}

#[derive(Clone, Copy)]
struct Name<'t> {
    written: &'t str,
    /// Bytes of the prefix.
    prefix: u16,
    /// The declaration that binds it.
    namespace: Link,
}

struct AttributeData<'t> {
    name: Name<'t>,
    value: Cow<'t, str>,
}

/// `xmlns:prefix="uri"`; the default has the empty prefix.
struct Declaration<'t> {
    prefix: &'t str,
    uri: Cow<'t, str>,
    outer: Link,
}

/// A declaration by its place.
type Link = Option<std::num::NonZeroU32>;

impl<'t> Document<'t> {
    /// # Errors
    /// The first thing that is not well-formed, not allowed, or too much.
    pub(super) fn parse(text: &'t str, comments: Comments) -> Result<Self, Rejection> {
        parser::parse(text, comments)
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node::root(self)
    }

    /// Those of all elements.
    pub(super) fn all_attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        self.attributes.iter().map(|data| Attribute::new(self, data))
    }

    /// What is declared from `innermost` outwards.
    fn scope(&self, innermost: Link) -> impl Iterator<Item = (Link, &Declaration<'t>)> {
        let declaration =
            |link: &Link| link.and_then(|at| self.declarations.get(at.get() as usize - 1));
        let links =
            std::iter::successors(Some(innermost), move |link| Some(declaration(link)?.outer));
        links.map_while(move |link| Some((link, declaration(&link)?)))
    }

    fn uri(&self, link: Link) -> Option<&str> {
        let declaration = self.declarations.get(link?.get() as usize - 1)?;
        Some(&declaration.uri).filter(|uri| !uri.is_empty()).map(AsRef::as_ref)
    }
}

impl<'t> Element<'t> {
    fn name(&self) -> Name<'t> {
        Name { written: self.written, prefix: self.prefix, namespace: self.namespace }
    }
}

impl<'t> Name<'t> {
    fn prefix(self) -> &'t str {
        &self.written[..usize::from(self.prefix)]
    }

    fn local(self) -> &'t str {
        let colon = usize::from(self.prefix > 0);
        &self.written[usize::from(self.prefix) + colon..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, comments: Comments) -> Result<(), Rejection> {
        Document::parse(text, comments).map(drop)
    }

    #[test]
    fn every_kind_of_markup_has_its_answer() {
        for (text, expected) in [
            ("<a b='>' c=\"&lt;\"><![CDATA[<!-- ]]></a>", Ok(())),
            ("<?xml version='1.0' encoding='utf-8'?>\n<a/>\n", Ok(())),
            ("<?xml version=\"1.0\" standalone='yes' ?><a/>", Ok(())),
            ("<?xml version='1.1'?><a/>", Err(Rejection::ForeignEncoding)),
            ("<?xml version='1.0' encoding='UTF-16'?><a/>", Err(Rejection::ForeignEncoding)),
            ("<?xml encoding='UTF-8'?><a/>", Err(Rejection::ForeignEncoding)),
            ("<?xml version='1.0'", Err(Rejection::NotWellFormed)),
            ("<?xml version='1.0'encoding='UTF-8'?><a/>", Err(Rejection::NotWellFormed)),
            ("<?xml version='1.0' x='y'?><a/>", Err(Rejection::NotWellFormed)),
            (" <?xml version='1.0'?><a/>", Err(Rejection::ProcessingInstruction)),
            ("<!DOCTYPE a><a/>", Err(Rejection::Doctype)),
            ("<a><!ENTITY x 'y'></a>", Err(Rejection::Doctype)),
            ("<a><!-- x --></a>", Err(Rejection::Comment)),
            ("<a/><!-- x -->", Err(Rejection::Comment)),
            ("<a><?x y?></a>", Err(Rejection::ProcessingInstruction)),
            ("<a><![CDATA[", Err(Rejection::NotWellFormed)),
            ("<a b='", Err(Rejection::NotWellFormed)),
        ] {
            assert_eq!(check(text, Comments::Refused), expected, "{text}");
        }
        assert_eq!(check("<!-- - --><a>x<!-- < x --></a>", Comments::Skipped), Ok(()));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            " ",
            "x",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "<a/><![CDATA[]]>",
            "< a/>",
            "<a",
            "<a b/>",
            "<a b=1/>",
            "<a b='1'c='2'/>",
            "<a b='<'/>",
            "<a b='1' b='1'/>",
            "<a></a",
            "<a></a b='1'>",
            "<1/>",
            "<-a/>",
            "<a:/>",
            "<:a/>",
            "<p:a/>",
            "<a p:b=''/>",
            "<a xmlns:p='u'><p:b:c/></a>",
            "<a xmlns:p=''/>",
            "<a xmlns:xml='u'/>",
            "<a xmlns:xmlns='u'/>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns='u' xmlns='u'/>",
            "<a xmlns:p='u' xmlns:p='v'/>",
            "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='1'/>",
            "<xmlns:a/>",
            "<a>]]></a>",
            "<a>&</a>",
            "<a>&;</a>",
            "<a>&x;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#xFFFE;</a>",
            "<a>&#+65;</a>",
            "<a>&#x 41;</a>",
            "<a>\u{1}</a>",
            "<a b='\u{0}'/>",
            "<a>\u{FFFF}</a>",
            "<a>\r</a>",
        ] {
            let refused = check(text, Comments::Refused);
            assert_eq!(refused, Err(Rejection::NotWellFormed), "{text}");
        }
        assert_eq!(check("<a><!-- -- --></a>", Comments::Skipped), Err(Rejection::NotWellFormed));
        assert_eq!(check("<a><!-- ---></a>", Comments::Skipped), Err(Rejection::NotWellFormed));
    }

    #[test]
    fn floods_are_counted() {
        let declarations: String = (0..25).map(|n| format!(" xmlns:n{n} \n= 'u'")).collect();
        let attributes: String = (0..49).map(|n| format!(" a{n}='v'")).collect();
        let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        for (text, expected) in [
            (deep(48), Ok(())),
            (deep(49), Err(Rejection::TooDeep)),
            (format!("<r>{}</r>", "<a></a>".repeat(5_000)), Ok(())),
            (format!("<r>{}</r>", "<a/>".repeat(NODES)), Err(Rejection::TooManyNodes)),
            (format!("<r>{}</r>", "<a/>x".repeat(NODES / 2)), Err(Rejection::TooManyNodes)),
            (format!("<r>{}</r>", "x<![CDATA[y]]>".repeat(NODES)), Ok(())),
            (format!("<a{attributes}/>"), Err(Rejection::TooManyAttributes)),
            (format!("<a{declarations}><b/></a>"), Ok(())),
            (
                format!("<a{declarations}><b{}/></a>", declarations.replace(":n", ":m")),
                Err(Rejection::TooManyNamespaces),
            ),
            (format!("<a {}='v'/>", "x".repeat(1_001)), Err(Rejection::TooManyAttributes)),
        ] {
            assert_eq!(check(&text, Comments::Refused), expected, "{text:.60}");
        }
    }
}
