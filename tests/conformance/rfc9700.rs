//! `docs/rfc9700.md` names tests that exist.

use std::{fs, path::Path};

fn collect(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&path).expect("readable"));
        }
    }
}

#[test]
fn every_line_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    collect(&root.join("src"), &mut code);
    collect(&root.join("tests"), &mut code);
    let page = fs::read_to_string(root.join("docs/rfc9700.md")).expect("readable");
    let lines = page.lines().filter(|line| line.starts_with("| ")).skip(2);
    for line in lines {
        let cell = line.trim_end_matches('|').rsplit('|').next().expect("a cell");
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {line}");
        for name in names {
            assert!(code.contains(&format!("fn {name}(")), "there is no test `{name}`");
        }
    }
}
