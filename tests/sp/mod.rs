//! The Service Provider hat against a provider that signs fresh responses.
//!
//! One response at a time is the corpus's, see `tests/sp_responses/README.md`; here is what takes more: thousands
//! of damaged messages, metadata, requests, what another implementation signed, what a trace tells.

mod aggregates;
mod floods;
mod foreign;
mod logout;
mod logout_issuer;
mod metadata;
mod mutations;
mod rearrange;
mod request;
mod trace;

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use medict::{
    domain::{
        resource::SamlConfiguration,
        trace::{Trace, Verdict},
        words::UnixTime,
    },
    samples::saml_idp::{ResponseBuilder, SampleIdp},
    sp::{
        Idp, Published, Rejection, ServiceProvider, SpKey, VerifiedAssertion, make_certificate,
        verify_response,
    },
};
use openssl::{pkey::PKey, rsa::Rsa};
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime(1_795_600_000);
const REQUEST: &str = "_request";
const ACS: &str = "https://sp.example/saml/acs?idp=a&x=1";
const SLO: &str = "https://sp.example/saml/slo";
const ENTITY: &str = "https://sp.example/saml/metadata";

/// The provider that was asked, and another one.
static IDP: LazyLock<SampleIdp> = LazyLock::new(|| sample("https://idp.example/metadata"));
static OTHER: LazyLock<SampleIdp> = LazyLock::new(|| sample("https://other.example/metadata"));
static SP: LazyLock<ServiceProvider> = LazyLock::new(service_provider);

fn sample(entity_id: &str) -> SampleIdp {
    SampleIdp::new(entity_id, "https://idp.example/sso", NOW).expect("keys")
}

fn service_provider() -> ServiceProvider {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key");
    let certificate = make_certificate(&key, "sp.example", NOW, &[7; 16]).expect("certificate");
    ServiceProvider {
        entity_id: ENTITY.to_owned(),
        acs_url: ACS.to_owned(),
        slo_url: SLO.to_owned(),
        keys: vec![SpKey { key, certificate, published: Published::Both }],
    }
}

/// An honest response to the pending request.
fn honest() -> ResponseBuilder {
    IDP.respond_to(REQUEST, ACS, ENTITY, NOW).person("ada", &[("mail", &["ada@hospital.example"])])
}

/// The three names of the provider that was asked, with `more` beside them.
fn configuration(more: Value) -> SamlConfiguration {
    configuration_of(&IDP, more)
}

fn configuration_of(idp: &SampleIdp, more: Value) -> SamlConfiguration {
    let mut value = json!({
        "entityId": idp.entity_id(),
        "ssoUrl": idp.sso_url(),
        "x509Certificate": idp.certificate(),
    });
    for (name, setting) in more.as_object().into_iter().flatten() {
        value[name] = setting.clone();
    }
    serde_json::from_value(value).expect("a configuration")
}

fn idp(more: Value) -> Idp {
    Idp::new(&configuration(more), None).expect("a provider")
}

/// Verifies with the provider's default switches.
fn verify(saml_response: &str) -> Result<VerifiedAssertion, Rejection> {
    verify_by(saml_response, &idp(json!({})))
}

/// Verifies, and checks what every trace promises.
fn verify_by(saml_response: &str, idp: &Idp) -> Result<VerifiedAssertion, Rejection> {
    let mut trace = Trace::default();
    let outcome = verify_response(saml_response, idp, &SP, &REQUEST.into(), NOW, &mut trace);
    let failed = trace.steps.iter().filter(|step| step.verdict == Verdict::Failed).count();
    let last = trace.steps.last().map(|step| step.verdict);
    match &outcome {
        Ok(_) => assert_eq!(failed, 0, "{trace:?}"),
        Err(_) => assert_eq!((failed, last), (1, Some(Verdict::Failed)), "{trace:?}"),
    }
    outcome
}

fn verify_xml(xml: &str) -> Result<VerifiedAssertion, Rejection> {
    verify(&encode(xml))
}

fn encode(xml: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(xml)
}
