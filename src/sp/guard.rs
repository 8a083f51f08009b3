//! The guard before the parser: one linear pass that bounds what the parser will have to do.
//!
//! The parser copies the namespaces in scope to every element and recurses into children, so depth,
//! attributes and namespace declarations are counted before it sees a single byte.

use super::rejection::Rejection;

/// Bytes of one message.
pub(super) const MESSAGE_BYTES: usize = 256 * 1024;
/// Bytes of one provider's metadata.
pub(super) const METADATA_BYTES: usize = 1024 * 1024;
/// Nodes of any document.
pub(super) const NODES: u32 = 20_000;
const DEPTH: usize = 48;
const ATTRIBUTES: usize = 48;
/// Declarations in scope.
pub(super) const NAMESPACES: usize = 48;
/// The parser keeps the length of a name in 16 bits.
const NAME_BYTES: usize = 1_000;

/// Whether comments may stand in the document: in metadata, which people edit, not in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    Refused,
    Skipped,
}

/// Refuses what no honest message needs: other encodings, DOCTYPE, processing instructions, comments
/// (unless skipped), and floods of any kind.
pub(super) fn check(text: &str, comments: Comments) -> Result<(), Rejection> {
    let mut guard = Guard { comments, namespaces: Vec::new() };
    let mut rest = after_declaration(text)?.as_bytes();
    while let Some(start) = rest.iter().position(|byte| *byte == b'<') {
        rest = guard.markup(&rest[start + 1..])?;
    }
    Ok(())
}

/// What follows the XML declaration, if there is one.
pub(super) fn after_declaration(text: &str) -> Result<&str, Rejection> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    if !rest.starts_with([' ', '\t', '\n']) {
        return Ok(text);
    }
    let (declaration, rest) = rest.split_once("?>").ok_or(Rejection::NotWellFormed)?;
    let version = pseudo_attribute(declaration, "version");
    let encoding = pseudo_attribute(declaration, "encoding").unwrap_or("UTF-8");
    let ours = version == Some("1.0") && encoding.eq_ignore_ascii_case("UTF-8");
    Rejection::ForeignEncoding.unless(ours)?;
    Ok(rest)
}

fn pseudo_attribute<'t>(declaration: &'t str, name: &str) -> Option<&'t str> {
    let (_, after) = declaration.split_once(name)?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|char| matches!(char, '"' | '\''))?;
    after[1..].split(quote).next()
}

struct Guard {
    comments: Comments,
    /// Declarations in scope, one entry for each open element.
    namespaces: Vec<usize>,
}

impl Guard {
    /// Steps over one piece of markup; `rest` begins after its `<`.
    fn markup<'t>(&mut self, rest: &'t [u8]) -> Result<&'t [u8], Rejection> {
        match rest.first() {
            Some(b'?') if Rejection::ProcessingInstruction.in_force() => {
                Err(Rejection::ProcessingInstruction)
            }
            Some(b'!') => self.declaration(&rest[1..]),
            Some(b'/') => {
                self.namespaces.pop();
                Ok(rest)
            }
            _ => self.element(rest),
        }
    }

    /// `<!`: only CDATA, and comments where they are skipped.
    fn declaration<'t>(&self, rest: &'t [u8]) -> Result<&'t [u8], Rejection> {
        let refused = self.comments == Comments::Refused && Rejection::Comment.in_force();
        match (rest.strip_prefix(b"[CDATA["), rest.strip_prefix(b"--")) {
            (Some(inside), _) => after(inside, b"]]>"),
            (_, Some(_)) if refused => Err(Rejection::Comment),
            (_, Some(inside)) => after(inside, b"-->"),
            _ => Err(Rejection::Doctype),
        }
    }

    fn element<'t>(&mut self, rest: &'t [u8]) -> Result<&'t [u8], Rejection> {
        let tag = Tag::scan(rest)?;
        let in_scope = self.namespaces.last().copied().unwrap_or(0) + tag.namespaces;
        Rejection::TooManyAttributes.when(tag.attributes > ATTRIBUTES)?;
        Rejection::TooManyNamespaces.when(in_scope > NAMESPACES)?;
        Rejection::TooDeep.when(self.namespaces.len() >= DEPTH)?;
        if !tag.empty {
            self.namespaces.push(in_scope);
        }
        Ok(&rest[tag.length..])
    }
}

