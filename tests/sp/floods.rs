//! Large and nested documents are refused at once; the process goes on.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn every_flood_is_refused_within_two_seconds() {
    let names =
        |count: usize| -> String { (0..count).map(|n| format!(" xmlns:n{n}=\"u{n}\"")).collect() };
    let attributes: String = (0..20_000).map(|n| format!(" a{n}=\"\"")).collect();
    let nested_names: String = (0..3_000).map(|n| format!("<a xmlns:n{n}=\"u\">")).collect();
    let many_ids: String = (0..9_000).map(|n| format!("<a ID=\"{n}\"/>")).collect();
    let rows = [
        ("depth", "<a>".repeat(80_000), Rejection::TooDeep),
        ("attributes", format!("<a{attributes}/>"), Rejection::TooManyAttributes),
        ("namespaces", format!("<a{}/>", names(49)), Rejection::TooManyAttributes),
        ("nested namespaces", nested_names, Rejection::TooManyNamespaces),
        ("nodes", format!("<r>{}</r>", "<a/>".repeat(60_000)), Rejection::TooManyNodes),
        ("equal signs", format!("<a {}>", "=".repeat(250_000)), Rejection::NotWellFormed),
        ("open tags", "<".repeat(250_000), Rejection::NotWellFormed),
        ("open quotes", "<a b='".repeat(40_000), Rejection::NotWellFormed),
        ("open CDATA", "<![CDATA[".repeat(25_000), Rejection::NotWellFormed),
        ("long name", format!("<a {}='1'/>", "b".repeat(200_000)), Rejection::TooManyAttributes),
        ("IDs", format!("<r>{many_ids}</r>"), Rejection::WrongRoot),
        ("references", format!("<r>{}</r>", "&amp;".repeat(50_000)), Rejection::WrongRoot),
        ("size", "x".repeat(262_145), Rejection::TooLarge),
        ("20 MB", "x".repeat(20 << 20), Rejection::TooLarge),
    ];
    for (name, xml, expected) in rows {
        let response = encode(xml);
        let begin = Instant::now();
        assert_eq!(verify(&response).err(), Some(expected), "{name}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{name}: {:?}", begin.elapsed());
    }
}

#[test]
fn many_groups_are_still_accepted() {
    let groups: Vec<String> = (0..1_500).map(|n| format!("CN=Group {n},OU=Hospital")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let response = honest().person("ada", &[("groups", &groups)]).build();
    assert_eq!(verify(&response).expect("accepted").statement().values("groups").len(), 1_500);
}
