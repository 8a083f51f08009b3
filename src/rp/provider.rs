//! What a provider says about itself (OIDC Discovery 1.0 §3).

use openidconnect::{
    AdditionalProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    json::{NotAnObject, parse_object},
    rejection::{Rejection, tame},
};
use crate::domain::resource::{UpstreamAuthMethod, check_url};

/// What we use of a provider's metadata; every endpoint is https, or http on a loopback host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    pub issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub userinfo_endpoint: Option<Url>,
    pub jwks_uri: Url,
    pub end_session_endpoint: Option<Url>,
    /// Those that we can do; `client_secret_basic` when the provider names none (RFC 8414 §2).
    pub token_endpoint_auth_methods: Vec<UpstreamAuthMethod>,
    /// Whether every callback carries `iss` (RFC 9207 §3).
    pub authorization_response_iss_parameter_supported: bool,
}

/// The members that OIDC Discovery itself does not define.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Extensions {
    /// OIDC RP-Initiated Logout §2.1.
    #[serde(default)]
    end_session_endpoint: Option<String>,
    /// RFC 9207 §3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extensions {}

type Document = openidconnect::ProviderMetadata<
    Extensions,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Where the metadata of `issuer` is (OIDC Discovery §4.1).
///
/// # Errors
/// [`Rejection::Endpoint`] when `issuer` is not a URL that we may call.
pub fn discovery_url(issuer: &str) -> Result<Url, Rejection> {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    endpoint("issuer", &format!("{issuer}/.well-known/openid-configuration"))
}

/// Reads the metadata that was found at [`discovery_url`] of `issuer_configured`.
///
/// # Errors
/// * [`Rejection::Metadata`] – not the JSON that Discovery demands.
/// * [`Rejection::ForeignMetadata`] – of another issuer; compared character by character (§4.3).
/// * [`Rejection::Endpoint`] – an address that nobody should send a secret to.
/// * [`Rejection::NoEndpoint`] – no token endpoint, so no code flow.
pub fn parse_metadata(issuer_configured: &str, json: &[u8]) -> Result<ProviderMetadata, Rejection> {
    let unreadable = |problem: &str| Rejection::Metadata(tame(problem));
    let object = parse_object(json).map_err(|NotAnObject(problem)| unreadable(&problem))?;
    check_issuer(issuer_configured, object.get("issuer").and_then(|issuer| issuer.as_str()))?;
    let document: Document =
        serde_json::from_value(object.into()).map_err(|error| unreadable(&error.to_string()))?;
    ProviderMetadata::from_document(&document)
}

/// Looked at first: the answer of a wrong issuer is best told by its name.
fn check_issuer(configured: &str, found: Option<&str>) -> Result<(), Rejection> {
    match found {
        Some(found) if found == configured => Ok(()),
        Some(found) => Err(Rejection::ForeignMetadata {
            configured: configured.to_owned(),
            found: tame(found),
        }),
        None => Err(Rejection::Metadata("`issuer` is missing".to_owned())),
    }
}

impl ProviderMetadata {
    fn from_document(document: &Document) -> Result<Self, Rejection> {
        let token = document.token_endpoint().ok_or(Rejection::NoEndpoint("token_endpoint"))?;
        let userinfo = document.userinfo_endpoint().map(|url| url.as_str());
        let extensions = document.additional_metadata();
        let end_session = extensions.end_session_endpoint.as_deref();
        let authorization = document.authorization_endpoint().as_str();
        let optional = |name, text: Option<&str>| text.map(|text| endpoint(name, text)).transpose();
        Ok(Self {
            issuer: document.issuer().as_str().to_owned(),
            authorization_endpoint: endpoint("authorization_endpoint", authorization)?,
            token_endpoint: endpoint("token_endpoint", token.as_str())?,
            userinfo_endpoint: optional("userinfo_endpoint", userinfo)?,
            jwks_uri: endpoint("jwks_uri", document.jwks_uri().as_str())?,
            end_session_endpoint: optional("end_session_endpoint", end_session)?,
            token_endpoint_auth_methods: auth_methods(
                document.token_endpoint_auth_methods_supported(),
            ),
            authorization_response_iss_parameter_supported: extensions
                .authorization_response_iss_parameter_supported,
        })
    }
}

