//! Cuts an aggregate into containers and whole pieces, never holding more than one piece.

use std::io::{BufRead, Read};

use super::super::{
    rejection::Rejection,
    tree::normalise,
    xml::{self, METADATA_BYTES},
};
use super::BadAggregate;

/// A start tag, or text between pieces, in bytes.
const SMALL: usize = 64 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Between tags; not yet looked at.
    Text(String),
    /// The start tag of a container.
    Start(String),
    /// The end tag of a container.
    End(String),
    /// An element, whole.
    Element(String),
}

pub(super) struct Scanner<R> {
    source: R,
    /// Before anything but white space was seen.
    at_start: bool,
    /// A `<` was read, its tag not yet.
    open: bool,
    /// The end of a container that was written as an empty element.
    end: Option<String>,
    peak: usize,
}

impl<R: BufRead> Scanner<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, at_start: true, open: false, end: None, peak: 0 }
    }

    /// The most bytes that were held at once.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    /// `None`: the document ended.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, BadAggregate> {
        if let Some(end) = self.end.take() {
            return Ok(Some(Piece::End(end)));
        }
        loop {
            if !self.open {
                let mut text = Vec::new();
                self.open = self.until_markup(&mut text, SMALL)?;
                let text = self.text(text)?;
                match (text.is_empty(), self.open) {
                    (false, _) => return Ok(Some(Piece::Text(text))),
                    (true, false) => return Ok(None),
                    (true, true) => {}
                }
            }
            self.open = false;
            let mut tag = vec![b'<'];
            self.tag(&mut tag, SMALL)?;
            if let Some(piece) = self.markup(tag)? {
                return Ok(Some(piece));
            }
        }
    }

    /// `None`: nothing that counts.
    fn markup(&mut self, tag: Vec<u8>) -> Result<Option<Piece>, BadAggregate> {
        let first = std::mem::take(&mut self.at_start);
        match tag.get(1) {
            Some(b'?') if first => {
                xml::after_declaration(&self.text(tag)?)?;
                Ok(None)
            }
            Some(b'?') => Err(Rejection::ProcessingInstruction.into()),
            Some(b'!') if tag.starts_with(b"<!--") => Ok(None),
            Some(b'!') if tag.starts_with(b"<![CDATA[") => Err(Rejection::NotText.into()),
            Some(b'!') => Err(Rejection::Doctype.into()),
            Some(b'/') => Ok(Some(Piece::End(self.text(tag)?))),
            _ if local_name(&tag) == b"EntitiesDescriptor" => self.container(tag).map(Some),
            _ => self.element(tag).map(Some),
        }
    }

    fn container(&mut self, mut tag: Vec<u8>) -> Result<Piece, BadAggregate> {
        if tag.ends_with(b"/>") {
            tag.truncate(tag.len() - 2);
            tag.push(b'>');
            let name = String::from_utf8_lossy(name(&tag)).into_owned();
            self.end = Some(format!("</{name}>"));
        }
        Ok(Piece::Start(self.text(tag)?))
    }

    fn element(&mut self, mut piece: Vec<u8>) -> Result<Piece, BadAggregate> {
        let mut depth = usize::from(!piece.ends_with(b"/>"));
        while depth > 0 {
            if !self.until_markup(&mut piece, METADATA_BYTES)? {
                return Err(Rejection::NotWellFormed.into());
            }
            let at = piece.len();
            piece.push(b'<');
            self.tag(&mut piece, METADATA_BYTES)?;
            let tag = &piece[at..];
            match tag.get(1) {
                Some(b'!' | b'?') => {}
                Some(b'/') => depth -= 1,
                _ if tag.ends_with(b"/>") => {}
                _ => depth += 1,
            }
        }
        Ok(Piece::Element(self.text(piece)?))
    }

    /// Appends up to the next `<`, which is taken away. `false`: the document ended.
    fn until_markup(&mut self, to: &mut Vec<u8>, limit: usize) -> Result<bool, BadAggregate> {
        self.until(b'<', to, limit)?;
        Ok(to.pop_if(|byte| *byte == b'<').is_some())
    }

    /// Appends up to the `>` that ends the markup begun at the last `<` of `to`.
    fn tag(&mut self, to: &mut Vec<u8>, limit: usize) -> Result<(), BadAggregate> {
        let start = to.len() - 1;
        loop {
            let before = to.len();
            self.until(b'>', to, limit)?;
            match to[start..].last() {
                Some(b'>') if is_complete(&to[start..]) => return Ok(()),
                _ if to.len() == before => return Err(Rejection::NotWellFormed.into()),
                _ => {}
            }
        }
    }

    fn until(&mut self, end: u8, to: &mut Vec<u8>, limit: usize) -> Result<(), BadAggregate> {
        let left = (limit + 1).saturating_sub(to.len());
        (&mut self.source).take(left as u64).read_until(end, to)?;
        self.peak = self.peak.max(to.len());
        if to.len() > limit { Err(Rejection::TooLarge.into()) } else { Ok(()) }
    }

    /// UTF-8, with line ends as XML 1.0 §2.11 asks. Pieces are cut at `<` and `>`, so no line end is cut.
    fn text(&self, bytes: Vec<u8>) -> Result<String, BadAggregate> {
        let text = String::from_utf8(bytes).map_err(|_| Rejection::ForeignEncoding)?;
        let text = text.strip_prefix('\u{feff}').filter(|_| self.at_start).unwrap_or(&text);
        Ok(normalise(text).into_owned())
    }
}

