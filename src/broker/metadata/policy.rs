//! Whether a document that was fetched may take the place of the one in force.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        metadata::{Change, Policy, compare, is_held},
        resource::SamlConfiguration,
        words::UnixTime,
    },
    sp,
    store::fetched::Fetched,
};

/// A key that earlier metadata named and that still counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {
    pub fingerprint: String,
    /// Base64.
    pub certificate: String,
    pub until: UnixTime,
}

impl Draining {
    /// The keys that drain beside a document; none where the list cannot be read.
    #[must_use]
    pub fn all_of(fetched: &Fetched) -> Vec<Self> {
        serde_json::from_str(&fetched.draining).unwrap_or_default()
    }

    pub(super) fn write(keys: &[Self]) -> String {
        serde_json::to_string(keys).unwrap_or_else(|_| "[]".to_owned())
    }
}

/// What a document is judged by.
pub(super) struct InForce<'a> {
    pub saml: &'a SamlConfiguration,
    /// The document in force, if there is a usable one.
    pub body: Option<&'a str>,
    pub draining: Vec<Draining>,
    pub now: UnixTime,
}

/// What becomes of a document.
pub(super) enum Verdict {
    /// It comes into force.
    Accept { changes: Vec<Change>, draining: Vec<Draining> },
    /// It waits for a person.
    Hold { changes: Vec<Change> },
    /// It cannot be used.
    Refuse(String),
}

/// Judges `body` by the policy of each change (`domain::metadata`).
pub(super) fn judge(in_force: &InForce, body: &str) -> Verdict {
    let idp = match sp::Idp::new(in_force.saml, Some(body)) {
        Ok(idp) => idp,
        Err(invalid) => return Verdict::Refuse(invalid.to_string()),
    };
    if let Some(end) = idp.valid_until().filter(|end| *end <= in_force.now) {
        return Verdict::Refuse(format!("the metadata ended on {}", end.to_rfc3339()));
    }
    let changes = changes(in_force, body);
    if is_held(&changes) {
        Verdict::Hold { changes }
    } else {
        let draining = drain(in_force, &changes, body);
        Verdict::Accept { changes, draining }
    }
}

/// Every difference from the document in force; none where there is no such document.
pub(super) fn changes(in_force: &InForce, body: &str) -> Vec<Change> {
    let described = |xml: &str| sp::parse_metadata(xml).ok().map(|found| found.description());
    let signed = in_force.saml.metadata_certificate.is_some();
    match (in_force.body.and_then(described), described(body)) {
        (Some(old), Some(new)) => compare(&old, &new, signed),
        _ => Vec::new(),
    }
}

/// The keys that drain from now on: those that the new document dropped, and those that drain already,
/// unless it names them again.
pub(super) fn drain(in_force: &InForce, changes: &[Change], body: &str) -> Vec<Draining> {
    if changes.is_empty() && in_force.draining.is_empty() {
        return Vec::new();
    }
    let parsed = |xml: &str| sp::parse_metadata(xml).ok();
    let (old, new) = (in_force.body.and_then(parsed), parsed(body));
    let named = |key: &Draining| {
        new.as_ref().is_some_and(|new| new.certificate(&key.fingerprint).is_some())
    };
    let until = in_force.now.plus(in_force.saml.metadata_key_grace_seconds);
    let dropped = changes.iter().filter(|change| change.policy == Policy::Drain);
    let dropped = dropped.filter_map(|change| {
        let fingerprint = change.was.clone()?;
        let certificate = old.as_ref()?.certificate(&fingerprint)?.to_owned();
        Some(Draining { fingerprint, certificate, until })
    });
    let already = in_force.draining.iter().filter(|key| !named(key)).cloned();
    dropped.chain(already).filter(|key| key.until > in_force.now).collect()
}
