//! What an application says of itself when it registers (RFC 7591 §2, OIDC Dynamic Registration §2), and
//! what we make of it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use url::{Origin, Url};

use super::ErrorCode;
use crate::domain::{
    resource::{self, ClientApplication, GrantType, Invalid, Resource},
    words::{ClientId, OrganizationId, UnixTime},
};

/// The scopes that an application can give itself; anything else an administrator gives it.
const SCOPES: [&str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];

/// Client metadata. What we do not know is ignored (RFC 7591 §2).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClientMetadata {
    #[serde(deserialize_with = "null_as_omitted")]
    pub redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_omitted")]
    pub post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_as_omitted")]
    pub require_signed_request_object: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_as_omitted")]
    pub require_pushed_authorization_requests: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_as_omitted")]
    pub dpop_bound_access_tokens: bool,
    /// Only where an application changes itself (RFC 7592 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing)]
    pub client_secret: Option<String>,
}

/// A member that is `null` is as one that is left out (RFC 7592 §2.2).
fn null_as_omitted<'de, D, T>(member: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(member)?.unwrap_or_default())
}

/// Why an application is not registered, or not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the initial access token is none, or can be used no more")]
    Token,
    #[error("the registration access token is not the one of this application")]
    Access,
    #[error("the body is no JSON object with client metadata: {0}")]
    Malformed(String),
    #[error("{0}")]
    RedirectUri(String),
    #[error("{0}")]
    Metadata(String),
}

impl Refusal {
    /// The word for it on the wire (RFC 7591 §3.2.2, RFC 6750 §3.1).
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Token | Self::Access => ErrorCode::InvalidToken,
            Self::RedirectUri(_) => ErrorCode::InvalidRedirectUri,
            Self::Malformed(_) | Self::Metadata(_) => ErrorCode::InvalidClientMetadata,
        }
    }
}

/// A mistake at a path of ours, as the application knows it.
impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        let text = format!("{}: {}", snake(&invalid.path), invalid.problem);
        if invalid.path.starts_with("redirectUris") {
            Self::RedirectUri(text)
        } else {
            Self::Metadata(text)
        }
    }
}

/// `redirectUris[0]` is `redirect_uris[0]`.
fn snake(path: &str) -> String {
    let letter = |c: char| match c {
        'A'..='Z' => format!("_{}", c.to_ascii_lowercase()),
        other => other.to_string(),
    };
    path.chars().map(letter).collect()
}

impl ClientMetadata {
    /// The application that this asks for, under `id`: a third party that people are always asked about, with
    /// no rights of its own.
    ///
    /// # Errors
    /// [`Refusal::RedirectUri`], [`Refusal::Metadata`].
    pub fn register(
        &self,
        id: &ClientId,
        organization: Option<&OrganizationId>,
    ) -> Result<ClientApplication, Refusal> {
        let organization =
            organization.map(|id| json!({ "reference": format!("Organization/{id}") }));
        let stranger = json!({ "id": id, "consent": "explicit", "organization": organization });
        self.over(stranger, &self.client_name.clone().unwrap_or_else(|| id.0.clone()), None)
    }

    /// The application as it wants to be now (RFC 7592 §2.2). What metadata does not speak of stays as it is,
    /// and so do scopes and grant types that somebody gave it.
    ///
    /// # Errors
    /// [`Refusal::RedirectUri`], [`Refusal::Metadata`].
    pub fn change(&self, before: &ClientApplication) -> Result<ClientApplication, Refusal> {
        let base = serde_json::to_value(before).map_err(|e| Refusal::Malformed(e.to_string()))?;
        self.over(base, self.client_name.as_ref().unwrap_or(&before.name), Some(before))
    }

