//! Every hostile response is refused for its one reason, by the step that is about it.

use std::fmt::Write;

use super::{
    corpus::{Invalid, attacks, files},
    world::judge,
};

#[test]
fn every_hostile_response_is_refused_for_its_reason_by_its_step() {
    let mut wrong = String::new();
    for (name, file) in files::<Invalid>("invalid") {
        let idp = file.recipe.idp();
        for (inside, expected) in file.deliveries() {
            let outcome = judge(&file.recipe.follow(inside), &idp);
            let refused = outcome.who().map_err(|rejection| format!("{rejection:?}"));
            let found = (refused.err().unwrap_or_default(), outcome.step.unwrap_or_default());
            if (&found.0, &found.1) != (&expected.refused, &expected.at) {
                let _ = writeln!(wrong, "{name}, encrypted {inside}: {found:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_attack_has_a_response_or_says_where_it_is_shown() {
    let (attacks, files) = (attacks(), files::<Invalid>("invalid"));
    for (name, file) in &files {
        let known = file.attack.iter().all(|key| attacks.iter().any(|(known, _)| known == key));
        assert!(known && !file.attack.is_empty(), "{name}: {:?}", file.attack);
    }
    for (key, attack) in &attacks {
        let shown = files.values().any(|file| file.attack.contains(key));
        assert!(shown || attack.elsewhere.is_some(), "{key}");
    }
}
