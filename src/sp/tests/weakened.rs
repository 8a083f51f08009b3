//! The mutation check: each rule is lifted, and something that it kept out must come in.

use std::{cell::RefCell, collections::BTreeSet, fmt::Write};

use crate::sp::{Idp, Rejection};

use super::{
    corpus::{Invalid, files},
    recipe::Message,
    world::judge,
};

thread_local! {
    static LIFTED: RefCell<Vec<Rejection>> = const { RefCell::new(Vec::new()) };
}

/// Whether a rule is in force on this thread.
pub(in super::super) fn in_force(rule: Rejection) -> bool {
    LIFTED.with_borrow(|lifted| !lifted.contains(&rule))
}

/// Facts that leave nothing to go on with, so that no switch could lift them.
const FINAL: [(Rejection, &str); 12] = [
    (Rejection::NotBase64, "there are no bytes"),
    (Rejection::NotUtf8, "there is no text"),
    (Rejection::Doctype, "the parser has no document types either"),
    (Rejection::NotWellFormed, "there is no document"),
    (Rejection::Missing, "there is nothing to read"),
    (Rejection::NoAssertion, "there is nobody"),
    (Rejection::Algorithm, "there is no code for another algorithm"),
    (Rejection::Decryption, "there is no plaintext"),
    (Rejection::NoConditions, "there is no audience to compare"),
    (Rejection::NoSubject, "there is nobody"),
    (Rejection::NoConfirmationData, "there is no recipient to compare"),
    (Rejection::ConfirmationWithoutEnd, "there is no time until which a replay is remembered"),
];

/// What only logout messages are refused for; `tests/sp/logout.rs` shows each.
const OF_LOGOUT: [Rejection; 8] = [
    Rejection::UnsignedMessage,
    Rejection::RepeatedParameter,
    Rejection::SeveralMessages,
    Rejection::NotDeflated,
    Rejection::Issuer,
    Rejection::SloDestination,
    Rejection::Stale,
    Rejection::NoNameId,
];

/// Lifts one rule after the other until the response is accepted or what refuses it cannot be lifted.
fn lift(message: &Message, idp: &Idp) -> (Vec<String>, String) {
    let mut lines = Vec::new();
    let then = loop {
        match judge(message, idp).who() {
            Ok(who) => break format!("{who} signs in"),
            Err(rule) if !in_force(rule) || FINAL.iter().any(|(fact, _)| *fact == rule) => {
                break format!("refused: {rule:?}");
            }
            Err(rule) => {
                lines.push(format!("{rule:?}"));
                LIFTED.with_borrow_mut(|lifted| lifted.push(rule));
            }
        }
    };
    LIFTED.take();
    (lines, then)
}

#[test]
fn each_hostile_response_is_kept_out_by_the_rules_it_names_and_by_no_others() {
    let mut wrong = String::new();
    for (name, file) in files::<Invalid>("invalid") {
        let idp = file.recipe.idp();
        for (inside, expected) in file.deliveries() {
            let (lines, then) = lift(&file.recipe.follow(inside), &idp);
            if (&lines, &then) != (&expected.lines, &expected.then) {
                let _ = writeln!(wrong, "{name}, encrypted {inside}: {lines:?} {then:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_rule_keeps_something_out() {
    let refusals: Vec<_> = files::<Invalid>("invalid")
        .values()
        .flat_map(|file| file.deliveries().into_iter().map(|(_, refusal)| refusal.clone()))
        .collect();
    let final_facts: BTreeSet<_> = FINAL.iter().map(|(fact, _)| format!("{fact:?}")).collect();
    let of_logout = OF_LOGOUT.map(|rule| format!("{rule:?}"));
    for rule in rules().into_iter().filter(|rule| !of_logout.contains(rule)) {
        let is_final = final_facts.contains(&rule);
        let depended_on = refusals.iter().any(|refusal| {
            let signs_in = refusal.then.ends_with(" signs in");
            refusal.refused == rule && (is_final || signs_in && refusal.lines.contains(&rule))
        });
        assert!(depended_on, "nothing in the corpus depends on {rule}");
    }
}

/// The names of all rejections, from the source: nobody can forget one.
fn rules() -> Vec<String> {
    let source = include_str!("../rejection.rs");
    let variants = source.split("#[error(").skip(1).filter_map(|variant| variant.split_once(")]"));
    let name = |rest: &str| rest.trim().split(',').next().unwrap_or_default().to_owned();
    variants.map(|(_, rest)| name(rest)).collect()
}
