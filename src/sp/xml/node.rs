//! Looking at a document: nodes and attributes, cheap to copy.

use super::{AttributeData, Document, Element, Kind, NodeData};
use crate::sp::names::XML;

/// An element, a text or a comment of a document.
#[derive(Clone, Copy)]
pub(in super::super) struct Node<'t> {
    document: &'t Document<'t>,
    index: u32,
}

/// An attribute that is no namespace declaration.
#[derive(Clone, Copy)]
pub(in super::super) struct Attribute<'t> {
    document: &'t Document<'t>,
    data: &'t AttributeData<'t>,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && std::ptr::addr_eq(self.document, other.document)
    }
}

impl<'t> Node<'t> {
    pub(super) fn root(document: &'t Document<'t>) -> Self {
        Self { document, index: 0 }
    }

    fn data(self) -> &'t NodeData<'t> {
        &self.document.nodes[self.index as usize]
    }

    fn element(self) -> Option<&'t Element<'t>> {
        match &self.data().kind {
            Kind::Element(element) => Some(element),
            Kind::Text(_) | Kind::Other => None,
        }
    }

    pub(in super::super) fn is_element(&self) -> bool {
        self.element().is_some()
    }

    pub(in super::super) fn is_text(&self) -> bool {
        matches!(self.data().kind, Kind::Text(_))
    }

    /// Of a text.
    pub(in super::super) fn text(self) -> Option<&'t str> {
        match &self.data().kind {
            Kind::Text(text) => Some(text),
            Kind::Element(_) | Kind::Other => None,
        }
    }

    /// An element's name with its prefix; empty for others.
    pub(in super::super) fn written_name(self) -> &'t str {
        self.element().map_or("", |element| element.written)
    }

    /// An element's name without its prefix; empty for others.
    pub(in super::super) fn name(self) -> &'t str {
        self.element().map_or("", |element| element.name().local())
    }

    pub(in super::super) fn namespace(self) -> Option<&'t str> {
        self.document.uri(self.element()?.namespace)
    }

    pub(in super::super) fn attributes(self) -> impl Iterator<Item = Attribute<'t>> + Clone {
        let range = self.element().map_or(0..0, |element| {
            let first = element.first_attribute as usize;
            first..first + usize::from(element.attributes)
        });
        let document = self.document;
        document.attributes[range].iter().map(move |data| Attribute { document, data })
    }

    /// The prefixes declared here or outside, but inside `around`, innermost first, which may come twice; `None` is
    /// the default. Never `xml`.
    pub(in super::super) fn prefixes(
        self,
        around: Option<Self>,
    ) -> impl Iterator<Item = Option<&'t str>> {
        let scope = |node: Self| node.element().and_then(|element| element.scope);
        let end = around.and_then(scope);
        let declared = self.document.scope(scope(self)).take_while(move |(link, _)| *link != end);
        let prefixes = declared.map(|(_, declaration)| declaration.prefix);
        prefixes.map(|prefix| Some(prefix).filter(|prefix| !prefix.is_empty()))
    }

    /// What a prefix (`None`: the default) stands for here.
    pub(in super::super) fn uri_of(self, prefix: Option<&str>) -> Option<&'t str> {
        let prefix = prefix.unwrap_or_default();
        if prefix == "xml" {
            return Some(XML);
        }
        let innermost = self.element().and_then(|element| element.scope);
        let mut scope = self.document.scope(innermost);
        scope.find(|(_, declaration)| declaration.prefix == prefix).map(|(_, found)| &*found.uri)
    }

    pub(in super::super) fn parent(self) -> Option<Self> {
        (self.index > 0).then_some(Self { index: self.data().parent, ..self })
    }

    /// Itself and what it stands in, innermost first.
    pub(in super::super) fn ancestors(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |node| node.parent())
    }

    /// What stands directly in it.
    pub(in super::super) fn children(self) -> impl Iterator<Item = Self> {
        let end = self.data().end;
        let at = move |index: u32| (index < end).then_some(Self { index, ..self });
        std::iter::successors(at(self.index + 1), move |child| at(child.data().end))
    }

    /// Itself and all that stands in it, in document order.
    pub(in super::super) fn descendants(self) -> impl Iterator<Item = Self> {
        (self.index..self.data().end).map(move |index| Self { index, ..self })
    }
}

impl<'t> Attribute<'t> {
    pub(super) fn new(document: &'t Document<'t>, data: &'t AttributeData<'t>) -> Self {
        Self { document, data }
    }

    /// With its prefix.
    pub(in super::super) fn written_name(self) -> &'t str {
        self.data.name.written
    }

    /// Without its prefix.
    pub(in super::super) fn name(self) -> &'t str {
        self.data.name.local()
    }

    pub(in super::super) fn namespace(self) -> Option<&'t str> {
        match self.data.name.prefix() {
            "" => None,
            "xml" => Some(XML),
            _ => self.document.uri(self.data.name.namespace),
        }
    }

    /// Normalised (XML 1.0 §3.3.3).
    pub(in super::super) fn value(self) -> &'t str {
        &self.data.value
    }

    /// Whether both are the same attribute of the same element.
    pub(in super::super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.data, other.data)
    }
}
