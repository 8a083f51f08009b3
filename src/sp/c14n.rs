//! Canonical XML: the bytes that a signature is about.
//!
//! Exclusive Canonicalization 1.0 with `InclusiveNamespaces`, and Canonical XML 1.0 for providers that
//! cannot do better; both without comments. Documents come from a [`super::tree::Tree`], so there are no
//! processing instructions and no document type.
//!
//! Source: <https://www.w3.org/TR/xml-exc-c14n/> §3, <https://www.w3.org/TR/2001/REC-xml-c14n-20010315> §2.

#[cfg(test)]
pub(super) mod documents;
#[cfg(test)]
mod oracle;

use std::{
    fmt::{self, Write},
    mem,
};

use super::{
    escape,
    names::XML,
    tree::{Node, prefix},
    xml::Attribute,
};

/// Which namespace declarations an element shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Method<'t> {
    /// Those that it visibly uses, and the prefixes of the `PrefixList` (`None`: `#default`).
    Exclusive(Vec<Option<&'t str>>),
    /// All that are in scope.
    Inclusive,
}

/// Writes the canonical form of `apex` and what is in it, leaving out the element `except`.
///
/// # Errors
/// Only those of `out`; whoever digests must refuse then.
pub(super) fn canonicalize(
    out: &mut impl Write,
    apex: Node,
    except: Option<Node>,
    method: &Method,
) -> fmt::Result {
    let inherited = match method {
        Method::Exclusive(_) => Vec::new(),
        Method::Inclusive => inherited_xml_attributes(apex),
    };
    let mut writer = Writer {
        out,
        method,
        apex,
        except,
        rendered: Vec::new(),
        attributes: Vec::new(),
        wanted: Vec::new(),
    };
    writer.element(apex, &inherited)
}

/// The `xml:` attributes of the ancestors, nearest first (Canonical XML 1.0 §2.4).
fn inherited_xml_attributes(apex: Node) -> Vec<Attribute> {
    let mut found: Vec<Attribute> = Vec::new();
    for attribute in apex.ancestors().flat_map(|node| node.attributes()) {
        let known = |other: &Attribute| other.name() == attribute.name();
        if attribute.namespace() == Some(XML) && !found.iter().any(known) {
            found.push(attribute);
        }
    }
    found.retain(|attribute| !apex.attributes().any(|own| own.is(*attribute)));
    found
}

/// Takes so many bytes and no more: a namespace of many bytes is written once for each element that uses it.
pub(super) struct Bounded {
    pub(super) text: String,
    most: usize,
}

impl Bounded {
    pub(super) fn new(usual: usize, most: usize) -> Self {
        Self { text: String::with_capacity(usual), most }
    }
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if piece.len() > self.most.saturating_sub(self.text.len()) {
            return Err(fmt::Error);
        }
        self.text.push_str(piece);
        Ok(())
    }
}

struct Writer<'t, 'm, W> {
    out: &'m mut W,
    method: &'m Method<'m>,
    apex: Node<'t>,
    except: Option<Node<'t>>,
    /// The declarations shown by the open elements: prefix and URI, innermost last.
    rendered: Vec<(Option<&'t str>, &'t str)>,
    /// Room for the attributes of one start tag, and for the prefixes it wants declared.
    attributes: Vec<Attribute<'t>>,
    wanted: Vec<Option<&'t str>>,
}

