//! `docs/saml-attacks.md`, written from the corpus.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use super::corpus::{Attack, Invalid, Valid, attacks, files};

const HEAD: &str = "# SAML: attacks and what keeps them out

Written by `just saml-attacks` from `tests/sp_responses/`; a test fails when this page is out of date.

Each file says how one hostile response is made. Every one is refused with the rejection and by the step that its
file names; each rule is also lifted in the tests, to show that the response then passes (`tests/sp_responses/README.md`).
*Encrypted* means: also delivered inside an encrypted assertion.
";

#[test]
fn the_page_of_attacks_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/saml-attacks.md");
    let page = page();
    if std::env::var_os("MEDICT_WRITE_PAGES").is_some() {
        fs::write(&path, &page).expect("written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/saml-attacks.md is out of date; `just saml-attacks` writes it");
}

fn page() -> String {
    let invalid = files("invalid");
    let mut page = HEAD.to_owned();
    for (key, attack) in attacks() {
        page += &section(&key, &attack, &invalid);
    }
    page + &accepted()
}

fn section(key: &str, attack: &Attack, files: &BTreeMap<String, Invalid>) -> String {
    let rows: String = files
        .iter()
        .filter(|(_, file)| file.attack.iter().any(|other| other == key))
        .map(|(name, file)| row(name, file))
        .collect();
    let Attack { number, title, answer, source, elsewhere } = attack;
    let mut section = format!("\n## {number} · {title}\n\n{answer} Source: {source}.\n");
    if let Some(elsewhere) = elsewhere {
        let _ = write!(section, "\nShown in {elsewhere}.\n");
    }
    if !rows.is_empty() {
        section += "\n| response | refused with, by | encrypted | second lines |\n| --- | --- | --- | --- |\n";
    }
    section + &rows
}

fn row(name: &str, file: &Invalid) -> String {
    let refusal = &file.refusal;
    let inside = file
        .deliveries()
        .get(1)
        .map_or_else(String::new, |(_, inside)| format!("`{}`, {}", inside.refused, inside.at));
    let second = refusal.lines.iter().skip(1).map(|line| format!("`{line}`"));
    let second = second.collect::<Vec<_>>().join(", ");
    let cve =
        if file.cve.is_empty() { String::new() } else { format!(" ({})", file.cve.join(", ")) };
    format!(
        "| {}{cve}<br>[{}](../tests/sp_responses/{name}) | `{}`, {} | {inside} | {second} |\n",
        file.what,
        name.trim_start_matches("invalid/").trim_end_matches(".toml"),
        refusal.refused,
        refusal.at,
    )
}

fn accepted() -> String {
    let mut list = "\n## What is accepted\n\n".to_owned();
    for (name, file) in files::<Valid>("valid") {
        let short = name.trim_start_matches("valid/").trim_end_matches(".toml");
        let _ = writeln!(list, "- {} ([{short}](../tests/sp_responses/{name}))", file.what);
    }
    list
}