    fn over(
        &self,
        mut value: Value,
        name: &str,
        before: Option<&ClientApplication>,
    ) -> Result<ClientApplication, Refusal> {
        let metadata = |text: &str| Refusal::Metadata(text.to_owned());
        if self.response_types.as_ref().is_some_and(|types| types.iter().any(|one| one != "code")) {
            return Err(metadata("response_types: only `code` is offered"));
        }
        let method = self.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
        let client_type = if method == "none" { "public" } else { "confidential" };
        let fields = value.as_object_mut().ok_or_else(|| metadata("is no client metadata"))?;
        for (field, given) in [
            ("resourceType", json!("ClientApplication")),
            ("name", json!(name)),
            ("clientType", json!(client_type)),
            ("tokenEndpointAuthMethod", json!(method)),
            ("redirectUris", json!(self.redirect_uris)),
            ("postLogoutRedirectUris", json!(self.post_logout_redirect_uris)),
            ("allowedOrigins", json!(self.origins(client_type == "public", before))),
            ("scopes", json!(self.scopes(before))),
            (
                "requirePushedAuthorizationRequests",
                json!(self.require_pushed_authorization_requests),
            ),
            ("requireSignedRequestObject", json!(self.require_signed_request_object)),
            ("dpopBoundAccessTokens", json!(self.dpop_bound_access_tokens)),
            ("grantTypes", json!(self.grant_types)),
            ("tokenEndpointAuthSigningAlg", json!(self.token_endpoint_auth_signing_alg)),
            ("jwks", json!(self.jwks)),
            ("jwksUri", json!(self.jwks_uri)),
            ("backchannelLogoutUri", json!(self.backchannel_logout_uri)),
            ("frontchannelLogoutUri", json!(self.frontchannel_logout_uri)),
            ("initiateLoginUri", json!(self.initiate_login_uri)),
            ("idTokenSignedResponseAlg", json!(self.id_token_signed_response_alg)),
            ("userinfoSignedResponseAlg", json!(self.userinfo_signed_response_alg)),
            ("requestObjectSigningAlg", json!(self.request_object_signing_alg)),
        ] {
            fields.insert(field.to_owned(), given);
        }
        // What is left out is as the standard has it.
        fields.retain(|_, given| !given.is_null());
        match resource::parse(value)? {
            Resource::ClientApplication(client) => {
                check_grant_types(&client, before)?;
                Ok(*client)
            }
            _ => Err(metadata("is no client metadata")),
        }
    }

    /// A public application may live in a browser: where its codes come to, its script may call us from. Others
    /// an administrator allows, and those stay.
    fn origins(&self, public: bool, before: Option<&ClientApplication>) -> Vec<String> {
        let allowed = before.map(|client| client.allowed_origins.as_slice()).unwrap_or_default();
        let earlier = before.map(|client| origins_of(&client.redirect_uris)).unwrap_or_default();
        let mut origins = allowed.to_vec();
        if public {
            origins.retain(|origin| !earlier.contains(origin));
            origins.extend(origins_of(&self.redirect_uris));
        }
        origins
    }

    /// Those that it asks for and may have; all of them where it asks for none.
    fn scopes(&self, before: Option<&ClientApplication>) -> Vec<&str> {
        let given = before.map(|client| client.scopes.as_slice()).unwrap_or_default();
        let may = |scope: &&str| SCOPES.contains(scope) || given.iter().any(|own| own == scope);
        match &self.scope {
            None => SCOPES.to_vec(),
            Some(asked) => asked.split(' ').filter(may).collect(),
        }
    }

    /// What an application is registered with.
    #[must_use]
    pub fn of(client: &ClientApplication) -> Self {
        Self {
            redirect_uris: client.redirect_uris.clone(),
            token_endpoint_auth_method: word(&client.auth_method()),
            token_endpoint_auth_signing_alg: client
                .token_endpoint_auth_signing_alg
                .and_then(|alg| word(&alg)),
            grant_types: client.grant_types.iter().map(word).collect(),
            response_types: Some(vec!["code".to_owned()]),
            client_name: Some(client.name.clone()),
            scope: Some(client.scopes.join(" ")),
            jwks_uri: client.jwks_uri.clone(),
            jwks: client.jwks.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: client.backchannel_logout_uri.clone(),
            frontchannel_logout_uri: client.frontchannel_logout_uri.clone(),
            initiate_login_uri: client.initiate_login_uri.clone(),
            id_token_signed_response_alg: word(&client.id_token_signed_response_alg),
            userinfo_signed_response_alg: client
                .userinfo_signed_response_alg
                .and_then(|alg| word(&alg)),
            request_object_signing_alg: client
                .request_object_signing_alg
                .and_then(|alg| word(&alg)),
            require_signed_request_object: client.require_signed_request_object,
            require_pushed_authorization_requests: client.require_pushed_authorization_requests,
            dpop_bound_access_tokens: client.dpop_bound_access_tokens,
            client_id: None,
            client_secret: None,
        }
    }
}