fn endpoint(name: &'static str, text: &str) -> Result<Url, Rejection> {
    check_url(name, text).map_err(|_| Rejection::Endpoint { name })
}

fn auth_methods(named: Option<&Vec<CoreClientAuthMethod>>) -> Vec<UpstreamAuthMethod> {
    let known = |method: &CoreClientAuthMethod| match method {
        CoreClientAuthMethod::ClientSecretBasic => Some(UpstreamAuthMethod::ClientSecretBasic),
        CoreClientAuthMethod::ClientSecretPost => Some(UpstreamAuthMethod::ClientSecretPost),
        CoreClientAuthMethod::None => Some(UpstreamAuthMethod::None),
        _ => None,
    };
    match named {
        Some(methods) => methods.iter().filter_map(known).collect(),
        None => vec![UpstreamAuthMethod::ClientSecretBasic],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://op.example/tenant";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://op.example/authorize?tenant=1",
            "token_endpoint": "https://op.example/token",
            "userinfo_endpoint": "https://op.example/userinfo",
            "jwks_uri": "https://op.example/jwks",
            "end_session_endpoint": "https://op.example/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "of tomorrow"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "tls_client_auth"],
            "authorization_response_iss_parameter_supported": true,
            "unknown": [1, 2],
        })
    }

    fn parse(document: &Value) -> Result<ProviderMetadata, Rejection> {
        parse_metadata(ISSUER, document.to_string().as_bytes())
    }

    #[test]
    fn what_we_use_is_read_and_the_rest_ignored() {
        let metadata = parse(&document()).expect("good");
        assert_eq!(metadata.issuer, ISSUER);
        assert_eq!(metadata.token_endpoint.as_str(), "https://op.example/token");
        assert_eq!(metadata.token_endpoint_auth_methods, [UpstreamAuthMethod::ClientSecretPost]);
        assert!(metadata.authorization_response_iss_parameter_supported);
        assert!(metadata.end_session_endpoint.is_some());
    }

    #[test]
    fn each_mistake_has_its_own_name() {
        let foreign = |found: &str| Rejection::ForeignMetadata {
            configured: ISSUER.into(),
            found: found.into(),
        };
        let endpoint = |name| Rejection::Endpoint { name };
        let rows = [
            ("issuer", json!("https://op.example/tenant/"), foreign("https://op.example/tenant/")),
            ("issuer", json!("https://op.example/Tenant"), foreign("https://op.example/Tenant")),
            ("issuer", Value::Null, Rejection::Metadata("`issuer` is missing".into())),
            ("token_endpoint", json!("http://op.example/token"), endpoint("token_endpoint")),
            ("jwks_uri", json!("file:///etc/passwd"), endpoint("jwks_uri")),
            ("userinfo_endpoint", json!("http://10.0.0.1/"), endpoint("userinfo_endpoint")),
            ("end_session_endpoint", json!("javascript:1"), endpoint("end_session_endpoint")),
            ("authorization_endpoint", json!("http://x/"), endpoint("authorization_endpoint")),
            ("token_endpoint", Value::Null, Rejection::NoEndpoint("token_endpoint")),
        ];
        for (member, value, expected) in rows {
            let mut document = document();
            document[member] = value;
            assert_eq!(parse(&document), Err(expected), "{member}");
        }
    }

    #[test]
    fn loopback_may_speak_http() {
        let mut document = document();
        document["token_endpoint"] = json!("http://127.0.0.1:9000/token");
        assert!(parse(&document).is_ok());
    }

    #[test]
    fn garbage_is_no_metadata() {
        let twice = r#"{"issuer":"https://op.example/tenant","issuer":"https://evil.example"}"#;
        for text in ["", "null", "<html>", "[]", "{", twice] {
            let parsed = parse_metadata(ISSUER, text.as_bytes());
            assert!(matches!(parsed, Err(Rejection::Metadata(_))), "{text}: {parsed:?}");
        }
    }

    #[test]
    fn the_well_known_path_follows_the_issuer() {
        for (issuer, expected) in [
            ("https://op.example", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/a/b", "https://op.example/a/b/.well-known/openid-configuration"),
        ] {
            assert_eq!(discovery_url(issuer).expect("url").as_str(), expected);
        }
        assert!(discovery_url("nonsense").is_err());
        assert!(discovery_url("http://op.example").is_err());
    }
}
