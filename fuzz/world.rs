//! Who takes part: a provider and we, with keys made when fuzzing begins.
#![allow(dead_code, reason = "no target needs all of it")]

use std::sync::LazyLock;

use medict::{
    domain::{trace::Trace, words::UnixTime},
    samples::saml_idp::{ResponseBuilder, SampleIdp},
    sp::{
        Delivered, Idp, LogoutMessage, NotBelieved, Published, Rejection, ServiceProvider, SpKey,
        VerifiedAssertion, make_certificate, verify_logout, verify_response,
    },
};
use openssl::{pkey::PKey, rsa::Rsa};
use serde_json::json;

/// The time of `tests/sp/fixtures`, which are seeds here.
const NOW: UnixTime = UnixTime(1_795_600_000);
const REQUEST: &str = "_request";
const ACS: &str = "https://sp.example/saml/acs?idp=a&x=1";
const ENTITY: &str = "https://sp.example/saml/metadata";

pub static IDP: LazyLock<SampleIdp> = LazyLock::new(|| {
    SampleIdp::new("https://idp.example/metadata", "https://idp.example/sso", NOW).expect("a key")
});

pub static SP: LazyLock<ServiceProvider> = LazyLock::new(|| {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let certificate = make_certificate(&key, "sp.example", NOW, &[7; 16]).expect("a certificate");
    ServiceProvider {
        entity_id: ENTITY.to_owned(),
        acs_url: ACS.to_owned(),
        slo_url: "https://sp.example/saml/slo".to_owned(),
        keys: vec![SpKey { key, certificate, published: Published::Both }],
    }
});

static KNOWN: LazyLock<Idp> = LazyLock::new(|| {
    let configuration = json!({
        "entityId": IDP.entity_id(),
        "ssoUrl": IDP.sso_url(),
        "x509Certificate": IDP.certificate(),
    });
    let configuration = serde_json::from_value(configuration).expect("a configuration");
    Idp::new(&configuration, None).expect("a provider")
});

/// Makes the keys, so that no unit has to: that takes longer than a unit may.
pub fn prepare() {
    LazyLock::force(&SP);
    LazyLock::force(&KNOWN);
}

pub fn honest() -> ResponseBuilder {
    IDP.respond_to(REQUEST, ACS, ENTITY, NOW).person("ada", &[("mail", &["ada@hospital.example"])])
}

pub fn verify(saml_response: &str) -> Result<VerifiedAssertion, Rejection> {
    let mut trace = Trace::default();
    verify_response(saml_response, &KNOWN, &SP, &REQUEST.into(), NOW, &mut trace)
}

pub fn logout(delivered: &Delivered) -> Result<LogoutMessage, NotBelieved> {
    verify_logout(delivered, &KNOWN, &SP, NOW, &mut Trace::default())
}

/// What was signed is what is believed: the person, her attributes, how long.
pub fn check_is_ada(verified: &VerifiedAssertion, message: &str) {
    let statement = verified.statement();
    assert_eq!(statement.subject.as_deref(), Some("ada"), "{message}");
    assert_eq!(statement.values("mail"), ["ada@hospital.example"], "{message}");
    assert_eq!(statement.attributes.len(), 1, "{message}");
    assert_eq!(verified.good_until(), NOW.plus(360), "{message}");
}
