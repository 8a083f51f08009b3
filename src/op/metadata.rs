//! What we offer, for clients to discover (OIDC Discovery §3, RFC 8414 §2): what works, no more.

use serde::Serialize;

use crate::domain::resource::SigningAlg;

/// The scopes that mean something to us; a client may have others for its own tokens.
pub const SCOPES: [&str; 8] =
    ["openid", "profile", "email", "phone", "address", "offline_access", "roles", "fhirUser"];

const CLAIMS: &[&str] = &[
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
    "address",
    "roles",
    "organization",
    "fhirUser",
];

/// The algorithms that we sign with.
type Algs = [&'static str; SigningAlg::ALL.len()];
/// The algorithms that others may sign with.
type Known = [&'static str; SigningAlg::KNOWN.len()];

const AUTH_METHODS: [&str; 4] =
    ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/// `/.well-known/openid-configuration`.
#[derive(Clone, Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    device_authorization_endpoint: String,
    registration_endpoint: String,
    pushed_authorization_request_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
    scopes_supported: &'static [&'static str],
    response_types_supported: &'static [&'static str],
    response_modes_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    subject_types_supported: &'static [&'static str],
    id_token_signing_alg_values_supported: Algs,
    userinfo_signing_alg_values_supported: Algs,
    token_endpoint_auth_methods_supported: &'static [&'static str],
    token_endpoint_auth_signing_alg_values_supported: Known,
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
    revocation_endpoint_auth_signing_alg_values_supported: Known,
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    introspection_endpoint_auth_signing_alg_values_supported: Known,
    introspection_signing_alg_values_supported: Algs,
    code_challenge_methods_supported: &'static [&'static str],
    dpop_signing_alg_values_supported: Known,
    claims_supported: &'static [&'static str],
    prompt_values_supported: &'static [&'static str],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_object_signing_alg_values_supported: Known,
    require_signed_request_object: bool,
    request_uri_parameter_supported: bool,
    require_pushed_authorization_requests: bool,
    authorization_response_iss_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    frontchannel_logout_supported: bool,
    frontchannel_logout_session_supported: bool,
}

impl Metadata {
    /// For the issuer `issuer`, a URL without trailing slash.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        let algs = SigningAlg::ALL.map(SigningAlg::name);
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("/oauth2/authorize"),
            token_endpoint: at("/oauth2/token"),
            userinfo_endpoint: at("/oauth2/userinfo"),
            revocation_endpoint: at("/oauth2/revoke"),
            introspection_endpoint: at("/oauth2/introspect"),
            device_authorization_endpoint: at("/oauth2/device_authorization"),
            registration_endpoint: at("/oauth2/register"),
            pushed_authorization_request_endpoint: at("/oauth2/par"),
            end_session_endpoint: at("/oauth2/logout"),
            jwks_uri: at("/.well-known/jwks.json"),
            scopes_supported: &SCOPES,
            response_types_supported: &["code"],
            response_modes_supported: &["query", "fragment", "form_post"],
            grant_types_supported: &[
                "authorization_code",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            subject_types_supported: &["public"],
            id_token_signing_alg_values_supported: algs,
            userinfo_signing_alg_values_supported: algs,
            token_endpoint_auth_methods_supported: &AUTH_METHODS,
            token_endpoint_auth_signing_alg_values_supported: SigningAlg::KNOWN,
            revocation_endpoint_auth_methods_supported: &AUTH_METHODS,
            revocation_endpoint_auth_signing_alg_values_supported: SigningAlg::KNOWN,
            introspection_endpoint_auth_signing_alg_values_supported: SigningAlg::KNOWN,
            introspection_signing_alg_values_supported: algs,
            // Anybody could speak for a client without credentials.
            introspection_endpoint_auth_methods_supported: AUTH_METHODS.split_at(1).1,
            code_challenge_methods_supported: &["S256"],
            dpop_signing_alg_values_supported: SigningAlg::KNOWN,
            claims_supported: CLAIMS,
            prompt_values_supported: &["none", "login", "select_account", "consent"],
            claims_parameter_supported: true,
            request_parameter_supported: true,
            request_object_signing_alg_values_supported: SigningAlg::KNOWN,
            require_signed_request_object: false,
            // Those of our own making always are (RFC 9126 §5).
            request_uri_parameter_supported: false,
            require_pushed_authorization_requests: false,
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            frontchannel_logout_supported: true,
            frontchannel_logout_session_supported: true,
        }
    }
}