impl<'t, W: Write> Writer<'t, '_, W> {
    fn element(&mut self, node: Node<'t>, inherited: &[Attribute<'t>]) -> fmt::Result {
        let (outer, name) = (self.rendered.len(), node.written_name());
        self.start_tag(node, name, inherited)?;
        for child in node.children() {
            self.content(child)?;
        }
        self.write(["</", name, ">"])?;
        self.rendered.truncate(outer);
        Ok(())
    }

    fn content(&mut self, node: Node<'t>) -> fmt::Result {
        if node.is_text() {
            escape::write_text(self.out, node.text().unwrap_or_default())
        } else if node.is_element() && self.except != Some(node) {
            self.element(node, &[])
        } else {
            Ok(())
        }
    }

    fn start_tag(
        &mut self,
        node: Node<'t>,
        name: &'t str,
        inherited: &[Attribute<'t>],
    ) -> fmt::Result {
        let mut attributes = mem::take(&mut self.attributes);
        attributes.extend(inherited.iter().copied().chain(node.attributes()));
        attributes.sort_unstable_by_key(|attribute| (attribute.namespace(), attribute.name()));
        self.write(["<", name])?;
        self.declarations(node, name, &attributes)?;
        for attribute in attributes.drain(..) {
            self.pair([" ", attribute.written_name()], attribute.value())?;
        }
        self.attributes = attributes;
        self.write([">"])
    }

    /// Shows each declaration unless the nearest open element that declares the prefix says the same.
    fn declarations(
        &mut self,
        node: Node<'t>,
        name: &'t str,
        attributes: &[Attribute<'t>],
    ) -> fmt::Result {
        let mut wanted = mem::take(&mut self.wanted);
        self.collect_wanted(&mut wanted, node, name, attributes);
        for prefix in wanted.drain(..) {
            let uri = node.uri_of(prefix).unwrap_or_default();
            let shown = self.rendered.iter().rev().find(|(shown, _)| *shown == prefix);
            if shown.map_or("", |(_, uri)| uri) == uri {
                continue;
            }
            match prefix {
                Some(prefix) => self.pair([" xmlns:", prefix], uri)?,
                None => self.pair([" xmlns"], uri)?,
            }
            self.rendered.push((prefix, uri));
        }
        self.wanted = wanted;
        Ok(())
    }

    /// The prefixes to declare, sorted, each once; the default namespace first.
    fn collect_wanted(
        &self,
        wanted: &mut Vec<Option<&'t str>>,
        node: Node<'t>,
        name: &'t str,
        attributes: &[Attribute<'t>],
    ) {
        // What the element around shows need not be looked at again.
        let around = node.parent().filter(|_| node != self.apex);
        let declared = || node.prefixes(around).chain([None]);
        match self.method {
            Method::Inclusive => wanted.extend(declared()),
            Method::Exclusive(list) => {
                let used = attributes.iter().map(|found| prefix(found.written_name()));
                wanted.extend(used.filter(Option::is_some).chain([prefix(name)]));
                if !list.is_empty() {
                    wanted.extend(declared().filter(|prefix| list.contains(prefix)));
                }
            }
        }
        wanted.retain(|prefix| *prefix != Some("xml"));
        wanted.sort_unstable();
        wanted.dedup();
    }

    fn pair<const N: usize>(&mut self, name: [&str; N], value: &str) -> fmt::Result {
        self.write(name)?;
        self.write(["=\""])?;
        escape::write_attribute(self.out, value)?;
        self.write(["\""])
    }

    fn write<const N: usize>(&mut self, pieces: [&str; N]) -> fmt::Result {
        pieces.into_iter().try_for_each(|piece| self.out.write_str(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            tree::{Tree, elements, normalise},
            xml::Comments,
        },
        *,
    };

    fn written(apex: Node, method: &Method) -> String {
        let mut out = String::new();
        canonicalize(&mut out, apex, None, method).expect("a string takes everything");
        out
    }

    fn canonical(text: &str, method: &Method) -> String {
        let text = normalise(text);
        let tree = Tree::parse(&text, Comments::Skipped).expect("parses");
        written(tree.root(), method)
    }

    fn inner(text: &str, method: &Method) -> String {
        let tree = Tree::parse(text, Comments::Skipped).expect("parses");
        let apex = elements(tree.root()).next().expect("a child");
        written(apex, method)
    }

    #[test]
    fn whole_documents() {
        for (text, expected) in [
            ("<a/>", "<a></a>"),
            ("<?xml version='1.0'?>\n<a  b = 'x' />\n", "<a b=\"x\"></a>"),
            ("<a c='1' b='2'/>", "<a b=\"2\" c=\"1\"></a>"),
            ("<a>&lt;&gt;&amp;&quot;&#13;&#9;</a>", "<a>&lt;&gt;&amp;\"&#xD;\t</a>"),
            ("<a>x\r\ny\rz</a>", "<a>x\ny\nz</a>"),
            ("<a b='&lt;>&#10;&#13;&#9;&quot;'/>", "<a b=\"&lt;>&#xA;&#xD;&#x9;&quot;\"></a>"),
            ("<a b='x\ty\nz'/>", "<a b=\"x y z\"></a>"),
            ("<a><![CDATA[<x>]]></a>", "<a>&lt;x&gt;</a>"),
            ("<a>x<!-- y -->z</a>", "<a>xz</a>"),
            ("<a>&#xE9;é</a>", "<a>éé</a>"),
            ("<p:a xmlns:p='u' xmlns:q='v'/>", "<p:a xmlns:p=\"u\"></p:a>"),
            ("<a xmlns='u'><b xmlns=''/></a>", "<a xmlns=\"u\"><b xmlns=\"\"></b></a>"),
            ("<a xmlns=''><b xmlns=''/></a>", "<a><b></b></a>"),
            (
                "<a xmlns:p='u' xmlns:q='u'><p:b/><q:b/></a>",
                "<a><p:b xmlns:p=\"u\"></p:b><q:b xmlns:q=\"u\"></q:b></a>",
            ),
            (
                "<a xmlns:z='1' xmlns:y='2' z:k='1' y:k='2' k='3' xml:lang='en'/>",
                "<a xmlns:y=\"2\" xmlns:z=\"1\" k=\"3\" z:k=\"1\" y:k=\"2\" xml:lang=\"en\"></a>",
            ),
        ] {
            assert_eq!(canonical(text, &Method::Exclusive(vec![])), expected, "{text}");
        }
    }

    #[test]
    fn subsets_show_what_they_use_and_what_is_listed() {
        let text = "<p:a xmlns='d' xmlns:p='u' xmlns:q='v' xml:lang='en'><p:b><c/></p:b></p:a>";
        for (method, expected) in [
            (Method::Exclusive(vec![]), "<p:b xmlns:p=\"u\"><c xmlns=\"d\"></c></p:b>"),
            (
                Method::Exclusive(vec![Some("q"), Some("absent")]),
                "<p:b xmlns:p=\"u\" xmlns:q=\"v\"><c xmlns=\"d\"></c></p:b>",
            ),
            (Method::Exclusive(vec![None]), "<p:b xmlns=\"d\" xmlns:p=\"u\"><c></c></p:b>"),
            (
                Method::Inclusive,
                "<p:b xmlns=\"d\" xmlns:p=\"u\" xmlns:q=\"v\" xml:lang=\"en\"><c></c></p:b>",
            ),
        ] {
            assert_eq!(inner(text, &method), expected, "{method:?}");
        }
    }

    #[test]
    fn a_canonical_form_has_an_end() {
        let names = "x".repeat(1_000);
        let text = format!("<a xmlns:p='{names}'>{}</a>", "<p:b/>".repeat(1_000));
        let tree = Tree::parse(&text, Comments::Refused).expect("parses");
        for (most, fits) in [(2_000_000, true), (100_000, false)] {
            let mut out = Bounded::new(0, most);
            let written = canonicalize(&mut out, tree.root(), None, &Method::Exclusive(vec![]));
            assert_eq!((written.is_ok(), out.text.len() <= most), (fits, true));
        }
    }

    #[test]
    fn the_excepted_element_leaves_no_trace() {
        let text = "<a><b> <s>x</s>\n<c/></b></a>";
        let tree = Tree::parse(text, Comments::Refused).expect("parses");
        let apex = elements(tree.root()).next().expect("b");
        let except = elements(apex).next();
        let mut canonical = String::new();
        canonicalize(&mut canonical, apex, except, &Method::Exclusive(vec![])).expect("written");
        assert_eq!(canonical, "<b> \n<c></c></b>");
    }
}
