//! From text to [`Document`], in one pass.

use std::{borrow::Cow, num::NonZeroU32};

use memchr::{memchr, memchr2, memmem};

use super::{
    ATTRIBUTES, AttributeData, Comments, DEPTH, Declaration, Document, Element, Kind, Link,
    NAME_BYTES, NAMESPACES, NODES, Name, NodeData, Rejection,
    characters::{are_allowed, may_be_referred_to, name_length},
    declaration::after_declaration,
};
use crate::sp::names::{XML, XMLNS};

pub(super) fn parse(text: &str, comments: Comments) -> Result<Document<'_>, Rejection> {
    let rest = after_declaration(text)?;
    let tags = memchr::memchr_iter(b'<', rest.as_bytes()).count();
    // Half of the tags begin an element, and every other element holds text and nothing else.
    let usual_nodes = tags / 4 * 3;
    let document = Document {
        nodes: Vec::with_capacity(usual_nodes.min(NODES)),
        attributes: Vec::with_capacity((tags / 3).min(NODES)),
        declarations: Vec::new(),
    };
    let open = Vec::with_capacity(8);
    let mut parser = Parser { rest, comments, document, open, uses_prefixes: false };
    parser.content()?;
    if !are_allowed(text) {
        return Err(Rejection::NotWellFormed);
    }
    let mut document = parser.document;
    document.attributes.shrink_to_fit();
    Ok(document)
}

struct Parser<'t> {
    /// What has not been read yet.
    rest: &'t str,
    comments: Comments,
    document: Document<'t>,
    open: Vec<Open<'t>>,
    /// Whether an attribute of this tag has a prefix.
    uses_prefixes: bool,
}

/// An element whose end tag has not come.
struct Open<'t> {
    node: u32,
    name: &'t str,
    scope: Link,
    /// Declarations in scope.
    namespaces: usize,
}

/// How a start tag ends.
enum TagEnd {
    Open,
    Empty,
}

impl<'t> Parser<'t> {
    fn content(&mut self) -> Result<(), Rejection> {
        while let Some(at) = memchr(b'<', self.rest.as_bytes()) {
            let text = &self.rest[..at];
            self.rest = &self.rest[at + 1..];
            self.text(text)?;
            self.markup()?;
        }
        let rest = std::mem::take(&mut self.rest);
        self.text(rest)?;
        let whole = self.open.is_empty() && !self.document.nodes.is_empty();
        if whole { Ok(()) } else { Err(Rejection::NotWellFormed) }
    }

    /// What stands between two tags.
    fn text(&mut self, text: &'t str) -> Result<(), Rejection> {
        if text.is_empty() {
            return Ok(());
        }
        if self.open.is_empty() {
            let blank = text.bytes().all(is_space);
            return if blank { Ok(()) } else { Err(Rejection::NotWellFormed) };
        }
        if memchr2(b'&', b']', text.as_bytes()).is_none() {
            return self.push_text(Cow::Borrowed(text));
        }
        if text.contains("]]>") {
            return Err(Rejection::NotWellFormed);
        }
        self.push_text(resolve(text, |character| character)?)
    }

    fn push_text(&mut self, text: Cow<'t, str>) -> Result<(), Rejection> {
        let parent = self.open.last().map(|open| open.node);
        match self.document.nodes.last_mut() {
            Some(NodeData { kind: Kind::Text(before), parent: same, .. })
                if Some(*same) == parent =>
            {
                before.to_mut().push_str(&text);
                Ok(())
            }
            _ => self.push(Kind::Text(text)).map(drop),
        }
    }

    fn push(&mut self, kind: Kind<'t>) -> Result<u32, Rejection> {
        let count = self.document.nodes.len();
        Rejection::TooManyNodes.when(count >= NODES)?;
        let index = u32::try_from(count).map_err(|_| Rejection::TooManyNodes)?;
        let parent = self.open.last().map_or(0, |open| open.node);
        self.document.nodes.push(NodeData { kind, parent, end: index + 1 });
        Ok(index)
    }

    /// After a `<`.
    fn markup(&mut self) -> Result<(), Rejection> {
        match self.rest.as_bytes().first() {
            Some(b'/') => self.end_tag(),
            Some(b'!') => self.declaration(),
            Some(b'?') if Rejection::ProcessingInstruction.in_force() => {
                Err(Rejection::ProcessingInstruction)
            }
            Some(b'?') => self.up_to("?>").and_then(|_| self.push_other()),
            _ => self.start_tag(),
        }
    }

    /// `<!`: only CDATA, and comments where they are skipped.
    fn declaration(&mut self) -> Result<(), Rejection> {
        let refused = self.comments == Comments::Refused && Rejection::Comment.in_force();
        if let Some(inside) = self.rest.strip_prefix("![CDATA[") {
            self.rest = inside;
            let text = self.up_to("]]>")?;
            let stray = self.open.is_empty();
            return match text {
                _ if stray => Err(Rejection::NotWellFormed),
                "" => Ok(()),
                text => self.push_text(Cow::Borrowed(text)),
            };
        }
        let Some(inside) = self.rest.strip_prefix("!--") else { return Err(Rejection::Doctype) };
        Rejection::Comment.when(refused)?;
        self.rest = inside;
        self.up_to("--")?;
        self.rest = self.rest.strip_prefix('>').ok_or(Rejection::NotWellFormed)?;
        self.push_other()
    }

