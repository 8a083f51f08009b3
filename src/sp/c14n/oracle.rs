//! Our canonical form against another implementation's, over generated documents.

use ua_cryptography_xml_c14n::{Algorithm, canonicalize as other};

use super::{Method, canonicalize};
use crate::sp::{
    guard::Comments,
    tree::{Node, Tree, elements},
};

const DOCUMENTS: u64 = 2_000;
const PREFIXES: [&str; 4] = ["", "a", "b", "c"];
const URIS: [&str; 4] = ["", "urn:1", "urn:2", "urn:1&2"];
const PIECES: [&str; 9] = [
    "x",
    "&lt;&amp;",
    "&#13;&#9;",
    "\n\t",
    "]]&gt;",
    "<![CDATA[<&>]]>",
    "<!-- - -->",
    "é\u{1F600}",
    ">\"'",
];
const VALUES: [&str; 5] = ["", "v", "a\tb\nc", "&#10;&#13;&#9;&quot;&lt;", "'>é&amp;"];

/// Small numbers in a fixed order (a 64-bit linear congruential generator), so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.roll(list.len())]
    }

    /// An element; `scope` has the URI that each prefix stands for.
    fn element(&mut self, mut scope: [&'static str; 4], depth: usize) -> String {
        let mut tag = String::new();
        for (index, prefix) in PREFIXES.iter().enumerate() {
            if self.roll(3) != 0 {
                continue;
            }
            scope[index] = if index == 0 { self.pick(&URIS) } else { self.pick(&URIS[1..]) };
            let name = if index == 0 { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            tag += &format!(" {name}=\"{}\"", scope[index].replace('&', "&amp;"));
        }
        for local in ["z", "y", "k", "xml:lang"].iter().take(self.roll(5)) {
            let prefix = if local.contains(':') { String::new() } else { self.prefix(scope) };
            tag += &format!(" {prefix}{local}=\"{}\"", self.pick(&VALUES));
        }
        let name = format!("{}e", self.prefix(scope));
        let inside = self.content(scope, depth);
        format!("<{name}{tag}>{inside}</{name}>")
    }

    fn prefix(&mut self, scope: [&str; 4]) -> String {
        let index = self.roll(4);
        let usable = index > 0 && !scope[index].is_empty();
        if usable { format!("{}:", PREFIXES[index]) } else { String::new() }
    }

    fn content(&mut self, scope: [&'static str; 4], depth: usize) -> String {
        let mut inside = String::new();
        for _ in 0..self.roll(4) {
            inside += self.pick(&PIECES);
            if depth > 0 {
                inside += &self.element(scope, depth - 1);
            }
        }
        inside
    }
}

fn all_elements(root: Node) -> impl Iterator<Item = Node> {
    root.descendants().filter(Node::is_element)
}

#[test]
fn two_implementations_agree_on_every_element() {
    for seed in 0..DOCUMENTS {
        let xml = Dice(seed).element([""; 4], 3);
        let tree = Tree::parse(&xml, Comments::Skipped).expect("well-formed");
        for apex in all_elements(tree.root()).take(8) {
            let except = elements(apex).next();
            for (method, algorithm, list) in [
                (Method::Exclusive(vec![]), Algorithm::Exclusive, &[][..]),
                (
                    Method::Exclusive(vec![Some("a"), None]),
                    Algorithm::Exclusive,
                    &["a", "#default"],
                ),
                (Method::Inclusive, Algorithm::Inclusive, &[]),
            ] {
                let mut ours = String::new();
                canonicalize(&mut ours, apex, except, &method).expect("a string takes everything");
                let theirs = other(apex, algorithm, list, except);
                assert_eq!(ours.as_bytes(), theirs, "{seed} {method:?} {xml}");
            }
        }
    }
}
