//! The rooms' doors, kept shut: who may name whom, and which crates have one room only.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Room → rooms it may name.
const DOORS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("crypto", &["domain"]),
    ("sp", &["domain"]),
    ("rp", &["domain", "crypto"]),
    ("op", &["domain", "crypto"]),
    ("store", &["domain", "crypto"]),
    ("broker", &["domain", "crypto", "sp", "rp", "op", "store"]),
    ("http", &["domain", "crypto", "op", "store", "broker"]),
    ("samples", &["domain", "crypto"]),
    ("demo", &["domain", "crypto", "rp", "store", "broker", "http", "samples"]),
    ("cli", &["domain", "crypto", "store", "broker", "http", "demo"]),
];

/// Crate → the rooms that may name it.
const FENCED: &[(&str, &[&str])] = &[
    ("actix_web", &["http", "demo"]),
    ("actix_multipart", &["http"]),
    ("askama", &["http", "demo"]),
    ("diesel", &["store"]),
    ("diesel_migrations", &["store"]),
    ("samael", &["sp"]),
    ("openidconnect", &["rp"]),
    ("reqwest", &["broker", "samples"]),
    ("clap", &["cli"]),
    ("argon2", &["crypto"]),
    ("icu_normalizer", &["domain"]),
];

fn sources(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![src.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a room is a folder") {
            let path = entry.expect("entry").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => files.push(path),
                _ => {}
            }
        }
    }
    files
}

/// The code without comments and without the tests at its end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("readable");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// Names that follow `crate::`, alone or in a group.
fn rooms_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => named.push(word(rest)),
            Some(group) => named.extend(first_words_of(group)),
        }
    }
    named
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first word of each member of a use group, which may hold groups itself.
fn first_words_of(group: &str) -> Vec<String> {
    let (mut depth, mut words, mut expects) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            c if expects && depth == 0 && c.is_alphabetic() => {
                words.push(word(&group[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    words
}

#[test]
fn every_room_names_only_rooms_it_has_a_door_to() {
    let rooms: Vec<&str> = DOORS.iter().map(|(room, _)| *room).collect();
    for (room, doors) in DOORS {
        for path in sources(room).iter().filter(|path| !is_test(path)) {
            for named in rooms_named(&code(path)) {
                let foreign = rooms.contains(&named.as_str()) && named != *room;
                let allowed = !foreign || doors.contains(&named.as_str());
                assert!(allowed, "{} names the room `{named}`", path.display());
            }
        }
    }
}

#[test]
fn fenced_crates_stay_in_their_room() {
    for (room, _) in DOORS {
        for path in sources(room).iter().filter(|path| !is_test(path)) {
            let code = code(path);
            for (name, homes) in FENCED {
                let named =
                    code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
                assert!(!named || homes.contains(room), "{} names `{name}`", path.display());
            }
        }
    }
}

#[test]
fn samael_is_named_in_one_file() {
    let naming = |path: &&PathBuf| code(path).contains("samael::");
    let files = sources("sp");
    let files: Vec<_> = files.iter().filter(naming).collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

/// What a token opens goes through `verify_presented`, which asks for the proof of its key.
#[test]
fn access_tokens_come_in_by_one_door() {
    let homes = ["access.rs", "exchange.rs", "presented.rs", "revocation.rs"];
    for path in ["broker", "http"].into_iter().flat_map(sources).filter(|path| !is_test(path)) {
        let code = code(&path);
        let reads = ["verify_access_token(", "read_access_token("];
        let home = homes.iter().any(|home| path.ends_with(home));
        let named = reads.iter().any(|read| code.contains(read));
        assert!(home || !named, "{} reads access tokens by itself", path.display());
    }
}

#[test]
fn every_room_is_known_here() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).expect("src") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            let name = path.file_name().expect("name").to_string_lossy().into_owned();
            assert!(DOORS.iter().any(|(room, _)| *room == name), "{name} has no row in DOORS");
        }
    }
}

#[test]
fn no_page_has_inline_script_or_style() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("templates") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "html") {
                continue;
            }
            let html = fs::read_to_string(&path).expect("readable");
            let inline = html.contains("style=\"")
                || html.contains("<style")
                || html.contains(" onclick")
                || html.contains("|safe")
                || html
                    .match_indices("<script")
                    .any(|(at, _)| !html[at..].starts_with("<script src="));
            assert!(!inline, "{}", path.display());
        }
    }
}

/// On a phone a table's rows stand alone, and each cell needs to say what it is.
#[test]
fn tables_can_be_read_on_a_phone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("templates") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(html) = fs::read_to_string(&path) {
                let plain = html.contains("<table") && !html.contains("class=\"table stacked\"");
                assert!(!plain && !html.contains("class=\"table\""), "{}", path.display());
            }
        }
    }
}

/// A feature that only one of them asks for breaks the other, on a toolchain that few have.
#[test]
fn what_is_fuzzed_is_built_like_the_product() {
    let dependencies = |manifest: &str| -> toml::Table {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
        let manifest: toml::Table =
            fs::read_to_string(path).expect("readable").parse().expect("TOML");
        manifest["dependencies"].as_table().expect("a table").clone()
    };
    let ours = dependencies("Cargo.toml");
    for (name, asked) in dependencies("fuzz/Cargo.toml") {
        if name != "libfuzzer-sys" {
            assert_eq!(ours.get(&name), Some(&asked), "{name} in fuzz/Cargo.toml");
        }
    }
}
