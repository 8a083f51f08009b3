//! Characters that XML takes for markup, as canonical XML writes them (Canonical XML 1.0 §2.3).

use std::fmt::{Result, Write};

/// Writes `text` as element content.
pub(super) fn write_text(out: &mut impl Write, text: &str) -> Result {
    write(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    })
}

/// Writes `value` as the inside of a double-quoted attribute.
pub(super) fn write_attribute(out: &mut impl Write, value: &str) -> Result {
    write(out, value, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    })
}

/// `value` for an attribute.
pub(super) fn attribute(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    // Writing into a string never fails.
    write_attribute(&mut out, value).ok();
    out
}

/// `value` for element content.
pub(super) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    write_text(&mut out, value).ok();
    out
}

/// Bytes that are looked through at once; most pieces have nothing in them to replace.
const PIECE: usize = 32;

fn write(
    out: &mut impl Write,
    text: &str,
    reference: impl Fn(u8) -> Option<&'static str>,
) -> Result {
    let (bytes, mut plain) = (text.as_bytes(), 0);
    for (index, piece) in bytes.chunks(PIECE).enumerate() {
        // Without an early exit, so that the compiler compares many bytes by one instruction.
        if !piece.iter().fold(false, |found, byte| found | reference(*byte).is_some()) {
            continue;
        }
        for (offset, byte) in piece.iter().enumerate() {
            let at = index * PIECE + offset;
            if let Some(reference) = reference(*byte) {
                out.write_str(&text[plain..at])?;
                out.write_str(reference)?;
                plain = at + 1;
            }
        }
    }
    out.write_str(&text[plain..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_references_and_the_rest_stays() {
        assert_eq!(text("ä<b>\"&\r\n"), "ä&lt;b&gt;\"&amp;&#xD;\n");
        assert_eq!(attribute("ä<b>\"&\r\n\t"), "ä&lt;b>&quot;&amp;&#xD;&#xA;&#x9;");
        for length in 0..3 * PIECE {
            let plain = "x".repeat(length);
            assert_eq!(text(&format!("{plain}&{plain}<")), format!("{plain}&amp;{plain}&lt;"));
        }
    }
}
