//! What ordinary providers send is accepted and read in full.

use medict::{
    domain::words::UnixTime,
    samples::saml_idp::{Algorithms, SampleIdp},
    sp::Idp,
};
use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::PKey,
};
use serde_json::json;

use super::*;

#[test]
fn signed_anywhere_and_encrypted_or_not() {
    let ours = &SP.keys[0].certificate;
    for (name, response) in [
        ("assertion signed", honest()),
        ("response signed", honest().sign_response()),
        ("both signed", honest().sign_both()),
        ("encrypted, assertion signed", honest().encrypted_for(ours)),
        ("encrypted, response signed", honest().sign_response().encrypted_for(ours)),
        ("encrypted, both signed", honest().sign_both().encrypted_for(ours)),
        ("name ID and attributes encrypted", honest().parts_encrypted_for(ours)),
        ("encrypted twice", honest().parts_encrypted_for(ours).encrypted_for(ours)),
        ("SHA-512", honest().algorithms(Algorithms::sha512)),
        ("RSA-PSS", honest().algorithms(Algorithms::pss)),
        ("no destination, response not signed", honest().to_destination(None)),
        ("one time use", honest().with_condition("<saml:OneTimeUse></saml:OneTimeUse>")),
        ("expired within the skew", honest().expired_by(59)),
        ("early within the skew", honest().not_yet_valid_for(60)),
        ("session goes on", honest().session_ends_in(1)),
    ] {
        let verified =
            verify(&response.build()).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert_eq!(verified.statement().subject.as_deref(), Some("ada"), "{name}");
        assert_eq!(verified.statement().values("mail"), ["ada@hospital.example"], "{name}");
    }
}

#[test]
fn elliptic_curve_keys_sign_too() {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let key = PKey::from_ec_key(EcKey::generate(&curve).expect("key")).expect("key");
    let sample = SampleIdp::with_key("https://ec.example", "https://ec.example/sso", key, NOW);
    let sample = sample.expect("certificate");
    let response = sample.respond_to(REQUEST, ACS, ENTITY, NOW).person("ada", &[]).build();
    let idp = Idp::new(&configuration_of(&sample, json!({})), None).expect("a provider");
    assert!(verify_by(&response, &idp).is_ok());
}

#[test]
fn switches_admit_what_old_products_send() {
    let ours = &SP.keys[0].certificate;
    for (switch, response) in [
        ("allowSha1", honest().sha1()),
        ("allowCbc", honest().sign_response().cbc_encrypted_for(ours)),
    ] {
        let response = response.build();
        assert!(verify(&response).is_err(), "without {switch}");
        assert!(verify_by(&response, &idp(json!({ switch: true }))).is_ok(), "with {switch}");
    }
}

#[test]
fn a_second_certificate_serves_a_change_of_keys() {
    let both = json!({ "x509Certificate": [OTHER.certificate(), IDP.certificate()] });
    let verified = verify_by(&honest().build(), &idp(both)).expect("accepted");
    let fingerprints: Vec<_> =
        idp(json!({})).certificates().map(|info| info.fingerprint.clone()).collect();
    assert_eq!([verified.signed_by()], fingerprints.as_slice());
}

#[test]
fn the_statement_has_everything_that_was_said() {
    let class = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    let methods = "http://schemas.microsoft.com/claims/authnmethodsreferences";
    let response = honest()
        .person(
            "ä & <b> \u{1F600}",
            &[
                ("groups", &["GG-Physicians", "a & b"]),
                (methods, &["http://schemas.microsoft.com/claims/multipleauthn"]),
            ],
        )
        .session_ends_in(7_200)
        .build();
    let verified = verify(&response).expect("accepted");
    assert!(verified.replay_key().starts_with("https://idp.example/metadata _"));
    assert_eq!(verified.good_until(), NOW.plus(300 + 60));
    let statement = verified.into_statement();
    assert_eq!(statement.subject.as_deref(), Some("ä & <b> \u{1F600}"));
    assert_eq!(statement.values("groups"), ["GG-Physicians", "a & b"]);
    assert_eq!((statement.acr.as_deref(), statement.auth_time), (Some(class), Some(NOW)));
    assert_eq!(statement.amr, ["mfa", "pwd"]);
    assert_eq!(statement.session.not_on_or_after, Some(NOW.plus(7_200)));
    assert!(statement.session.session_index.is_some_and(|index| index.starts_with('_')));
}

