//! Who takes part: the provider that was asked, another one, and we.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    domain::{
        trace::{Trace, Verdict},
        words::UnixTime,
    },
    samples::saml_idp::SampleIdp,
    sp::{
        Idp, Published, Rejection, ServiceProvider, SpKey, VerifiedAssertion, make_certificate,
        verify_response, verify_unsolicited,
    },
};

use super::recipe::Message;

pub(super) const NOW: UnixTime = UnixTime(1_795_600_000);
pub(super) const REQUEST: &str = "_request";
pub(super) const ACS: &str = "https://sp.example/saml/acs?idp=a&x=1";
pub(super) const ENTITY: &str = "https://sp.example/saml/metadata";
pub(super) const ISSUER: &str = "https://idp.example/metadata";

/// A key that a provider signs with.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Key {
    #[default]
    Rsa2048,
    Rsa3072,
    P256,
    P384,
    /// Another provider's.
    Other,
}

static RSA_2048: LazyLock<PKey<Private>> = LazyLock::new(|| rsa(2048));
static RSA_3072: LazyLock<PKey<Private>> = LazyLock::new(|| rsa(3072));
static P256: LazyLock<PKey<Private>> = LazyLock::new(|| ec(Nid::X9_62_PRIME256V1));
static P384: LazyLock<PKey<Private>> = LazyLock::new(|| ec(Nid::SECP384R1));
static OTHER: LazyLock<PKey<Private>> = LazyLock::new(|| rsa(2048));
pub(super) static SP: LazyLock<ServiceProvider> = LazyLock::new(|| service_provider(rsa(2048)));
/// Somebody else, to whom assertions are encrypted as well.
pub(super) static STRANGER: LazyLock<ServiceProvider> =
    LazyLock::new(|| service_provider(rsa(2048)));

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).expect("key")).expect("key")
}

fn ec(curve: Nid) -> PKey<Private> {
    let curve = EcGroup::from_curve_name(curve).expect("curve");
    PKey::from_ec_key(EcKey::generate(&curve).expect("key")).expect("key")
}

fn service_provider(key: PKey<Private>) -> ServiceProvider {
    let certificate = make_certificate(&key, "sp.example", NOW, &[7; 16]).expect("certificate");
    ServiceProvider {
        entity_id: ENTITY.to_owned(),
        acs_url: ACS.to_owned(),
        slo_url: "https://sp.example/saml/slo".to_owned(),
        keys: vec![SpKey { key, certificate, published: Published::Both }],
    }
}

/// The provider of that name, signing with that key; one certificate for one run.
pub(super) fn provider(entity_id: &str, key: Key) -> &'static SampleIdp {
    static MADE: Mutex<BTreeMap<(String, Key), &SampleIdp>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().expect("not poisoned");
    made.entry((entity_id.to_owned(), key)).or_insert_with(|| {
        let private = PKey::clone(key.private());
        let made = SampleIdp::with_key(entity_id, "https://idp.example/sso", private, NOW);
        Box::leak(Box::new(made.expect("certificate")))
    })
}

impl Key {
    fn private(self) -> &'static PKey<Private> {
        match self {
            Self::Rsa2048 => &RSA_2048,
            Self::Rsa3072 => &RSA_3072,
            Self::P256 => &P256,
            Self::P384 => &P384,
            Self::Other => &OTHER,
        }
    }
}

/// What we know of a provider that signs with any of `keys`.
pub(super) fn configured(entity_id: &str, keys: &[Key], settings: &Value) -> Idp {
    let certificates: Vec<_> =
        keys.iter().map(|key| provider(entity_id, *key).certificate()).collect();
    let mut value = json!({
        "entityId": entity_id,
        "ssoUrl": "https://idp.example/sso",
        "x509Certificate": certificates,
    });
    for (name, setting) in settings.as_object().into_iter().flatten() {
        value[name] = setting.clone();
    }
    let configuration = serde_json::from_value(value).expect("a configuration");
    Idp::new(&configuration, None).expect("a provider")
}

/// What we know of a provider by its metadata, which ends at a time.
pub(super) fn described(provider: &SampleIdp, end: UnixTime) -> Idp {
    let until = format!("<md:EntityDescriptor validUntil=\"{}\" ", end.to_rfc3339());
    let metadata = provider.metadata().replacen("<md:EntityDescriptor ", &until, 1);
    let configuration = serde_json::from_value(json!({ "metadataXml": metadata }));
    Idp::new(&configuration.expect("a configuration"), None).expect("a provider")
}

/// How a response was judged, and by which step.
pub(super) struct Outcome {
    pub(super) verdict: Result<VerifiedAssertion, Rejection>,
    /// The failed step.
    pub(super) step: Option<String>,
}

impl Outcome {
    /// The name identifier of whoever would be signed in.
    pub(super) fn who(&self) -> Result<String, Rejection> {
        let verified = self.verdict.as_ref().map_err(|rejection| *rejection)?;
        let name_id = verified.statement().session.name_id.as_deref();
        Ok(name_id.unwrap_or("nobody by name").trim().to_owned())
    }
}

/// Verifies, and checks what every trace promises: a refusal is the one failed step, and the last.
pub(super) fn judge(message: &Message, idp: &Idp) -> Outcome {
    let mut trace = Trace::default();
    let (response, trace_of) = (message.saml_response.as_str(), &mut trace);
    let verdict = if message.unsolicited {
        verify_unsolicited(response, idp, &SP, NOW, trace_of)
    } else {
        verify_response(response, idp, &SP, &REQUEST.into(), NOW, trace_of)
    };
    let failed: Vec<_> =
        trace.steps.iter().filter(|step| step.verdict == Verdict::Failed).collect();
    let last = trace.steps.last().map(|step| step.verdict);
    match &verdict {
        Ok(_) => assert!(failed.is_empty(), "{trace:?}"),
        Err(_) => assert_eq!((failed.len(), last), (1, Some(Verdict::Failed)), "{trace:?}"),
    }
    let step = failed.first().map(|step| step.check.to_string());
    Outcome { verdict, step }
}
