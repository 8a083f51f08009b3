//! Reading HTML, as tolerantly as pages of ours and of other products need it.

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open(Tag),
    Close(String),
    Text(String),
}

/// An opening tag; names in lower case, values decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute; empty where only its name stands.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// Elements whose content is text, whatever it looks like.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

/// The page from beginning to end; comments and declarations are left out.
pub(super) fn tokens(html: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = html;
    while let Some((text, markup)) = rest.split_once('<') {
        push_text(&mut tokens, text);
        rest = read_markup(markup, &mut tokens);
    }
    push_text(&mut tokens, rest);
    tokens
}

fn push_text(tokens: &mut Vec<Token>, text: &str) {
    if !text.is_empty() {
        tokens.push(Token::Text(decode(text)));
    }
}

/// What follows a `<`; answers what comes after.
fn read_markup<'h>(markup: &'h str, tokens: &mut Vec<Token>) -> &'h str {
    match markup.chars().next() {
        _ if markup.starts_with("!--") => past(markup, "-->"),
        Some('!' | '?') => past(markup, ">"),
        Some('/') => {
            tokens.push(Token::Close(name(&markup[1..]).to_ascii_lowercase()));
            past(markup, ">")
        }
        Some(first) if first.is_ascii_alphabetic() => read_element(markup, tokens),
        _ => {
            tokens.push(Token::Text("<".to_owned()));
            markup
        }
    }
}

fn read_element<'h>(markup: &'h str, tokens: &mut Vec<Token>) -> &'h str {
    let (tag, rest) = read_tag(markup);
    let raw = RAW.contains(&tag.name.as_str()).then(|| format!("</{}", tag.name));
    tokens.push(Token::Open(tag));
    let Some(end) = raw else { return rest };
    let (text, rest) = rest.split_at(rest.to_ascii_lowercase().find(&end).unwrap_or(rest.len()));
    push_text(tokens, text);
    rest
}

fn read_tag(markup: &str) -> (Tag, &str) {
    let own = name(markup);
    let mut tag = Tag { name: own.to_ascii_lowercase(), attributes: Vec::new() };
    let mut rest = &markup[own.len()..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        let (attribute, after) = read_attribute(rest);
        tag.attributes.push(attribute);
        rest = after;
    }
}

fn read_attribute(text: &str) -> ((String, String), &str) {
    // A stray `=` in front belongs to the name, so that reading always gets on.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
    let length = text[first..].find(ends).map_or(text.len(), |at| at + first);
    let (name, rest) = text.split_at(length);
    let (value, rest) = match rest.trim_start().strip_prefix('=') {
        Some(value) => read_value(value.trim_start()),
        None => ("", rest),
    };
    ((name.to_ascii_lowercase(), decode(value)), rest)
}

fn read_value(text: &str) -> (&str, &str) {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].split_once(quote).unwrap_or((&text[1..], "")),
        _ => text.split_at(
            text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len()),
        ),
    }
}

fn name(text: &str) -> &str {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/');
    &text[..text.find(ends).unwrap_or(text.len())]
}

fn past<'h>(text: &'h str, end: &str) -> &'h str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// Replaces character references: the five of XML, a space, and numbers.
fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let reference = after.split_once(';').and_then(|(name, rest)| Some((one(name)?, rest)));
        let (character, next) = reference.unwrap_or(('&', after));
        decoded.push(character);
        rest = next;
    }
    decoded + rest
}

fn one(name: &str) -> Option<char> {
    let number = |digits, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match (name, name.strip_prefix('#')) {
        ("amp", _) => Some('&'),
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("quot", _) => Some('"'),
        ("apos", _) => Some('\''),
        ("nbsp", _) => Some('\u{a0}'),
        (_, Some(digits)) => match digits.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => number(hexadecimal, 16),
            None => number(digits, 10),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(html: &str) -> Tag {
        match tokens(html).into_iter().next() {
            Some(Token::Open(tag)) => tag,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn attributes_in_every_spelling() {
        let tag = tag("<INPUT type='text' NAME=user value=\"a &amp; &#x27;b&#39;\" required/>");
        assert_eq!(tag.name, "input");
        for (name, value) in [
            ("type", Some("text")),
            ("name", Some("user")),
            ("value", Some("a & 'b'")),
            ("required", Some("")),
            ("checked", None),
        ] {
            assert_eq!(tag.get(name), value, "{name}");
        }
    }

    #[test]
    fn text_comments_and_raw_elements() {
        let text = |text: &str| Token::Text(text.to_owned());
        let found = tokens("<!DOCTYPE html><!-- <b> -->1 < 2<script>if (a<b) x('</p>')</script>");
        let close = Token::Close("script".to_owned());
        assert_eq!(found[..3], [text("1 "), text("<"), text(" 2")]);
        assert_eq!(found[4..], [text("if (a<b) x('</p>')"), close]);
    }

    #[test]
    fn whatever_comes_there_is_an_end() {
        for html in [
            "<",
            "<a",
            "<a b",
            "<a =",
            "<a b='",
            "<!--",
            "</",
            "<a ===>",
            "&",
            "&#xffffffff;",
            "<é>",
            "<script>",
        ] {
            tokens(html);
        }
    }
}
