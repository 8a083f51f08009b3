//! The resources that administrators create: shapes, defaults and the rules each keeps by itself.
//!
//! [`parse`] is the one way from JSON to a [`Resource`]; API, files and pages all use it, so the same
//! mistake gets the same words everywhere. What is stored already is read by [`parse_stored`].

mod client_application;
mod identity_provider;
mod organization;
mod reference;
mod role;
mod user;

pub use client_application::{
    AccessTokenFormat, ClientApplication, ClientType, Consent, GrantType, SigningAlg,
    TokenEndpointAuthMethod,
};
pub use identity_provider::{
    Comparison, Configuration, IdentityProvider, IdpInitiated, IdpInitiatedPolicy, NameIdFormat,
    OidcConfiguration, OneOrMany, SamlConfiguration, Scoping, SsoBinding, UpstreamAuthMethod,
};
pub use organization::Organization;
pub use reference::{Ref, ResourceType};
pub use role::{Permission, Role};
pub use user::{Address, HumanName, UserResource, UserRoleResource, is_email};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Any resource, as it came from a file, the API or a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    Organization(Organization),
    IdentityProvider(Box<IdentityProvider>),
    ClientApplication(Box<ClientApplication>),
    Role(Role),
    User(Box<UserResource>),
    UserRole(UserRoleResource),
}

/// Why a resource is refused: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Invalid {
    /// The path of the offending element, as in `configuration.clockSkewSeconds`.
    pub path: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Invalid {
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// The same problem, seen from one level further out.
    #[must_use]
    pub fn below(self, parent: &str) -> Self {
        Self { path: format!("{parent}.{}", self.path), ..self }
    }
}

/// Reads one resource by its `resourceType`.
///
/// `meta` is ignored (the server keeps it); any other unknown element is refused with its path.
///
/// # Errors
/// [`Invalid`] names the first element that is unknown, missing, of the wrong type, or out of range.
pub fn parse(value: Value) -> Result<Resource, Invalid> {
    let resource = parse_stored(value)?;
    if let Resource::ClientApplication(client) = &resource {
        client.check_characters()?;
    }
    Ok(resource)
}

/// The same for what was written before: without the rules that came later, so that nothing that worked is
/// lost to them.
///
/// # Errors
/// [`Invalid`], as [`parse`].
pub fn parse_stored(value: Value) -> Result<Resource, Invalid> {
    let Value::Object(mut fields) = value else {
        return Err(Invalid::new("resourceType", "a resource is an object"));
    };
    fields.remove("meta");
    let kind = match fields.remove("resourceType") {
        Some(Value::String(kind)) => kind,
        _ => return Err(Invalid::new("resourceType", "is missing")),
    };
    let value = Value::Object(fields);
    Ok(match kind.as_str() {
        "Organization" => Resource::Organization(Organization::parse(value)?),
        "IdentityProvider" => Resource::IdentityProvider(Box::new(IdentityProvider::parse(value)?)),
        "ClientApplication" => {
            Resource::ClientApplication(Box::new(ClientApplication::parse(value)?))
        }
        "Role" => Resource::Role(Role::parse(value)?),
        "User" => Resource::User(Box::new(UserResource::parse(value)?)),
        "UserRole" => Resource::UserRole(read(value)?),
        other => return Err(Invalid::new("resourceType", format!("`{other}` is not known"))),
    })
}

impl Resource {
    /// The `resourceType` on the wire.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Organization(_) => "Organization",
            Self::IdentityProvider(_) => "IdentityProvider",
            Self::ClientApplication(_) => "ClientApplication",
            Self::Role(_) => "Role",
            Self::User(_) => "User",
            Self::UserRole(_) => "UserRole",
        }
    }
}

/// Deserializes with the path of the first mistake.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        Invalid { path: if path == "." { unknown_field(&problem) } else { path }, problem }
    })
}

/// At the top level the path of an unknown or missing field stands only in the message.
fn unknown_field(problem: &str) -> String {
    problem.split('`').nth(1).unwrap_or("resource").to_owned()
}

/// Refuses an identifier that is not a slug.
fn check_slug(id: Option<&str>) -> Result<(), Invalid> {
    match id {
        Some(id) if !super::words::is_slug(id) => {
            Err(Invalid::new("id", "is 1 to 64 of a-z, 0-9 and `-`"))
        }
        _ => Ok(()),
    }
}

/// Refuses an empty name.
fn check_name(name: &str) -> Result<(), Invalid> {
    if name.trim().is_empty() { Err(Invalid::new("name", "is empty")) } else { Ok(()) }
}

/// A URL that we may send a browser or a request to: https, or http on a loopback host.
///
/// # Errors
/// [`Invalid`] at `path`, in words for the administrator.
pub fn check_url(path: &str, text: &str) -> Result<url::Url, Invalid> {
    let problem = "is not an https URL, as in https://host.example/path";
    let url = url::Url::parse(text).map_err(|_| Invalid::new(path, problem))?;
    let allowed = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(&url),
        _ => false,
    };
    if allowed { Ok(url) } else { Err(Invalid::new(path, problem)) }
}

/// Whether the URL's host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
#[must_use]
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mistakes_are_named_with_their_path() {
        let rows = [
            (json!({ "resourceType": "Role", "name": "x", "colour": 1 }), "colour"),
            (json!({ "resourceType": "Role" }), "name"),
            (json!({ "resourceType": "Roll", "name": "x" }), "resourceType"),
            (
                json!({ "resourceType": "IdentityProvider", "type": "saml", "name": "x",
                    "configuration": { "entityId": "x", "ssoURL": "y" } }),
                "configuration.ssoURL",
            ),
            (
                json!({ "resourceType": "IdentityProvider", "type": "saml", "name": "x",
                    "configuration": { "metadataXml": "x", "clockSkewSeconds": 301 } }),
                "configuration.clockSkewSeconds",
            ),
            (
                json!({ "resourceType": "ClientApplication", "id": "a", "name": "x",
                    "redirectUris": ["http://shop.example/cb"] }),
                "redirectUris[0]",
            ),
            (
                json!({ "resourceType": "Role", "name": "x",
                    "permissions": [{ "resource": "Patient", "actions": ["fly"] }] }),
                "permissions[0].actions[0]",
            ),
        ];
        for (value, path) in rows {
            let invalid = parse(value.clone()).expect_err(&value.to_string());
            assert_eq!(invalid.path, path, "{invalid} for {value}");
        }
    }

    #[test]
    fn http_is_for_loopback_only() {
        for (url, ok) in [
            ("https://idp.example/sso", true),
            ("http://127.0.0.1:1/sso", true),
            ("http://localhost/sso", true),
            ("http://[::1]/sso", true),
            ("http://idp.example/sso", false),
            ("http://localhost.evil.example/", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(check_url("u", url).is_ok(), ok, "{url}");
        }
    }
}
