//! A person as an IdentityProvider names him: what came, and what it means to us.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words::{IdpId, UnixTime};

/// What a verified answer said about a person, before any mapping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// SAML `NameID` or OIDC `sub`; absent when it is not stable (a transient `NameID`).
    pub subject: Option<String>,
    /// By exact attribute `Name` or claim; SAML values are lists, claims are whatever JSON they were.
    pub attributes: BTreeMap<String, Value>,
    /// SAML `FriendlyName` → `Name`.
    pub friendly_names: BTreeMap<String, String>,
    /// Authentication methods (RFC 8176), as far as the provider told.
    pub amr: Vec<String>,
    /// `acr` or `AuthnContextClassRef`.
    pub acr: Option<String>,
    pub auth_time: Option<UnixTime>,
    /// What an upstream logout will need.
    pub session: UpstreamSession,
}

/// What names this sign-in at the provider (SAML Core §3.7.1, OIDC Back-Channel Logout §2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSession {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_id_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_index: Option<String>,
    /// The provider ends it at this time at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_on_or_after: Option<UnixTime>,
}

/// The person after mapping: stable key, contact, groups.
///
/// Keyed by (`provider`, `subject`), never by e-mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalIdentity {
    pub provider: IdpId,
    /// In a federation, the entityID of the member that named the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npi: Option<String>,
    #[serde(default)]
    pub groups: Vec<String>,
    /// The provider said "too many groups" instead of naming them: roles stay as they were.
    #[serde(default)]
    pub groups_withheld: bool,
    /// Google's `hd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_domain: Option<String>,
    #[serde(default)]
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixTime>,
    #[serde(default)]
    pub session: UpstreamSession,
    /// Every attribute as text, for rules.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl ExternalIdentity {
    /// What the person is known by at the provider: in a federation two members may use one subject for
    /// two people, so the member's name stands before it. It holds no space, so it ends at the first.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.entity {
            Some(entity) => format!("{entity} {}", self.subject),
            None => self.subject.clone(),
        }
    }
}

impl Statement {
    /// The values behind `source`: an attribute's `Name`, its `FriendlyName`, `NameID`, or a path of
    /// JSON members joined by dots. Case counts first; a name that differs by case only comes last.
    #[must_use]
    pub fn values(&self, source: &str) -> Vec<String> {
        if source == "NameID" {
            return self.subject.iter().cloned().collect();
        }
        let found = self
            .attributes
            .get(source)
            .or_else(|| self.attributes.get(self.friendly_names.get(source)?))
            .or_else(|| self.at_path(source))
            .or_else(|| self.ignoring_case(source));
        found.map(texts).unwrap_or_default()
    }

    fn at_path(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.')?;
        rest.split('.').try_fold(self.attributes.get(first)?, |value, key| value.get(key))
    }

    fn ignoring_case(&self, source: &str) -> Option<&Value> {
        let matches = |name: &String| name.eq_ignore_ascii_case(source);
        self.attributes.iter().find(|(name, _)| matches(name)).map(|(_, value)| value)
    }

    /// Every attribute as a list of texts.
    #[must_use]
    pub fn as_texts(&self) -> BTreeMap<String, Vec<String>> {
        self.attributes.iter().map(|(name, value)| (name.clone(), texts(value))).collect()
    }
}

/// The non-empty texts in a JSON value; objects (structured attributes) as compact JSON.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.trim().to_owned()],
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sources_are_names_friendly_names_paths_and_the_name_id() {
        let statement = Statement {
            subject: Some("ada".into()),
            attributes: serde_json::from_value(json!({
                "urn:oid:2.5.4.42": [" Ada ", ""],
                "realm_access": { "roles": ["physician", "staff"] },
                "email_verified": true,
                "Mail": "ada@hospital.example",
            }))
            .expect("map"),
            friendly_names: [("givenName".into(), "urn:oid:2.5.4.42".into())].into(),
            ..Statement::default()
        };
        for (source, expected) in [
            ("urn:oid:2.5.4.42", vec!["Ada"]),
            ("givenName", vec!["Ada"]),
            ("realm_access.roles", vec!["physician", "staff"]),
            ("email_verified", vec!["true"]),
            ("mail", vec!["ada@hospital.example"]),
            ("NameID", vec!["ada"]),
            ("absent", vec![]),
        ] {
            assert_eq!(statement.values(source), expected, "{source}");
        }
    }
}