/// What follows the first `end`.
fn after<'t>(inside: &'t [u8], end: &[u8; 3]) -> Result<&'t [u8], Rejection> {
    let at = inside.windows(3).position(|window| window == end);
    at.map(|at| &inside[at + 3..]).ok_or(Rejection::NotWellFormed)
}

/// What a start tag adds.
#[derive(Default)]
struct Tag {
    attributes: usize,
    namespaces: usize,
    empty: bool,
    length: usize,
}

impl Tag {
    /// Reads up to the `>` outside quotes; counts every `=` outside quotes as one attribute.
    fn scan(rest: &[u8]) -> Result<Self, Rejection> {
        let mut tag = Self::default();
        let (mut quote, mut word) = (None, 0);
        for (at, &byte) in rest.iter().enumerate() {
            match (quote, byte) {
                (Some(open), _) if byte == open => (quote, word) = (None, at + 1),
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => {
                    tag.attribute(&rest[word..at])?;
                    word = at + 1;
                }
                (None, b'>') => {
                    tag.empty = rest[..at].ends_with(b"/");
                    tag.length = at + 1;
                    return Ok(tag);
                }
                (None, _) => {}
            }
        }
        Err(Rejection::NotWellFormed)
    }

    /// `before` ends with the attribute's name and perhaps white space.
    fn attribute(&mut self, before: &[u8]) -> Result<(), Rejection> {
        let words = before.trim_ascii_end();
        let name = words.rsplit(u8::is_ascii_whitespace).next().unwrap_or(words);
        self.attributes += 1;
        self.namespaces += usize::from(name.starts_with(b"xmlns"));
        Rejection::TooManyAttributes.when(name.len() > NAME_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_markup_has_its_answer() {
        for (text, expected) in [
            ("<a b='>' c=\"<\"><![CDATA[<!-- ]]></a>", Ok(())),
            ("<?xml version='1.0' encoding='utf-8'?><a/>", Ok(())),
            ("<?xml version=\"1.0\"?><a/>", Ok(())),
            ("<?xml version='1.1'?><a/>", Err(Rejection::ForeignEncoding)),
            ("<?xml version='1.0' encoding='UTF-16'?><a/>", Err(Rejection::ForeignEncoding)),
            ("<?xml version='1.0'", Err(Rejection::NotWellFormed)),
            ("<!DOCTYPE a><a/>", Err(Rejection::Doctype)),
            ("<a><!ENTITY x 'y'></a>", Err(Rejection::Doctype)),
            ("<a><!-- x --></a>", Err(Rejection::Comment)),
            ("<a><?x y?></a>", Err(Rejection::ProcessingInstruction)),
            ("<a><![CDATA[", Err(Rejection::NotWellFormed)),
            ("<a b='", Err(Rejection::NotWellFormed)),
        ] {
            assert_eq!(check(text, Comments::Refused), expected, "{text}");
        }
        assert_eq!(check("<a><!-- < x --></a>", Comments::Skipped), Ok(()));
    }

    #[test]
    fn floods_are_counted() {
        let declarations: String = (0..25).map(|n| format!(" xmlns:n{n} \n= 'u'")).collect();
        let attributes: String = (0..49).map(|n| format!(" a{n}='v'")).collect();
        for (text, expected) in [
            ("<a>".repeat(48), Ok(())),
            ("<a>".repeat(49), Err(Rejection::TooDeep)),
            ("<a></a>".repeat(5_000), Ok(())),
            (format!("<a{attributes}/>"), Err(Rejection::TooManyAttributes)),
            (format!("<a{declarations}><b{declarations}/></a>"), Err(Rejection::TooManyNamespaces)),
            (format!("<a {}='v'/>", "x".repeat(1_001)), Err(Rejection::TooManyAttributes)),
        ] {
            assert_eq!(check(&text, Comments::Refused), expected, "{:.60}", text);
        }
    }
}