#[test]
fn a_transient_name_is_kept_for_logout_but_is_no_subject() {
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let response = honest().name_id_format(transient).build();
    let statement = verify(&response).expect("accepted").into_statement();
    assert_eq!(statement.subject, None);
    assert_eq!(statement.session.name_id.as_deref(), Some("ada"));
    assert_eq!(statement.session.name_id_format.as_deref(), Some(transient));
}

#[test]
fn structured_attributes_come_through() {
    let role = "<saml:Attribute Name=\"role\"><saml:AttributeValue>\
                <hl7:Role xmlns:hl7=\"urn:hl7-org:v3\" code=\"112247003\"></hl7:Role>\
                </saml:AttributeValue></saml:Attribute>";
    let verified = verify(&honest().raw_attributes(role).build()).expect("accepted");
    let expected = json!([{ "element": "Role", "attributes": { "code": "112247003" } }]);
    assert_eq!(verified.statement().attributes["role"], expected);
}

#[test]
fn personal_values_are_marked_in_the_trace() {
    let mut trace = Trace::default();
    let idp = idp(json!({}));
    let response = honest().person("lovelace", &[("mail", &["lovelace@x.example"])]).build();
    verify_response(&response, &idp, &SP, &REQUEST.into(), NOW, &mut trace).expect("accepted");
    let checks: Vec<_> = trace.steps.iter().map(|step| step.check.as_ref()).collect();
    assert_eq!(
        checks,
        [
            "provider metadata",
            "size",
            "base64",
            "encoding",
            "XML",
            "shape",
            "response signature",
            "assertion signature",
            "signed",
            "status",
            "version",
            "destination",
            "in response to",
            "response issuer",
            "issuer",
            "assertion ID",
            "conditions",
            "validity",
            "audience",
            "subject",
            "subject confirmation",
            "authentication",
            "name ID",
            "attributes",
        ]
    );
    let kept = format!("{:?}", trace.redacted());
    assert!(!kept.contains("lovelace"), "{kept}");
}

#[test]
fn the_end_of_life_is_the_earlier_one() {
    let later = honest().confirmation_expired_by(-900).build();
    assert_eq!(verify(&later).expect("accepted").good_until(), NOW.plus(360));
    let sooner = honest().confirmation_expired_by(-10).build();
    assert_eq!(verify(&sooner).expect("accepted").good_until(), UnixTime(NOW.0 + 70));
}

#[test]
fn what_another_implementation_signed_is_accepted() {
    let certificate = json!(include_str!("fixtures/idp.pem"));
    let prefix_list = include_str!("fixtures/response.assertion-signed.prefix-list.xml");
    let inclusive = include_str!("fixtures/response.assertion-signed.inclusive-c14n.xml");
    let strict = idp(json!({ "x509Certificate": certificate }));
    let lenient = idp(json!({ "x509Certificate": certificate, "allowInclusiveC14n": true }));
    for (name, xml, idp, refused) in [
        ("prefix list", prefix_list, &strict, None),
        ("inclusive, by switch", inclusive, &lenient, None),
        ("inclusive, without", inclusive, &strict, Some(Rejection::Canonicalization)),
    ] {
        assert_eq!(verify_by(&encode(xml), idp).err(), refused, "{name}");
        let changed = xml.replace(">ada<", ">eve<");
        let refused = refused.or(Some(Rejection::DigestMismatch));
        assert_eq!(verify_by(&encode(changed), idp).err(), refused, "{name}, changed");
    }
}
