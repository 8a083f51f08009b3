//! Genuinely signed, and still not for us, not now, or not this login.

use medict::samples::saml_idp::ResponseBuilder;

use super::*;

type Deviation = fn(ResponseBuilder) -> ResponseBuilder;

#[test]
fn every_profile_rule_has_its_refusal() {
    let rows: [(&str, Deviation, Rejection); 34] = [
        ("wrong audience", |r| r.for_audience("https://x"), Rejection::Audience),
        ("audience by prefix", |r| r.for_audience(&ENTITY[..20]), Rejection::Audience),
        ("a second restriction", |r| r.also_restricted_to("https://x"), Rejection::Audience),
        ("no audience", |r| r.without_audience(), Rejection::NoAudience),
        ("no conditions", |r| r.without_conditions(), Rejection::NoConditions),
        ("unknown condition", |r| r.with_condition(UNKNOWN), Rejection::UnknownCondition),
        ("expired", |r| r.expired_by(60), Rejection::Expired),
        ("long expired", |r| r.expired_by(86_400), Rejection::Expired),
        ("not yet valid", |r| r.not_yet_valid_for(61), Rejection::NotYetValid),
        ("confirmation expired", |r| r.confirmation_expired_by(60), Rejection::ConfirmationExpired),
        (
            "confirmation without end",
            |r| r.without_confirmation_end(),
            Rejection::ConfirmationWithoutEnd,
        ),
        ("no confirmation data", |r| r.without_confirmation_data(), Rejection::NoConfirmationData),
        (
            "confirmation NotBefore",
            |r| r.confirmation_not_before(),
            Rejection::ConfirmationNotBefore,
        ),
        ("holder of key", |r| r.confirmed_by(HOLDER_OF_KEY), Rejection::NotBearer),
        ("sender vouches", |r| r.confirmed_by("urn:x"), Rejection::NotBearer),
        ("wrong recipient", |r| r.for_recipient("https://x/acs"), Rejection::Recipient),
        ("longer recipient", |r| r.for_recipient(&format!("{ACS}/")), Rejection::Recipient),
        ("wrong destination", |r| r.to_destination(Some("https://x")), Rejection::Destination),
        (
            "no destination, response signed",
            |r| r.sign_response().to_destination(None),
            Rejection::Destination,
        ),
        ("another request", |r| r.in_response_to(Some("_old")), Rejection::InResponseTo),
        ("unsolicited", |r| r.in_response_to(None), Rejection::InResponseTo),
        (
            "confirmation of another request",
            |r| r.confirmed_in_response_to(Some("_old")),
            Rejection::ConfirmationInResponseTo,
        ),
        (
            "confirmation unsolicited",
            |r| r.confirmed_in_response_to(None),
            Rejection::ConfirmationInResponseTo,
        ),
        ("wrong issuer", |r| r.issued_by("https://x"), Rejection::ResponseIssuer),
        (
            "wrong issuer, response signed",
            |r| r.issued_by("https://x").sign_response(),
            Rejection::ResponseIssuer,
        ),
        ("issuer as XML", |r| r.issued_by("https://idp.example/"), Rejection::ResponseIssuer),
        ("status", |r| r.status(&["Responder", "AuthnFailed"]), Rejection::Status),
        ("status, response signed", |r| r.status(&["Requester"]).sign_both(), Rejection::Status),
        ("SAML 1.1", |r| r.version("1.1"), Rejection::Version),
        ("session over", |r| r.session_ends_in(-60), Rejection::SessionEnded),
        ("no AuthnStatement", |r| r.without_authn_statement(), Rejection::NoAuthnStatement),
        ("empty NameID", |r| r.person(" ", &[]), Rejection::EmptyNameId),
        ("unsigned", |r| r.unsigned(), Rejection::Unsigned),
        ("SHA-1", |r| r.sha1(), Rejection::Sha1),
    ];
    assert_refused(
        rows.map(|(name, deviate, expected)| (name, deviate(honest()).build(), expected)),
    );
}

const UNKNOWN: &str = "<saml:Condition></saml:Condition>";
const HOLDER_OF_KEY: &str = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key";

