//! Federations: thousands of entities in one signed document.

use std::{io::Cursor, time::Instant};

use medict::{
    samples::saml_idp::{MetadataBuilder, aggregate},
    sp::{AggregateSummary, BadAggregate, FederationEntity, read_aggregate},
};

use super::*;

fn pinned() -> SamlConfiguration {
    let value = json!({ "metadataUrl": "https://federation.example/all.xml", "federation": true,
        "metadataCertificate": OTHER.certificate() });
    serde_json::from_value(value).expect("a configuration")
}

fn read(xml: &str) -> Result<(AggregateSummary, Vec<FederationEntity>), BadAggregate> {
    let mut all = Vec::new();
    let summary = read_aggregate(Cursor::new(xml), &pinned(), NOW, |entity| {
        all.push(entity);
        true
    });
    summary.map(|summary| (summary, all))
}

fn institution(number: usize) -> MetadataBuilder {
    IDP.describe()
        .named(&format!("https://idp{number}.example/metadata"))
        .called(&format!("Hospital Nº {number} <&>"))
        .scope(&format!("h{number}.example"))
}

fn signed(entities: impl Iterator<Item = String>) -> String {
    aggregate(entities, None, Some(OTHER.signing()))
}

fn rejected(xml: &str) -> String {
    read(xml).err().map(|bad| bad.to_string()).unwrap_or_default()
}

#[test]
fn every_provider_of_a_signed_aggregate_is_read() {
    let xml = signed((0..3).map(|n| institution(n).build()));
    let (summary, entities) = read(&xml).expect("believed");
    assert_eq!((summary.entities, summary.providers, summary.passed_over), (3, 3, 0));
    assert_eq!(entities[1].name, "Hospital Nº 1 <&>");
    assert!(
        entities[1].search.contains("hospital nº 1") && entities[1].search.contains("h1.example")
    );
    let idp = Idp::of_entity(&pinned(), &entities[2].xml).expect("usable");
    assert_eq!(idp.entity_id(), "https://idp2.example/metadata");
    assert_eq!(idp.scopes().len(), 1);
}

#[test]
fn comments_declarations_and_foreign_line_ends_change_nothing() {
    let xml = signed((0..3).map(|n| institution(n).build()));
    let odd =
        xml.replace(">\n<md:EntityDescriptor", "><!-- a > b -->\r\n<!--x--><md:EntityDescriptor");
    let odd = format!(
        "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\r\n<!-- federation -->\n{odd}\n<!-- end -->\n"
    );
    assert_eq!(read(&odd).expect("believed").0.providers, 3);
}

/// Containers in containers, prefixes declared far outside, several ways to write the same.
#[test]
fn what_is_digested_is_the_canonical_form() {
    let inner = "<md:EntitiesDescriptor Name=\"inner\">\n";
    let xml = signed((0..2).map(|n| institution(n).build()));
    // The generator signs its own text, so the nested one is built by hand in canonical form.
    let entities: String = (0..2)
        .map(|n| {
            institution(n).build().replacen(
                " xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\"",
                "",
                1,
            )
        })
        .collect();
    let open =
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_n\">";
    let canonical = format!(
        "{open}\n{inner}{entities}</md:EntitiesDescriptor>\n<md:EntitiesDescriptor></md:EntitiesDescriptor></md:EntitiesDescriptor>"
    );
    let algorithms = medict::samples::saml_idp::Algorithms::of(&OTHER.signing().key);
    let signature = OTHER.signing().signature_for(&canonical, "_n", &algorithms);
    let nested = canonical.replacen(open, &format!("{open}{signature}"), 1);
    let written = nested
        .replacen(open, "<md:EntitiesDescriptor  ID='_n'\n xmlns:unused='urn:x' xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata' >", 1)
        .replace("<md:EntitiesDescriptor></md:EntitiesDescriptor>", "<md:EntitiesDescriptor />");
    for text in [&nested, &written] {
        let (summary, entities) = read(text).expect("believed");
        assert_eq!(summary.providers, 2);
        assert!(Idp::of_entity(&pinned(), &entities[1].xml).is_ok(), "complete in itself");
    }
    assert!(read(&xml).is_ok());
}

