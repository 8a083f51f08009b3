//! What an administrator would have configured: as JSON, as he would have written it.

use serde_json::{Value, json};

use super::Places;
use crate::domain::resource::{self, Invalid, Resource};

/// The identity providers' ids, part of our paths towards them.
pub(super) const SAML: &str = "sample-saml";
pub(super) const OIDC: &str = "sample-oidc";
/// The application's `client_id`.
pub(super) const APP: &str = "demo-app";
/// Our `client_id` at the OpenID provider.
pub(super) const CLIENT_AT_OIDC: &str = "medict";

/// Everything; `secret` is ours at the OpenID provider.
///
/// # Errors
/// [`Invalid`] when the shapes have changed and this file has not.
pub(super) fn all(places: &Places, secret: &str) -> Result<Vec<Resource>, Invalid> {
    let hospital = json!({ "resourceType": "Organization", "id": "general-hospital",
        "name": "General Hospital", "domains": ["hospital.example"] });
    let all = [
        hospital,
        role("physician", "Physician", &["read", "write", "delete"]),
        role("nurse", "Nurse", &["read", "write"]),
        saml_provider(places),
        oidc_provider(places, secret),
        application(places),
    ];
    all.into_iter().map(resource::parse).collect()
}

fn role(id: &str, name: &str, actions: &[&str]) -> Value {
    json!({ "resourceType": "Role", "id": id, "name": name,
        "permissions": [{ "resource": "Patient", "actions": actions }] })
}

/// The hospital's own: its people are found by the domain of their address.
fn saml_provider(places: &Places) -> Value {
    json!({ "resourceType": "IdentityProvider", "id": SAML, "type": "saml",
        "name": "Sample SAML identity provider",
        "organization": hospital(),
        "configuration": { "metadataUrl": format!("{}/metadata", places.saml) },
        "mapping": { "rules": rules() } })
}

/// A partner's, for everyone; it may make accounts.
fn oidc_provider(places: &Places, secret: &str) -> Value {
    json!({ "resourceType": "IdentityProvider", "id": OIDC, "type": "oidc",
        "name": "Sample OpenID provider",
        "configuration": { "issuer": places.oidc, "clientId": CLIENT_AT_OIDC,
            "clientSecret": secret },
        "mapping": { "rules": rules() },
        "provisioning": { "create": true } })
}

fn rules() -> Value {
    json!([
        { "when": "\"GG-Physicians\" in identity.groups",
          "role": { "reference": "Role/physician" }, "organization": hospital() },
        { "when": "\"GG-Nurses\" in identity.groups",
          "role": { "reference": "Role/nurse" }, "organization": hospital() },
    ])
}

fn application(places: &Places) -> Value {
    json!({ "resourceType": "ClientApplication", "id": APP, "name": "Sample application",
        "clientType": "public",
        "organization": hospital(),
        "redirectUris": [format!("{}/callback", places.app)],
        "postLogoutRedirectUris": [format!("{}/", places.app)],
        "scopes": ["openid", "profile", "email", "roles"] })
}

fn hospital() -> Value {
    json!({ "reference": "Organization/general-hospital" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_is_valid() {
        assert_eq!(all(&Places::unbuilt(), "secret").expect("valid").len(), 6);
    }
}