#[test]
fn one_provider_cannot_speak_for_another() {
    let by_other = OTHER.respond_to(REQUEST, ACS, ENTITY, NOW).person("ada", &[]);
    assert_refused([
        ("another provider", by_other.clone().build(), Rejection::SignatureMismatch),
        (
            "another provider under this name",
            by_other.issued_by(IDP.entity_id()).build(),
            Rejection::SignatureMismatch,
        ),
        (
            "this provider under another name",
            honest().issued_by(OTHER.entity_id()).build(),
            Rejection::ResponseIssuer,
        ),
    ]);
}

#[test]
fn the_assertion_issuer_counts_where_the_response_names_nobody() {
    let xml = honest().issued_by(OTHER.entity_id()).build_xml();
    let start = xml.find("<saml:Issuer").expect("an issuer");
    let end = xml.find("<samlp:Status>").expect("a status");
    let xml = format!("{}{}", &xml[..start], &xml[end..]);
    assert_eq!(verify_xml(&xml).err(), Some(Rejection::AssertionIssuer));
}

#[test]
fn a_status_without_an_assertion_tells_its_codes() {
    let response = honest().status(&["Responder", "NoAuthnContext"]).status_message("not Ada");
    let response = response.build_without_assertion();
    let mut trace = Trace::default();
    let provider = idp(json!({}));
    let outcome = verify_response(&response, &provider, &SP, &REQUEST.into(), NOW, &mut trace);
    assert_eq!(outcome.err(), Some(Rejection::Status));
    let actual = trace.failure().and_then(|step| step.actual.clone()).expect("a value");
    assert_eq!(actual.text(), "Responder / NoAuthnContext");
    assert!(!format!("{:?}", trace.redacted()).contains("Ada"), "the message may name a person");
    let hollow = honest().build_without_assertion();
    assert_eq!(verify(&hollow).err(), Some(Rejection::NoAssertion));
}

#[test]
fn encryption_does_not_replace_a_signature() {
    let ours = &SP.keys[0].certificate;
    let stranger = service_provider();
    let stranger = &stranger.keys[0].certificate;
    let cbc = idp(json!({ "allowCbc": true }));
    assert_refused([
        ("unsigned", honest().unsigned().encrypted_for(ours).build(), Rejection::Unsigned),
        ("for somebody else", honest().encrypted_for(stranger).build(), Rejection::Decryption),
        (
            "parts for somebody else",
            honest().parts_encrypted_for(stranger).build(),
            Rejection::Decryption,
        ),
        ("CBC", honest().sign_both().cbc_encrypted_for(ours).build(), Rejection::Cbc),
        ("RSA 1.5", honest().rsa15_encrypted_for(ours).build(), Rejection::EncryptionAlgorithm),
    ]);
    let unsigned_around = honest().cbc_encrypted_for(ours).build();
    assert_eq!(verify_by(&unsigned_around, &cbc).err(), Some(Rejection::Cbc));
    let wanted = idp(json!({ "wantAssertionsEncrypted": true }));
    assert_eq!(verify_by(&honest().build(), &wanted).err(), Some(Rejection::NotEncrypted));
}

#[test]
fn our_keys_work_only_so_often_for_one_message() {
    let names: Vec<String> = (0..40).map(|n| format!("a{n}")).collect();
    let many = |count: usize| {
        let attributes: Vec<(&str, &[&str])> =
            names.iter().take(count).map(|name| (name.as_str(), &["x"][..])).collect();
        let response = honest().person("ada", &attributes);
        response.parts_encrypted_for(&SP.keys[0].certificate).build()
    };
    assert!(verify(&many(30)).is_ok());
    assert_eq!(verify(&many(40)).err(), Some(Rejection::Decryption));
}

#[test]
fn a_changed_ciphertext_is_one_kind_of_error() {
    let xml = honest().encrypted_for(&SP.keys[0].certificate).build_xml();
    let values: Vec<_> = xml.match_indices("<xenc:CipherValue>").map(|(at, _)| at + 18).collect();
    for at in values.iter().flat_map(|start| [*start, start + 40, start + 100]) {
        let other = if &xml[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &xml[..at], &xml[at + 1..]);
        assert_eq!(verify_xml(&changed).err(), Some(Rejection::Decryption), "at {at}");
    }
}
