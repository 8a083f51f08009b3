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
    pub name_qualifier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_name_qualifier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_index: Option<String>,
    /// In a federation, the entityID of the member that the person came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
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
    /// The values behind `source`: an attribute's `Name`, its `FriendlyName`, `NameID`, or one of these
    /// names and the members of a structured value, joined by dots (`realm_access.roles`,
    /// `urn:oasis:names:tc:xacml:2.0:subject:role.attributes.code`). Case counts first; a name that
    /// differs by case only comes last.
    #[must_use]
    pub fn values(&self, source: &str) -> Vec<String> {
        if source == "NameID" {
            return self.subject.iter().cloned().collect();
        }
        match (self.named(source), self.at_path(source)) {
            (Some(value), _) => texts(value),
            (None, Some(values)) => values.into_iter().flat_map(texts).collect(),
            (None, None) => self.ignoring_case(source).map(texts).unwrap_or_default(),
        }
    }

    fn named(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name).or_else(|| self.attributes.get(self.friendly_names.get(name)?))
    }

    /// Names hold dots themselves, so the longest one that is known counts.
    fn at_path(&self, path: &str) -> Option<Vec<&Value>> {
        let mut dots = path.rmatch_indices('.');
        let (value, rest) =
            dots.find_map(|(at, _)| Some((self.named(&path[..at])?, &path[at + 1..])))?;
        Some(rest.split('.').fold(vec![value], members))
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

/// The member `key` of each value, lists looked into.
fn members<'v>(values: Vec<&'v Value>, key: &str) -> Vec<&'v Value> {
    let one = |value: &'v Value| match value {
        Value::Array(list) => list.iter().filter_map(|inner| inner.get(key)).collect(),
        other => other.get(key).into_iter().collect::<Vec<_>>(),
    };
    values.into_iter().flat_map(one).collect()
}

/// The non-empty texts in a JSON value. Of an XML element that holds text its text
/// (`eduPersonTargetedID`), of other objects compact JSON.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) if object.contains_key("element") && object.contains_key("text") => {
            object.get("text").map(texts).unwrap_or_default()
        }
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
                "urn:a.role": [
                    { "element": "Role", "attributes": { "code": "1" } },
                    { "element": "Role", "attributes": { "code": "2" } },
                ],
                "urn:targeted": [
                    { "element": "NameID", "attributes": { "NameQualifier": "idp" }, "text": "x" },
                ],
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
            ("urn:a.role.attributes.code", vec!["1", "2"]),
            ("urn:targeted", vec!["x"]),
            ("urn:targeted.attributes.NameQualifier", vec!["idp"]),
            ("NameID", vec!["ada"]),
            ("absent", vec![]),
        ] {
            assert_eq!(statement.values(source), expected, "{source}");
        }
    }
}
