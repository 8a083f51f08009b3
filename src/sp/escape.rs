//! Characters that XML takes for markup, as canonical XML writes them (Canonical XML 1.0 §2.3).

/// Appends `text` as element content.
pub(super) fn push_text(out: &mut String, text: &str) {
    push(out, text, |char| match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Appends `value` as the inside of a double-quoted attribute.
pub(super) fn push_attribute(out: &mut String, value: &str) {
    push(out, value, |char| match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xA;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

/// `value` for an attribute.
pub(super) fn attribute(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    push_attribute(&mut out, value);
    out
}

/// `value` for element content.
pub(super) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    push_text(&mut out, value);
    out
}

fn push(out: &mut String, text: &str, reference: impl Fn(char) -> Option<&'static str>) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(reference) = reference(char::from(byte)) {
            out.push_str(&text[plain..at]);
            out.push_str(reference);
            plain = at + 1;
        }
    }
    out.push_str(&text[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_references_and_the_rest_stays() {
        assert_eq!(text("ä<b>\"&\r\n"), "ä&lt;b&gt;\"&amp;&#xD;\n");
        assert_eq!(attribute("ä<b>\"&\r\n\t"), "ä&lt;b>&quot;&amp;&#xD;&#xA;&#x9;");
    }
}
