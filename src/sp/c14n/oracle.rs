//! Our canonical form against two other implementations', over generated documents: a crate that walks
//! another parser's tree, and libxml2, which parses for itself.
//!
//! `just c14n` does a hundred thousand; `MEDICT_C14N_DOCUMENTS` says how many. libxml2 is asked through the
//! Python that `MEDICT_C14N_PYTHON` names (`tests/c14n/libxml2.py`); without it only the crate is.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::{Value, json};
use ua_cryptography_xml_c14n::{Algorithm, canonicalize as other};

use super::documents::{self, Dice};
use super::{Method, canonicalize};
use crate::sp::{
    tree::{Node, Tree, elements, normalise},
    xml::Comments,
};

const DOCUMENTS: u64 = 2_000;
/// Documents that are asked about at once.
const BATCH: u64 = 500;

/// What is canonicalized: which element, without its first child element or with it, and how.
struct Question {
    apex: usize,
    except: bool,
    exclusive: bool,
    list: &'static [&'static str],
}

impl Question {
    fn roll(dice: &mut Dice, elements: usize) -> Self {
        let lists = [&[][..], &["a"], &["a", "#default"], &["#default"], &["zz", "absent", "b"]];
        let exclusive = dice.roll(3) != 0;
        Self {
            apex: if dice.roll(3) == 0 { 0 } else { dice.roll(elements) },
            except: dice.roll(2) == 0,
            exclusive,
            list: if exclusive { lists[dice.roll(lists.len())] } else { &[] },
        }
    }

    fn method(&self) -> Method<'static> {
        let named = |prefix: &&'static str| Some(*prefix).filter(|prefix| *prefix != "#default");
        if self.exclusive {
            Method::Exclusive(self.list.iter().map(named).collect())
        } else {
            Method::Inclusive
        }
    }

    fn algorithm(&self) -> Algorithm {
        if self.exclusive { Algorithm::Exclusive } else { Algorithm::Inclusive }
    }

    /// As libxml2 is asked.
    fn asked_of(&self, xml: &str) -> Value {
        let Self { apex, except, exclusive, list } = self;
        json!({ "xml": xml, "apex": apex, "except": except, "exclusive": exclusive, "list": list })
    }
}

fn canonical(apex: Node, except: Option<Node>, method: &Method) -> String {
    let mut out = String::new();
    canonicalize(&mut out, apex, except, method).expect("a string takes everything");
    out
}

fn all_elements(root: Node) -> Vec<Node> {
    root.descendants().filter(Node::is_element).collect()
}

fn documents() -> u64 {
    env::var("MEDICT_C14N_DOCUMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(DOCUMENTS)
}

/// Our answers to two questions about each of the documents, held against the crate's at once.
fn answers(seeds: std::ops::Range<u64>) -> Vec<(Value, String)> {
    let mut answers = Vec::new();
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let xml = dice.document();
        let normal = normalise(&xml);
        let tree = Tree::parse(&normal, Comments::Skipped).expect("well-formed");
        let nodes = all_elements(tree.root());
        let document = roxmltree::Document::parse(&normal).expect("well-formed");
        let others: Vec<_> = document.descendants().filter(|node| node.is_element()).collect();
        for _ in 0..2 {
            let question = Question::roll(&mut dice, nodes.len());
            let apex = nodes[question.apex];
            let except = elements(apex).next().filter(|_| question.except);
            let ours = canonical(apex, except, &question.method());
            let apex = others[question.apex];
            let except = apex.first_element_child().filter(|_| question.except);
            let theirs = other(apex, question.algorithm(), question.list, except);
            let asked = question.asked_of(&xml);
            assert_eq!(ours.as_bytes(), theirs, "{seed} {asked}");
            if !xml.contains("urn:1&amp;2") {
                answers.push((asked, ours));
            }
        }
    }
    answers
}

/// libxml2, asked line by line.
struct Libxml2 {
    process: Child,
}

impl Libxml2 {
    fn start(python: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c14n/libxml2.py");
        let mut command = Command::new(python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { process: command.spawn().expect("Python starts") }
    }

    /// Holds our answers against its own.
    fn check(&mut self, answers: &[(Value, String)]) {
        let lines: String = answers.iter().map(|(asked, _)| format!("{asked}\n")).collect();
        let theirs = self.ask(&lines);
        assert_eq!(theirs.len(), answers.len(), "libxml2 answers everything");
        for ((asked, ours), theirs) in answers.iter().zip(theirs) {
            assert_eq!(*ours, theirs, "{asked}");
        }
    }

    /// Its answers, read while the questions are still being written.
    fn ask(&mut self, lines: &str) -> Vec<String> {
        let input = self.process.stdin.as_mut().expect("an input");
        let output = BufReader::new(self.process.stdout.as_mut().expect("an output"));
        thread::scope(|scope| {
            scope.spawn(move || input.write_all(lines.as_bytes()).and_then(|()| input.flush()));
            let answers = output.lines().take(lines.lines().count());
            let answers = answers.map(|line| serde_json::from_str(&line?).map_err(Into::into));
            answers.collect::<io::Result<_>>().expect("answers")
        })
    }
}

impl Drop for Libxml2 {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn three_implementations_agree() {
    let python = env::var("MEDICT_C14N_PYTHON").ok();
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    thread::scope(|scope| {
        for first in 0..threads {
            let python = python.as_deref();
            scope.spawn(move || {
                let mut libxml2 = python.map(Libxml2::start);
                let batches = (0..documents()).step_by(BATCH as usize);
                for from in batches.skip(first as usize).step_by(threads as usize) {
                    let answers = answers(from..documents().min(from + BATCH));
                    if let Some(libxml2) = &mut libxml2 {
                        libxml2.check(&answers);
                    }
                }
            });
        }
    });
}

/// A declaration is written as an attribute is (Canonical XML 1.0 §2.3), so its `&` is escaped. libxml2 2.9 and
/// 2.14 write it bare, which is not even well-formed; whoever signs with it such a namespace is refused.
#[test]
fn libxml2_does_not_escape_namespaces() {
    let xml = format!("<a xmlns='{}'/>", documents::AMPERSAND.replace('&', "&amp;"));
    let tree = Tree::parse(&xml, Comments::Refused).expect("well-formed");
    for method in [Method::Exclusive(vec![]), Method::Inclusive] {
        let ours = canonical(tree.root(), None, &method);
        assert_eq!(ours, "<a xmlns=\"urn:1&amp;2\"></a>");
    }
}

/// Relative namespaces: Canonical XML 1.0 §1.3 lets an implementation fail, and some have digested nothing then.
/// Ours writes them as they are: what is signed stays covered, and nothing is void.
#[test]
fn relative_namespaces_are_written_as_they_are() {
    let tree = Tree::parse("<p:a xmlns:p='../x'/>", Comments::Refused).expect("well-formed");
    let ours = canonical(tree.root(), None, &Method::Exclusive(vec![]));
    assert_eq!(ours, "<p:a xmlns:p=\"../x\"></p:a>");
}