    /// Outside the root element nothing is kept.
    fn push_other(&mut self) -> Result<(), Rejection> {
        if self.open.is_empty() { Ok(()) } else { self.push(Kind::Other).map(drop) }
    }

    /// Steps over `end`; hands on what stands before it.
    fn up_to(&mut self, end: &str) -> Result<&'t str, Rejection> {
        let at = memmem::find(self.rest.as_bytes(), end.as_bytes());
        let at = at.ok_or(Rejection::NotWellFormed)?;
        let before = &self.rest[..at];
        self.rest = &self.rest[at + end.len()..];
        Ok(before)
    }

    fn end_tag(&mut self) -> Result<(), Rejection> {
        let open = self.open.pop().ok_or(Rejection::NotWellFormed)?;
        let rest = self.rest[1..].strip_prefix(open.name).ok_or(Rejection::NotWellFormed)?;
        let rest = rest.trim_start_matches(SPACE).strip_prefix('>');
        self.rest = rest.ok_or(Rejection::NotWellFormed)?;
        self.close(open.node);
        Ok(())
    }

    fn close(&mut self, node: u32) {
        let end = u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX);
        self.document.nodes[node as usize].end = end;
    }

    fn start_tag(&mut self) -> Result<(), Rejection> {
        let second_root = self.open.is_empty() && !self.document.nodes.is_empty();
        if second_root {
            return Err(Rejection::NotWellFormed);
        }
        let name = self.name()?;
        let outside = self.open.last().map_or((None, 0), |open| (open.scope, open.namespaces));
        let (mut scope, mut namespaces) = outside;
        let first = self.document.attributes.len();
        let end = self.attributes(&mut scope, &mut namespaces)?;
        Rejection::TooManyNamespaces.when(namespaces > NAMESPACES)?;
        Rejection::TooDeep.when(self.open.len() >= DEPTH)?;
        let Name { written, prefix, namespace } = self.bound(name, scope, true)?;
        let element = Element {
            written,
            prefix,
            namespace,
            scope,
            first_attribute: u32::try_from(first).map_err(|_| Rejection::TooManyAttributes)?,
            attributes: self.bind_attributes(first, scope)?,
        };
        let node = self.push(Kind::Element(element))?;
        if let TagEnd::Open = end {
            self.open.push(Open { node, name: written, scope, namespaces });
        }
        Ok(())
    }

    /// All attributes and declarations of a tag, and its end.
    fn attributes(
        &mut self,
        scope: &mut Link,
        namespaces: &mut usize,
    ) -> Result<TagEnd, Rejection> {
        let outer = *scope;
        self.uses_prefixes = false;
        for count in 0.. {
            let spaced = self.skip_space();
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Ok(TagEnd::Open);
            }
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Ok(TagEnd::Empty);
            }
            if !spaced {
                break;
            }
            let (name, value) = self.attribute()?;
            Rejection::TooManyAttributes.when(count >= ATTRIBUTES)?;
            match (name.written, name.prefix()) {
                ("xmlns", _) => self.declare("", value, outer, scope)?,
                (_, "xmlns") => self.declare(name.local(), value, outer, scope)?,
                (_, prefix) => {
                    self.uses_prefixes |= !prefix.is_empty();
                    self.document.attributes.push(AttributeData { name, value });
                    continue;
                }
            }
            *namespaces += 1;
        }
        Err(Rejection::NotWellFormed)
    }

    /// `name = "value"`, normalised (XML 1.0 §3.3.3).
    fn attribute(&mut self) -> Result<(Name<'t>, Cow<'t, str>), Rejection> {
        let name = self.name()?;
        self.skip_space();
        self.rest = self.rest.strip_prefix('=').ok_or(Rejection::NotWellFormed)?;
        self.skip_space();
        let quote = self.rest.bytes().next().filter(|byte| matches!(byte, b'"' | b'\''));
        let quote = quote.ok_or(Rejection::NotWellFormed)?;
        let length = memchr(quote, &self.rest.as_bytes()[1..]).ok_or(Rejection::NotWellFormed)?;
        let value = &self.rest[1..=length];
        self.rest = &self.rest[length + 2..];
        let (mut open, mut plain) = (false, true);
        for byte in value.bytes() {
            open |= byte == b'<';
            plain &= byte != b'&' && byte >= b' ';
        }
        match (open, plain) {
            (true, _) => Err(Rejection::NotWellFormed),
            (false, true) => Ok((name, Cow::Borrowed(value))),
            (false, false) => {
                let blank = |character| if is_blank(character) { ' ' } else { character };
                Ok((name, resolve(value, blank)?))
            }
        }
    }

    /// A name with or without a prefix (Namespaces in XML §4).
    fn name(&mut self) -> Result<Name<'t>, Rejection> {
        let first = name_length(self.rest);
        let (prefix, length) = match self.rest.as_bytes().get(first) {
            Some(b':') => {
                let local = name_length(&self.rest[first + 1..]);
                if local == 0 {
                    return Err(Rejection::NotWellFormed);
                }
                (first, first + 1 + local)
            }
            _ => (0, first),
        };
        if first == 0 {
            return Err(Rejection::NotWellFormed);
        }
        Rejection::TooManyAttributes.when(length > NAME_BYTES)?;
        let prefix = u16::try_from(prefix).map_err(|_| Rejection::TooManyAttributes)?;
        let written = &self.rest[..length];
        self.rest = &self.rest[length..];
        Ok(Name { written, prefix, namespace: None })
    }

    /// Puts a declaration before those in scope; `outer` is what was in scope outside the tag.
    fn declare(
        &mut self,
        prefix: &'t str,
        uri: Cow<'t, str>,
        outer: Link,
        scope: &mut Link,
    ) -> Result<(), Rejection> {
        let reserved = match (prefix, &*uri) {
            ("xml", XML) => return Ok(()),
            ("xml" | "xmlns", _) | (_, XML | XMLNS) => true,
            (prefix, uri) => uri.is_empty() && !prefix.is_empty(),
        };
        let here = self.document.scope(*scope).take_while(|(link, _)| *link != outer);
        let twice = here.into_iter().any(|(_, declaration)| declaration.prefix == prefix);
        if reserved || twice {
            return Err(Rejection::NotWellFormed);
        }
        self.document.declarations.push(Declaration { prefix, uri, outer: *scope });
        let place = u32::try_from(self.document.declarations.len()).ok().and_then(NonZeroU32::new);
        *scope = Some(place.ok_or(Rejection::TooManyNamespaces)?);
        Ok(())
    }

    /// The name with the declaration that counts for it; attributes do not take the default.
    fn bound(&self, name: Name<'t>, scope: Link, default: bool) -> Result<Name<'t>, Rejection> {
        let prefix = name.prefix();
        if prefix.is_empty() && !default {
            return Ok(name);
        }
        let mut scope = self.document.scope(scope);
        let found = scope.find(|(_, declaration)| declaration.prefix == prefix);
        match found {
            Some((namespace, _)) => Ok(Name { namespace, ..name }),
            None if matches!(prefix, "" | "xml") => Ok(name),
            None => Err(Rejection::NotWellFormed),
        }
    }

    /// Binds the attributes from `first` on, of which no two may be the same; says how many there are.
    fn bind_attributes(&mut self, first: usize, scope: Link) -> Result<u16, Rejection> {
        let last = self.document.attributes.len();
        for at in first..last {
            let name = self.document.attributes[at].name;
            if self.uses_prefixes {
                self.document.attributes[at].name = self.bound(name, scope, false)?;
            }
            let same = |other: &AttributeData| {
                self.is_same(&other.name, &self.document.attributes[at].name)
            };
            if self.document.attributes[first..at].iter().any(same) {
                return Err(Rejection::NotWellFormed);
            }
        }
        u16::try_from(last - first).map_err(|_| Rejection::TooManyAttributes)
    }

    /// Whether two names of attributes are the same, however they are written.
    fn is_same(&self, one: &Name, other: &Name) -> bool {
        if one.written == other.written {
            return true;
        }
        let uri = |name: &Name| self.document.uri(name.namespace);
        one.prefix > 0 && other.prefix > 0 && one.local() == other.local() && uri(one) == uri(other)
    }

    fn skip_space(&mut self) -> bool {
        let length = self.rest.bytes().take_while(|byte| is_space(*byte)).count();
        self.rest = &self.rest[length..];
        length > 0
    }
}

