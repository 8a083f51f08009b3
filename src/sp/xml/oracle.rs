//! Our parser against roxmltree: over honest documents, and over the same documents damaged in some places.
//!
//! Honest ones are accepted. What we accept of the damaged ones it accepts too, and sees the same elements,
//! attributes, namespaces and text. We refuse more: it lets references to no character, names that begin with a
//! colon and some reserved or empty prefixes through. `MEDICT_XML_DOCUMENTS` says how many documents there are.

use std::{env, fmt::Write, fs, path::Path};

use super::{Comments, Document, Node};
use crate::sp::{c14n::documents::Dice, tree::normalise};

const DOCUMENTS: u64 = 4_000;

/// What is put in place of something else.
const SPLINTERS: [&str; 44] = [
    "",
    "<",
    ">",
    "/",
    "/>",
    "</",
    "=",
    "\"",
    "'",
    "&",
    ";",
    " ",
    "\n",
    ":",
    "<a>",
    "</a>",
    "<a/>",
    "<a b=''/>",
    "&amp;",
    "&lt",
    "&#0;",
    "&#x41;",
    "&#xFFFF;",
    "&#x110000;",
    "&#+65;",
    "&#x;",
    "]]>",
    "<![CDATA[",
    "<![CDATA[x]]>",
    "<!--",
    "-->",
    "<!-- x -->",
    "<?x y?>",
    "<!DOCTYPE a>",
    " xmlns='u'",
    " xmlns:q='u'",
    " q:b='1'",
    " xml:id='1'",
    " xmlns:xml='u'",
    "\u{1}",
    "\u{FFFE}",
    "\u{e9}",
    "-",
    "a:b:c",
];

fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["fuzz/seeds/parse", "fuzz/seeds/metadata"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let texts = files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"));
    texts.map(|text| normalise(&text).into_owned()).collect()
}

fn damage(text: &str, dice: &mut Dice) -> String {
    let mut damaged = text.to_owned();
    for _ in 0..=dice.roll(2) {
        let places: Vec<usize> = damaged.char_indices().map(|(at, _)| at).collect();
        let Some(from) = places.get(dice.roll(places.len().max(1))) else { break };
        let length = dice.roll(4);
        let to = places.iter().copied().find(|at| *at >= from + length).unwrap_or(damaged.len());
        damaged.replace_range(from..&to, SPLINTERS[dice.roll(SPLINTERS.len())]);
    }
    damaged
}

/// One line for each thing in the tree.
fn ours(node: Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    if node.is_element() {
        let (uri, name, written) =
            (node.namespace().unwrap_or("-"), node.name(), node.written_name());
        let _ = writeln!(out, "{indent}<{uri} {name} {written}");
        for found in node.attributes() {
            let (uri, name, value) =
                (found.namespace().unwrap_or("-"), found.name(), found.value());
            let _ = writeln!(out, "{indent}@{uri} {name} {} {value:?}", found.written_name());
        }
        for prefix in ["", "a", "b", "c", "q", "zz", "saml", "samlp", "ds", "md"] {
            let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
            let _ = write!(out, "{:?}", node.uri_of(prefix).filter(|uri| !uri.is_empty()));
        }
        let _ = writeln!(out);
        node.children().for_each(|child| ours(child, depth + 1, out));
    } else if let Some(text) = node.text().filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "{indent}{text:?}");
    }
}

fn theirs(node: roxmltree::Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let source = node.document().input_text();
    if node.is_element() {
        let (uri, name) = (node.tag_name().namespace().unwrap_or("-"), node.tag_name().name());
        let written = source[node.range().start + 1..].split([' ', '\t', '\n', '/', '>']).next();
        let _ = writeln!(
            out,
            "{indent}<{} {name} {}",
            if uri.is_empty() { "-" } else { uri },
            written.unwrap_or("")
        );
        for found in node.attributes() {
            let (uri, name, value) =
                (found.namespace().unwrap_or("-"), found.name(), found.value());
            let _ =
                writeln!(out, "{indent}@{uri} {name} {} {value:?}", &source[found.range_qname()]);
        }
        for prefix in ["", "a", "b", "c", "q", "zz", "saml", "samlp", "ds", "md"] {
            let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
            let _ = write!(
                out,
                "{:?}",
                node.lookup_namespace_uri(prefix).filter(|uri| !uri.is_empty())
            );
        }
        let _ = writeln!(out);
        node.children().for_each(|child| theirs(child, depth + 1, out));
    } else if let Some(text) = node.text().filter(|text| node.is_text() && !text.is_empty()) {
        let _ = writeln!(out, "{indent}{text:?}");
    }
}

/// Whether we accept it; if so, it is to roxmltree what it is to us.
fn accepted(text: &str) -> bool {
    let Ok(own) = Document::parse(text, Comments::Skipped) else { return false };
    let other = match roxmltree::Document::parse(text) {
        Ok(other) => other,
        Err(error) => panic!("accepted in spite of {error}: {text}"),
    };
    let (mut one, mut two) = (String::new(), String::new());
    ours(own.root(), 0, &mut one);
    theirs(other.root_element(), 0, &mut two);
    assert_eq!(one, two, "{text}");
    true
}

#[test]
fn what_another_parser_sees_we_see() {
    let documents = env::var("MEDICT_XML_DOCUMENTS").ok().and_then(|count| count.parse().ok());
    let seeds = seeds();
    assert!(seeds.iter().all(|seed| accepted(seed)));
    let mut survived = 0;
    for number in 0..documents.unwrap_or(DOCUMENTS) {
        let mut dice = Dice::new(number);
        let generated = normalise(&dice.document()).into_owned();
        assert!(accepted(&generated), "{generated}");
        let seed = if number % 2 == 0 { &generated } else { &seeds[dice.roll(seeds.len())] };
        survived += u32::from(accepted(&damage(seed, &mut dice)));
    }
    assert!(survived > 0, "some damage is harmless, so that trees are compared");
}