/// Whether markup that ends with `>` ends there.
fn is_complete(markup: &[u8]) -> bool {
    if markup.starts_with(b"<!--") {
        return markup.len() >= 7 && markup.ends_with(b"-->");
    }
    if markup.starts_with(b"<![CDATA[") {
        return markup.ends_with(b"]]>");
    }
    let mut quote = None;
    for byte in markup {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            _ => {}
        }
    }
    quote.is_none()
}

/// The name in a start tag, with its prefix.
fn name(tag: &[u8]) -> &[u8] {
    let inside = tag.get(1..).unwrap_or_default();
    inside
        .split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
        .next()
        .unwrap_or_default()
}

fn local_name(tag: &[u8]) -> &[u8] {
    name(tag).rsplit(|byte| *byte == b':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Result<Vec<Piece>, BadAggregate> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(piece) = scanner.next()? {
            all.push(piece);
        }
        Ok(all)
    }

    #[test]
    fn documents_fall_into_pieces() {
        let text = "\u{feff}<?xml version='1.0'?>\r\n<!-- > < --><m:EntitiesDescriptor a='>'>\r\n\
                    <b c=\"'>\"><!-- </b> --><![CDATA[</b>]]><b/></b><EntitiesDescriptor/>\
                    </m:EntitiesDescriptor>";
        let expected = vec![
            Piece::Text("\n".into()),
            Piece::Start("<m:EntitiesDescriptor a='>'>".into()),
            Piece::Text("\n".into()),
            Piece::Element("<b c=\"'>\"><!-- </b> --><![CDATA[</b>]]><b/></b>".into()),
            Piece::Start("<EntitiesDescriptor>".into()),
            Piece::End("</EntitiesDescriptor>".into()),
            Piece::End("</m:EntitiesDescriptor>".into()),
        ];
        assert_eq!(pieces(text).expect("cut"), expected);
    }

    #[test]
    fn what_no_feed_needs_is_refused() {
        let giant = format!("<a>{}</a>", "x".repeat(METADATA_BYTES));
        let attribute = format!("<EntitiesDescriptor a='{}'>", "x".repeat(SMALL));
        for (text, expected) in [
            ("<!DOCTYPE a><a/>", Rejection::Doctype),
            ("<a/><?x y?>", Rejection::ProcessingInstruction),
            ("<?xml version='1.0' encoding='UTF-16'?><a/>", Rejection::ForeignEncoding),
            ("<![CDATA[x]]>", Rejection::NotText),
            ("<a><b></a>", Rejection::NotWellFormed),
            ("<a", Rejection::NotWellFormed),
            ("<!-- ", Rejection::NotWellFormed),
            (&giant, Rejection::TooLarge),
            (&attribute, Rejection::TooLarge),
        ] {
            let refused = pieces(text).err();
            assert!(
                matches!(&refused, Some(BadAggregate::Rejected(found)) if *found == expected),
                "{:.40}: {refused:?}",
                text
            );
        }
    }
}
