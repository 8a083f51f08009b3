//! What changed between two metadata documents of one provider, and what becomes of each change.
//!
//! A document may come from the network at any time, so it decides little by itself. New keys count at
//! once and replaced keys drain, which is how providers roll over; where people are sent and who the
//! provider is change only with a person's word.

use std::collections::BTreeMap;

use serde::Serialize;
use url::{Origin, Url};

use super::words::UnixTime;

/// What one document says, as far as a person or a policy cares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub entity_id: String,
    /// SHA-256 fingerprint of each signing certificate → its subject.
    pub keys: BTreeMap<String, String>,
    /// One address, or several with a space between.
    pub endpoints: BTreeMap<Endpoint, String>,
    pub name_id_formats: Vec<String>,
    pub wants_signed_requests: bool,
    pub valid_until: Option<UnixTime>,
}

/// A service of the provider by a binding that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    SingleSignOnByRedirect,
    SingleSignOnByPost,
    SingleLogoutByRedirect,
    SingleLogoutByPost,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    EntityId,
    SigningKey,
    NameIdFormats,
    WantAuthnRequestsSigned,
    ValidUntil,
    #[serde(untagged)]
    Endpoint(Endpoint),
}

/// What becomes of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Policy {
    /// Counts at once.
    Accept,
    /// A new key: counts at once, beside the others.
    Alongside,
    /// A key that is gone: counts for a grace, then no more.
    Drain,
    /// Moves trust, but the pinned signer vouches for it.
    Signed,
    /// Moves trust: the whole document waits for a person, the old one stays in force.
    Hold,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub subject: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    pub policy: Policy,
}

/// Whether a document has to wait for a person.
#[must_use]
pub fn is_held(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.policy == Policy::Hold)
}

/// The whole difference between the document in force and a new one, each change with its policy.
///
/// `signed`: the new one carries a signature of the pinned signer. That vouches for new places, not for
/// another entity: a federation signs them all, and one must not pass for another.
#[must_use]
pub fn compare(old: &Description, new: &Description, signed: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    let time = |time: Option<UnixTime>| time.map(UnixTime::to_rfc3339);
    let mut differ = |subject, was: Option<String>, now: Option<String>, policy| {
        if was != now {
            changes.push(Change { subject, was, now, policy });
        }
    };
    let (was, now) = (old.entity_id.clone(), new.entity_id.clone());
    differ(Subject::EntityId, Some(was), Some(now), Policy::Hold);
    for (fingerprint, _) in new.keys.iter().filter(|(key, _)| !old.keys.contains_key(*key)) {
        differ(Subject::SigningKey, None, Some(fingerprint.clone()), Policy::Alongside);
    }
    for (fingerprint, _) in old.keys.iter().filter(|(key, _)| !new.keys.contains_key(*key)) {
        differ(Subject::SigningKey, Some(fingerprint.clone()), None, Policy::Drain);
    }
    for endpoint in Endpoint::ALL {
        let (was, now) = (old.endpoints.get(&endpoint), new.endpoints.get(&endpoint));
        let policy = endpoint_policy(old, now, signed);
        differ(Subject::Endpoint(endpoint), was.cloned(), now.cloned(), policy);
    }
    let formats = |of: &Description| Some(of.name_id_formats.join(" "));
    differ(Subject::NameIdFormats, formats(old), formats(new), Policy::Accept);
    let signed_requests = |of: &Description| Some(of.wants_signed_requests.to_string());
    let (was, now) = (signed_requests(old), signed_requests(new));
    differ(Subject::WantAuthnRequestsSigned, was, now, Policy::Accept);
    differ(Subject::ValidUntil, time(old.valid_until), time(new.valid_until), Policy::Accept);
    changes
}

/// Another path where the provider was before is its own affair; another scheme, host or port is not.
fn endpoint_policy(old: &Description, now: Option<&String>, signed: bool) -> Policy {
    let Some(now) = now else { return Policy::Accept };
    let places: Vec<_> = old.endpoints.values().flat_map(|urls| urls.split(' ')).collect();
    let known = |url: &str| {
        let here = origin(url);
        here.is_some() && places.iter().any(|place| origin(place) == here)
    };
    match now.split(' ').all(known) {
        true => Policy::Accept,
        false if signed => Policy::Signed,
        false => Policy::Hold,
    }
}

/// `None` for what has none, which is equal to nothing.
fn origin(url: &str) -> Option<Origin> {
    Url::parse(url).ok().map(|url| url.origin()).filter(Origin::is_tuple)
}

impl Endpoint {
    pub const ALL: [Self; 4] = [
        Self::SingleSignOnByRedirect,
        Self::SingleSignOnByPost,
        Self::SingleLogoutByRedirect,
        Self::SingleLogoutByPost,
    ];
}

