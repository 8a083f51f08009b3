//! Canonical XML: the bytes that a signature is about.
//!
//! Exclusive Canonicalization 1.0 with `InclusiveNamespaces`, and Canonical XML 1.0 for providers that
//! cannot do better; both without comments. Documents come from a [`super::tree::Tree`], so there are no
//! processing instructions and no document type.
//!
//! Source: <https://www.w3.org/TR/xml-exc-c14n/> §3, <https://www.w3.org/TR/2001/REC-xml-c14n-20010315> §2.

#[cfg(test)]
mod oracle;

use roxmltree::{Attribute, NodeId};

use super::{
    escape,
    names::XML,
    tree::{Node, prefix, written_name},
};

/// Which namespace declarations an element shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Method<'t> {
    /// Those that it visibly uses, and the prefixes of the `PrefixList` (`None`: `#default`).
    Exclusive(Vec<Option<&'t str>>),
    /// All that are in scope.
    Inclusive,
}

/// The canonical form of `apex` and what is in it, leaving out the element `except`.
pub(super) fn canonicalize(apex: Node, except: Option<Node>, method: &Method) -> String {
    let mut writer = Writer {
        out: String::with_capacity(apex.range().len()),
        method,
        except: except.map(|node| node.id()),
        rendered: Vec::new(),
    };
    let inherited = match method {
        Method::Exclusive(_) => Vec::new(),
        Method::Inclusive => inherited_xml_attributes(apex),
    };
    writer.element(apex, inherited);
    writer.out
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
    found.retain(|attribute| !apex.attributes().any(|own| own == *attribute));
    found
}

struct Writer<'t, 'm> {
    out: String,
    method: &'m Method<'m>,
    except: Option<NodeId>,
    /// The declarations shown by the open elements: prefix and URI, innermost last.
    rendered: Vec<(Option<&'t str>, &'t str)>,
}

impl<'t> Writer<'t, '_> {
    fn element(&mut self, node: Node<'t>, mut attributes: Vec<Attribute<'t, 't>>) {
        let outer = self.rendered.len();
        let name = written_name(node);
        attributes.extend(node.attributes());
        attributes.sort_unstable_by_key(|attribute| (attribute.namespace(), attribute.name()));
        self.out.push('<');
        self.out.push_str(name);
        self.declarations(node, name, &attributes);
        self.attributes(node, &attributes);
        self.out.push('>');
        node.children().for_each(|child| self.content(child));
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.rendered.truncate(outer);
    }

    fn content(&mut self, node: Node<'t>) {
        if node.is_text() {
            escape::push_text(&mut self.out, node.text().unwrap_or_default());
        } else if node.is_element() && self.except != Some(node.id()) {
            self.element(node, Vec::new());
        }
    }

    fn attributes(&mut self, node: Node<'t>, attributes: &[Attribute<'t, 't>]) {
        for attribute in attributes {
            self.pair(attribute_name(node, attribute), attribute.value());
        }
    }

    /// Shows each declaration unless the nearest open element that declares the prefix says the same.
    fn declarations(&mut self, node: Node<'t>, name: &'t str, attributes: &[Attribute<'t, 't>]) {
        for wanted in self.wanted(node, name, attributes) {
            let uri = node.lookup_namespace_uri(wanted).unwrap_or_default();
            let shown = self.rendered.iter().rev().find(|(prefix, _)| *prefix == wanted);
            if shown.map_or("", |(_, uri)| uri) == uri {
                continue;
            }
            match wanted {
                Some(prefix) => self.pair(&format!("xmlns:{prefix}"), uri),
                None => self.pair("xmlns", uri),
            }
            self.rendered.push((wanted, uri));
        }
    }

    /// The prefixes to declare, sorted, each once; the default namespace first.
    fn wanted(
        &self,
        node: Node<'t>,
        name: &'t str,
        attributes: &[Attribute<'t, 't>],
    ) -> Vec<Option<&'t str>> {
        let in_scope = node.namespaces().map(|namespace| namespace.name());
        let mut wanted: Vec<Option<&str>> = match self.method {
            Method::Inclusive => in_scope.chain([None]).collect(),
            Method::Exclusive(list) => {
                let used = attributes.iter().map(|found| prefix(attribute_name(node, found)));
                let used = used.filter(Option::is_some).chain([prefix(name)]);
                let listed = in_scope.chain([None]).filter(|prefix| list.contains(prefix));
                if list.is_empty() { used.collect() } else { used.chain(listed).collect() }
            }
        };
        wanted.retain(|prefix| *prefix != Some("xml"));
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape::push_attribute(&mut self.out, value);
        self.out.push('"');
    }
}

/// The attribute's name as written, with its prefix.
fn attribute_name<'t>(node: Node<'t>, attribute: &Attribute<'t, 't>) -> &'t str {
    node.document().input_text().get(attribute.range_qname()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            guard::Comments,
            tree::{Tree, elements, normalise},
        },
        *,
    };

    fn canonical(text: &str, method: &Method) -> String {
        let text = normalise(text);
        let tree = Tree::parse(&text, Comments::Skipped).expect("parses");
        canonicalize(tree.root(), None, method)
    }

    fn inner(text: &str, method: &Method) -> String {
        let tree = Tree::parse(text, Comments::Skipped).expect("parses");
        let apex = elements(tree.root()).next().expect("a child");
        canonicalize(apex, None, method)
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
    fn the_excepted_element_leaves_no_trace() {
        let text = "<a><b> <s>x</s>\n<c/></b></a>";
        let tree = Tree::parse(text, Comments::Refused).expect("parses");
        let apex = elements(tree.root()).next().expect("b");
        let except = elements(apex).next();
        let canonical = canonicalize(apex, except, &Method::Exclusive(vec![]));
        assert_eq!(canonical, "<b> \n<c></c></b>");
    }
}
