//! What an attacker does to a message, in words.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What may stand in braces.
pub(super) type Names = BTreeMap<String, String>;

/// The signed element, its signature, and a forged copy about somebody else, each also in parts.
pub(super) fn pieces(xml: &str, of_response: bool) -> Vec<(String, String)> {
    let (start, end) = if of_response {
        ("<samlp:Response", "</samlp:Response>")
    } else {
        ("<saml:Assertion", "</saml:Assertion>")
    };
    let signed = cut(xml, start, end);
    let signature = cut(&signed, "<ds:Signature", "</ds:Signature>");
    let original = signed.replacen(&signature, "", 1);
    let evil = original.replace(">ada<", ">evil<").replace(" ID=\"_", " ID=\"_e");
    let (head, tail) = evil.split_once("</saml:Issuer>").expect("an issuer");
    let tail = tail.strip_suffix(end).expect("an end");
    let opened = signature.strip_suffix("</ds:Signature>").expect("an end");
    let (_, shown) = signature.split_once("<ds:X509Certificate>").expect("a certificate");
    let (shown, _) = shown.split_once('<').expect("an end");
    let twin = original.replace(">ada<", ">evil<");
    [
        ("evil-head", format!("{head}</saml:Issuer>")),
        ("evil-tail", tail.to_owned()),
        ("evil-end", end.to_owned()),
        ("shown", shown.to_owned()),
        ("evil", evil.clone()),
        ("twin", twin),
        ("signature-open", opened.to_owned()),
        ("signature", signature),
        ("original", original),
        ("signed", signed),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

pub(super) fn cut(xml: &str, start: &str, end: &str) -> String {
    let from = xml.find(start).unwrap_or_else(|| panic!("{start} is in {xml}"));
    let to = xml[from..].rfind(end).unwrap_or_else(|| panic!("{end} is in {xml}"));
    xml[from..from + to + end.len()].to_owned()
}

/// What an attacker does to the text; every text it names must be there.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Edit {
    /// The first occurrence.
    Replace([String; 2]),
    /// The first element of that name; `empty` leaves its tags, `double` writes it twice.
    Drop(String),
    Empty(String),
    Double(String),
    /// The first element of that name goes before the first occurrence of a text.
    Move([String; 2]),
    /// From the first occurrence of one text up to that of another.
    Cut([String; 2]),
    /// Another letter at each of these places of the element's text.
    Garble(String),
    Prepend(String),
    Append(String),
}

impl Edit {
    pub(super) fn apply(&self, xml: &str, names: &Names) -> String {
        let element = |name: &str| {
            let from = xml.find(&format!("<{name}")).unwrap_or_else(|| panic!("<{name} in {xml}"));
            let end = format!("</{name}>");
            let to = xml[from..].find(&end).expect("an end") + from + end.len();
            (&xml[..from], &xml[from..to], &xml[to..])
        };
        let find = |text: &str| {
            let text = expand(text, names);
            let at = xml.find(&text).unwrap_or_else(|| panic!("{text} is in {xml}"));
            (at, text.len())
        };
        match self {
            Self::Replace([from, to]) => {
                let (at, length) = find(from);
                format!("{}{}{}", &xml[..at], expand(to, names), &xml[at + length..])
            }
            Self::Drop(name) => {
                let (before, _, after) = element(name);
                format!("{before}{after}")
            }
            Self::Empty(name) => {
                let (before, inside, after) = element(name);
                let tag = inside.find('>').expect("a tag");
                format!("{before}{}</{name}>{after}", &inside[..=tag])
            }
            Self::Double(name) => {
                let (before, inside, after) = element(name);
                format!("{before}{inside}{inside}{after}")
            }
            Self::Move([name, text]) => {
                let (before, inside, after) = element(name);
                format!("{before}{after}").replacen(text, &format!("{inside}{text}"), 1)
            }
            Self::Cut([from, to]) => {
                let ((from, _), (to, _)) = (find(from), find(to));
                format!("{}{}", &xml[..from], &xml[to..])
            }
            Self::Garble(name) => {
                let (before, inside, after) = element(name);
                let at = inside.find('>').expect("a tag") + 9;
                let other = if &inside[at..=at] == "A" { "B" } else { "A" };
                format!("{before}{}{other}{}{after}", &inside[..at], &inside[at + 1..])
            }
            Self::Prepend(text) => expand(text, names) + xml,
            Self::Append(text) => xml.to_owned() + &expand(text, names),
        }
    }
}

/// Replaces `{name}`, and `{3*text#}` by three times the text, counted where it says `#`.
pub(super) fn expand(text: &str, names: &Names) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').expect("a closing brace");
        out += before;
        out += &match inside.split_once('*') {
            Some((count, text)) => repeated(count.parse().expect("a number"), text),
            None => names.get(inside).unwrap_or_else(|| panic!("{inside} is a name")).clone(),
        };
        rest = after;
    }
    out + rest
}

fn repeated(count: usize, text: &str) -> String {
    (0..count).map(|index| text.replace('#', &index.to_string())).collect()
}