impl Subject {
    /// In words, for pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::EntityId => "Entity ID",
            Self::SigningKey => "Signing key",
            Self::Endpoint(Endpoint::SingleSignOnByRedirect) => "Sign-on address by redirect",
            Self::Endpoint(Endpoint::SingleSignOnByPost) => "Sign-on address by POST",
            Self::Endpoint(Endpoint::SingleLogoutByRedirect) => "Logout address by redirect",
            Self::Endpoint(Endpoint::SingleLogoutByPost) => "Logout address by POST",
            Self::NameIdFormats => "NameID formats",
            Self::WantAuthnRequestsSigned => "Wants signed requests",
            Self::ValidUntil => "Valid until",
        }
    }
}

impl Policy {
    /// In words, for pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Accept => "counts at once",
            Self::Alongside => "counts at once, beside the others",
            Self::Drain => "drains, then counts no more",
            Self::Signed => "counts at once: the pinned signer vouches for it",
            Self::Hold => "waits for a person",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            entity_id: "https://idp.example".into(),
            keys: [("aa".to_owned(), "CN=a".to_owned())].into(),
            endpoints: [(Endpoint::SingleSignOnByPost, "https://idp.example/sso".to_owned())]
                .into(),
            ..Description::default()
        }
    }

    /// The policies of the changes that `edit` makes.
    fn policies(signed: bool, edit: impl FnOnce(&mut Description)) -> Vec<(Subject, Policy)> {
        let mut new = description();
        edit(&mut new);
        let changes = compare(&description(), &new, signed);
        changes.iter().map(|change| (change.subject, change.policy)).collect()
    }

    fn moved_to(url: &'static str) -> impl FnOnce(&mut Description) {
        move |new| drop(new.endpoints.insert(Endpoint::SingleSignOnByPost, url.to_owned()))
    }

    #[test]
    fn the_same_document_changes_nothing() {
        assert_eq!(policies(false, |_| {}), []);
    }

    #[test]
    fn keys_come_at_once_and_go_slowly() {
        let rolled = |new: &mut Description| new.keys = [("bb".to_owned(), String::new())].into();
        let expected =
            [(Subject::SigningKey, Policy::Alongside), (Subject::SigningKey, Policy::Drain)];
        assert_eq!(policies(false, rolled), expected);
    }

    #[test]
    fn endpoints_move_freely_only_where_they_were() {
        let sso = Subject::Endpoint(Endpoint::SingleSignOnByPost);
        for (url, policy) in [
            ("https://idp.example/other?x=1", Policy::Accept),
            ("https://idp.example:443/sso2", Policy::Accept),
            ("https://idp.example:8443/sso", Policy::Hold),
            ("http://idp.example/sso", Policy::Hold),
            ("https://idp.example.evil.example/sso", Policy::Hold),
            ("https://user@evil.example/idp.example", Policy::Hold),
            ("javascript:alert(1)", Policy::Hold),
            ("data:x", Policy::Hold),
        ] {
            assert_eq!(policies(false, moved_to(url)), [(sso, policy)], "{url}");
            let signed = if policy == Policy::Hold { Policy::Signed } else { policy };
            assert_eq!(policies(true, moved_to(url)), [(sso, signed)], "{url}");
        }
    }

    #[test]
    fn a_new_service_is_held_to_the_known_places() {
        let at = |url: &'static str| {
            move |new: &mut Description| {
                new.endpoints.insert(Endpoint::SingleLogoutByPost, url.to_owned());
            }
        };
        let slo = Subject::Endpoint(Endpoint::SingleLogoutByPost);
        assert_eq!(policies(false, at("https://idp.example/slo")), [(slo, Policy::Accept)]);
        assert_eq!(policies(false, at("https://evil.example/slo")), [(slo, Policy::Hold)]);
        let both = at("https://idp.example/slo https://evil.example/answers");
        assert_eq!(policies(false, both), [(slo, Policy::Hold)]);
        let gone = policies(false, |new| new.endpoints.clear());
        assert_eq!(gone, [(Subject::Endpoint(Endpoint::SingleSignOnByPost), Policy::Accept)]);
    }

    #[test]
    fn another_entity_is_held_whoever_signed() {
        for signed in [false, true] {
            let renamed = |new: &mut Description| new.entity_id = "https://other.example".into();
            assert_eq!(policies(signed, renamed), [(Subject::EntityId, Policy::Hold)]);
        }
    }

    #[test]
    fn wishes_and_dates_are_the_providers_own() {
        let changed = policies(false, |new| {
            new.name_id_formats.push("urn:x".into());
            new.wants_signed_requests = true;
            new.valid_until = Some(UnixTime(1));
        });
        assert_eq!(changed.len(), 3);
        assert!(changed.iter().all(|(_, policy)| *policy == Policy::Accept), "{changed:?}");
    }
}