const SPACE: [char; 3] = [' ', '\t', '\n'];

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

fn is_blank(character: char) -> bool {
    SPACE.contains(&character)
}

/// `text` with its references resolved (XML 1.0 §4.1, §4.6); what is written bare goes through `bare`.
fn resolve<'t>(text: &'t str, bare: impl Fn(char) -> char) -> Result<Cow<'t, str>, Rejection> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.extend(before.chars().map(&bare));
        let (name, after) = after.split_once(';').ok_or(Rejection::NotWellFormed)?;
        resolved.push(referred_to(name).ok_or(Rejection::NotWellFormed)?);
        rest = after;
    }
    resolved.extend(rest.chars().map(&bare));
    Ok(Cow::Owned(resolved))
}

fn referred_to(name: &str) -> Option<char> {
    let number = |digits: &str, radix| {
        let signless = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, radix).ok().filter(|_| signless)
    };
    let number = match (name, name.strip_prefix("#x"), name.strip_prefix('#')) {
        ("amp", ..) => return Some('&'),
        ("lt", ..) => return Some('<'),
        ("gt", ..) => return Some('>'),
        ("quot", ..) => return Some('"'),
        ("apos", ..) => return Some('\''),
        (_, Some(digits), _) => number(digits, 16),
        (_, None, Some(digits)) => number(digits, 10),
        (_, None, None) => None,
    };
    number.and_then(char::from_u32).filter(|character| may_be_referred_to(*character))
}