/// Each once; an application's own scheme has none.
fn origins_of(uris: &[String]) -> Vec<String> {
    let origin = |uri: &String| Some(Url::parse(uri).ok()?.origin()).filter(Origin::is_tuple);
    let mut origins: Vec<_> =
        uris.iter().filter_map(origin).map(|origin| origin.ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    origins
}

/// The word of an enumeration on the wire.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// Whatever acts without a person needs rights, and those an administrator gives.
fn check_grant_types(
    client: &ClientApplication,
    before: Option<&ClientApplication>,
) -> Result<(), Refusal> {
    let free = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode];
    let given = before.map(|client| client.grant_types.as_slice()).unwrap_or_default();
    if client.grant_types.iter().all(|one| free.contains(one) || given.contains(one)) {
        return Ok(());
    }
    let text = "grant_types: an application that registers itself acts for people only";
    Err(Refusal::Metadata(text.to_owned()))
}

/// Client information (RFC 7591 §3.2.1, RFC 7592 §3): what is registered, and how to change it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientInformation {
    pub client_id: ClientId,
    pub client_id_issued_at: UnixTime,
    /// Told once: we keep its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// 0: never. Present where there is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
    pub registration_access_token: String,
    pub registration_client_uri: String,
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(value: Value) -> Result<ClientApplication, Refusal> {
        let metadata: ClientMetadata = serde_json::from_value(value).expect("metadata");
        metadata.register(&"app-1".into(), None)
    }

    #[test]
    fn what_nobody_says_is_as_the_standard_has_it() {
        let client =
            application(json!({ "redirect_uris": ["https://app.example/cb"], "logo_uri": 7 }));
        let metadata = ClientMetadata::of(&client.expect("fine"));
        let expected = json!({
            "redirect_uris": ["https://app.example/cb"], "client_name": "app-1",
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"], "response_types": ["code"],
            "scope": "openid profile email phone address offline_access",
            "id_token_signed_response_alg": "RS256",
        });
        assert_eq!(serde_json::to_value(metadata).expect("JSON"), expected);
    }

    #[test]
    fn an_application_gives_itself_no_rights() {
        let client = application(json!({
            "redirect_uris": ["https://app.example/cb"], "scope": "openid roles reports email",
            "adminApi": true, "consent": "implicit", "roles": ["administrator"],
        }));
        let client = client.expect("what we do not know is ignored");
        assert_eq!(client.scopes, ["openid", "email"]);
        assert!(!client.admin_api && client.roles.is_empty() && client.audiences.is_empty());
        assert_eq!(client.consent, resource::Consent::Explicit);
    }

    #[test]
    fn what_an_administrator_gave_stays() {
        let Ok(Resource::ClientApplication(before)) = resource::parse(json!({
            "resourceType": "ClientApplication", "id": "app-1", "name": "App",
            "clientType": "confidential", "redirectUris": ["https://app.example/cb"],
            "scopes": ["openid", "reports"], "adminApi": true, "audiences": ["https://a.example"],
            "grantTypes": ["authorization_code", "client_credentials"], "consent": "implicit",
            "backchannelLogoutUri": "https://app.example/out", "accessTokenLifetimeSeconds": 300,
        })) else {
            panic!("an application")
        };
        let same = ClientMetadata::of(&before).change(&before).expect("fine");
        assert_eq!(
            same,
            ClientApplication {
                token_endpoint_auth_method: same.token_endpoint_auth_method,
                ..*before.clone()
            }
        );
        let less = json!({ "redirect_uris": ["https://app.example/new"], "scope": "openid roles" });
        let less: ClientMetadata = serde_json::from_value(less).expect("metadata");
        let less = less.change(&before).expect("fine");
        assert_eq!(
            (less.name.as_str(), less.scopes.as_slice()),
            ("App", &["openid".to_owned()][..])
        );
        assert_eq!(
            (less.backchannel_logout_uri, less.grant_types),
            (None, vec![GrantType::AuthorizationCode])
        );
        assert!(less.admin_api && less.consent == resource::Consent::Implicit);
        assert_eq!((less.audiences, less.access_token_lifetime_seconds), (before.audiences, 300));
    }

    #[test]
    fn a_public_application_calls_from_where_its_codes_come_to() {
        let metadata = |uris: &[&str], method: &str| -> ClientMetadata {
            let value = json!({ "redirect_uris": uris, "token_endpoint_auth_method": method });
            serde_json::from_value(value).expect("metadata")
        };
        let first = metadata(&["https://a.example/cb", "https://a.example/2", "com.a:/cb"], "none");
        let mut client = first.register(&"app-1".into(), None).expect("fine");
        assert_eq!(client.allowed_origins, ["https://a.example"]);
        client.allowed_origins.push("https://given.example".to_owned());
        let moved = metadata(&["http://127.0.0.1:9000/cb"], "none").change(&client);
        let expected = ["https://given.example", "http://127.0.0.1:9000"];
        assert_eq!(moved.expect("fine").allowed_origins, expected);
        let secret = metadata(&["https://a.example/cb"], "client_secret_basic");
        let server = secret.register(&"app-2".into(), None).expect("fine");
        assert!(server.allowed_origins.is_empty(), "a server is no page");
    }

    #[test]
    fn null_is_as_left_out() {
        for member in [
            "redirect_uris",
            "grant_types",
            "client_name",
            "jwks",
            "post_logout_redirect_uris",
            "require_signed_request_object",
            "require_pushed_authorization_requests",
            "dpop_bound_access_tokens",
        ] {
            let read: Result<ClientMetadata, _> = serde_json::from_value(json!({ member: null }));
            assert_eq!(read.ok(), Some(ClientMetadata::default()), "{member}");
        }
    }

    #[test]
    fn each_mistake_has_its_word() {
        let uri = "https://app.example/cb";
        for (value, code) in [
            (json!({}), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["http://app.example/cb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/#f"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/c\nb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/\u{fc}"] }), "invalid_redirect_uri"),
            (
                json!({ "redirect_uris": [uri], "backchannel_logout_uri": "https://app.example/\t" }),
                "invalid_client_metadata",
            ),
            (
                json!({ "redirect_uris": [uri], "response_types": ["code", "token"] }),
                "invalid_client_metadata",
            ),
            (
                json!({ "redirect_uris": [uri], "grant_types": ["client_credentials"] }),
                "invalid_client_metadata",
            ),
            (json!({ "redirect_uris": [uri], "grant_types": ["x"] }), "invalid_client_metadata"),
            (
                json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "private_key_jwt" }),
                "invalid_client_metadata",
            ),
            (
                json!({ "redirect_uris": [uri], "id_token_signed_response_alg": "none" }),
                "invalid_client_metadata",
            ),
            (json!({ "redirect_uris": [uri], "jwks_uri": "x" }), "invalid_client_metadata"),
        ] {
            let refusal = application(value.clone()).expect_err("refused");
            assert_eq!(refusal.code().as_str(), code, "{value}: {refusal}");
        }
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_the_standard() {
        let refusal = Refusal::from(Invalid::new("redirectUris[0]", "has a fragment"));
        assert_eq!(refusal.to_string(), "redirect_uris[0]: has a fragment");
    }
}