#[test]
fn nothing_counts_but_what_the_pinned_signer_signed() {
    let xml = signed((0..3).map(|n| institution(n).build()));
    let evil = institution(9).build();
    let signature_at = xml.find("<ds:Signature").expect("signed");
    let signature_end = xml.find("</ds:Signature>").expect("signed") + "</ds:Signature>".len();
    let signature = &xml[signature_at..signature_end];
    let stripped = format!("{}{}", &xml[..signature_at], &xml[signature_end..]);
    let late = stripped.replacen(
        "</md:EntitiesDescriptor>",
        &format!("{signature}</md:EntitiesDescriptor>"),
        1,
    );
    let by_stranger = aggregate((0..3).map(|n| institution(n).build()), None, Some(IDP.signing()));
    for (name, text, expected) in [
        ("unsigned", stripped.clone(), "neither"),
        ("late signature", late, "neither"),
        ("wrong signer", by_stranger, "no key of the provider"),
        ("edited", xml.replace("idp1.example", "idp6.example"), "digest"),
        (
            "an entity more",
            xml.replacen("</md:EntitiesDescriptor>", &format!("{evil}</md:EntitiesDescriptor>"), 1),
            "digest",
        ),
        (
            "an entity less",
            xml.replacen("\n<md:EntityDescriptor", "<!--", 1).replacen(
                "</md:EntityDescriptor>",
                "-->",
                1,
            ),
            "",
        ),
        (
            "other validity",
            xml.replacen(
                "ID=\"_aggregate\"",
                "ID=\"_aggregate\" validUntil=\"2099-01-01T00:00:00Z\"",
                1,
            ),
            "digest",
        ),
        ("other white space", xml.replacen(">\n<md:Ent", ">\n\n<md:Ent", 1), "digest"),
        ("two signatures", xml.replacen(signature, &format!("{signature}{signature}"), 1), ""),
        ("text between", xml.replacen(">\n<md:Ent", ">x<md:Ent", 1), "text"),
        ("after the end", format!("{xml}{evil}"), "well-formed"),
        ("second root", format!("{xml}<md:EntitiesDescriptor/>"), "well-formed"),
        ("cut off", xml[..xml.len() - 30].to_owned(), "well-formed"),
        ("DOCTYPE", format!("<!DOCTYPE x>{xml}"), "document type"),
        ("instruction", xml.replacen(">\n<md:Ent", "><?x?><md:Ent", 1), "processing instruction"),
        (
            "an ID twice",
            xml.replacen("<md:IDPSSODescriptor", "<md:IDPSSODescriptor ID=\"_aggregate\"", 1),
            "ID",
        ),
        (
            "wrong end",
            xml.replace("</md:EntitiesDescriptor>", "</x:EntitiesDescriptor>"),
            "well-formed",
        ),
        ("empty", String::new(), "neither"),
        ("one entity only", institution(1).build(), "well-formed"),
    ] {
        let problem = rejected(&text);
        assert!(!problem.is_empty(), "{name} is believed");
        assert!(problem.contains(expected), "{name}: {problem}");
    }
    let unpinned =
        serde_json::from_value(json!({ "metadataUrl": "https://x.example" })).expect("ok");
    let refused = read_aggregate(Cursor::new(&xml), &unpinned, NOW, |_| true);
    assert!(matches!(refused, Err(BadAggregate::NoSigner)));
}

#[test]
fn ended_aggregates_are_refused_and_unusable_entities_passed_over() {
    let ended = aggregate([institution(0).build()].into_iter(), Some(NOW), Some(OTHER.signing()));
    assert!(rejected(&ended).contains("ended on"));
    let entities = [
        institution(0).build(),
        institution(0).at("https://twice.example/sso").build(),
        institution(1).without_keys().build(),
        institution(2).at("javascript:alert(1)").build(),
        institution(3).valid_until(NOW).build(),
        institution(4).named("https://with space.example").build(),
        institution(5).build().replace("IDPSSODescriptor", "SPSSODescriptor"),
    ];
    let (summary, kept) = read(&signed(entities.into_iter())).expect("believed");
    assert_eq!((summary.entities, summary.providers, summary.passed_over), (7, 1, 5));
    assert_eq!(kept[0].entity_id, "https://idp0.example/metadata");
    assert!(kept[0].xml.contains("https://idp.example/sso"), "the first counts");
}

/// Ten thousand entities pass through a buffer of a few kilobytes.
#[test]
fn memory_does_not_grow_with_the_federation() {
    let entity = institution(0).build();
    let many =
        (0..10_000).map(|n| entity.replacen("https://idp0.", &format!("https://idp{n}."), 1));
    let xml = signed(many);
    assert!(xml.len() > 15_000_000, "{}", xml.len());
    let started = Instant::now();
    let mut count = 0;
    let summary = read_aggregate(Cursor::new(&xml), &pinned(), NOW, |_| {
        count += 1;
        true
    });
    let summary = summary.expect("believed");
    println!("{} bytes in {:?}, at most {} held", xml.len(), started.elapsed(), summary.peak);
    assert_eq!((summary.providers, count), (10_000, 10_000));
    assert!(summary.peak < 8 * 1024, "{} bytes were held at once", summary.peak);
}
