//! `ClientApplication`: a downstream OAuth client, a relying party of ours.

mod addresses;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{Invalid, Ref, check_name, check_slug, check_url, read};
use crate::domain::{
    claims::{ClaimMapping, ClaimRule},
    words::{ClientId, IdpId, OrganizationId, RoleId},
};
use addresses::{check_origin, check_redirect_uri, check_web_address, differs_by_port_only};

/// A downstream application; `id` is its `client_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientApplication {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ClientId>,
    pub name: String,
    #[serde(default)]
    pub client_type: ClientType,
    /// Write-only; kept as a hash. Made by the server when absent on a confidential client.
    #[serde(default, skip_serializing)]
    pub secret: Option<String>,
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// Where a sign-in that began elsewhere is handed over (OIDC Core §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Where logout tokens are posted to (OIDC Back-Channel Logout 1.0 §2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// What a browser that signs out opens in a frame (OIDC Front-Channel Logout 1.0 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    #[serde(default = "code_only")]
    pub grant_types: Vec<GrantType>,
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// Empty: all of its organization, and those for everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity_providers: Vec<Ref<IdpId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Ref<OrganizationId>>,
    /// Roles of the client itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Ref<RoleId>>,
    #[serde(default)]
    pub admin_api: bool,
    #[serde(default)]
    pub consent: Consent,
    #[serde(default = "yes")]
    pub require_pkce: bool,
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// Requests count only when the application has signed them (RFC 9101 §10.5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// The one algorithm of its request objects; absent: any that fits its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<SigningAlg>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<TokenEndpointAuthMethod>,
    /// Its access tokens are bound to keys, always (RFC 9449 §5.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// The only algorithm that its client assertions may be signed with; absent: any that fits its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<SigningAlg>,
    /// Its public keys, as a JWK Set (RFC 7591 §2)…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// …or where it publishes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(default)]
    pub id_token_signed_response_alg: SigningAlg,
    #[serde(default = "es256")]
    pub access_token_signed_response_alg: SigningAlg,
    #[serde(default, skip_serializing_if = "AccessTokenFormat::is_jwt")]
    pub access_token_format: AccessTokenFormat,
    /// Absent: userinfo answers are plain JSON (OIDC Core §5.3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlg>,
    /// The resources that it may ask for tokens for (`resource`, RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The resources that this application serves (`aud`): it may introspect tokens that are for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// The resources that it may go on to with a person's token, by exchange (RFC 8693).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchange_audiences: Vec<String>,
    /// Claims of its own, beyond the standard ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimRule>,
    /// 300 to 3600 seconds.
    #[serde(default = "quarter_hour")]
    pub access_token_lifetime_seconds: i64,
}

/// Whether the application can keep a secret (RFC 6749 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientType {
    #[default]
    Public,
    Confidential,
}

/// How tokens may be asked for (RFC 6749 §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code", alias = "device_code")]
    DeviceCode,
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange", alias = "token-exchange")]
    TokenExchange,
}

/// What an access token looks like to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// Signed, readable by whom it is for (RFC 9068).
    #[default]
    Jwt,
    /// Random; who needs to know introspects it.
    Opaque,
}

impl AccessTokenFormat {
    fn is_jwt(&self) -> bool {
        *self == Self::Jwt
    }
}

/// Whether a person is asked before an application learns of him.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// First party: never asked.
    #[default]
    Implicit,
    /// Asked once for each scope.
    Explicit,
}

/// How an application authenticates at the token endpoint (OIDC Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

/// The signature algorithms that we issue and accept in tokens (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlg {
    #[default]
    RS256,
    PS256,
    ES256,
    /// With Ed25519 (RFC 8037 §3.1).
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl SigningAlg {
    pub const ALL: [Self; 4] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA];

    /// The `alg` on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that `alg`, compared exactly; `None` for any other, `none` among them. What we call
    /// `EdDSA` is also known as `Ed25519` (RFC 9864 §2.2).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// Every `alg` that [`Self::named`] knows: what others may sign with.
    pub const KNOWN: [&str; 5] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];
}

impl ClientApplication {
    pub(super) fn parse(value: Value) -> Result<Self, Invalid> {
        let client: Self = read(value)?;
        check_slug(client.id.as_ref().map(ClientId::as_str))?;
        check_name(&client.name)?;
        for (index, uri) in client.redirect_uris.iter().enumerate() {
            check_redirect_uri(uri, client.client_type)
                .map_err(|problem| Invalid::new(format!("redirectUris[{index}]"), problem))?;
        }
        for (index, uri) in client.post_logout_redirect_uris.iter().enumerate() {
            check_redirect_uri(uri, client.client_type).map_err(|problem| {
                Invalid::new(format!("postLogoutRedirectUris[{index}]"), problem)
            })?;
        }
        for (index, origin) in client.allowed_origins.iter().enumerate() {
            check_origin(origin)
                .map_err(|problem| Invalid::new(format!("allowedOrigins[{index}]"), problem))?;
        }
        for (field, uri) in [
            ("initiateLoginUri", &client.initiate_login_uri),
            ("backchannelLogoutUri", &client.backchannel_logout_uri),
            ("frontchannelLogoutUri", &client.frontchannel_logout_uri),
        ] {
            uri.as_deref()
                .map_or(Ok(()), check_web_address)
                .map_err(|problem| Invalid::new(field, problem))?;
        }
        client.check_keys()?;
        client.check_frontchannel()?;
        client.check_resources()?;
        client.claim_mapping()?;
        client.check_switches()?;
        Ok(client)
    }

    fn check_keys(&self) -> Result<(), Invalid> {
        let signs = self.signs_assertions();
        if let Some(jwks) = &self.jwks {
            check_jwks(jwks)?;
        }
        if let Some(uri) = &self.jwks_uri {
            check_url("jwksUri", uri)?;
        }
        match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => {
                Err(Invalid::new("jwksUri", "is for keys that are not given by `jwks`"))
            }
            (None, None) if signs => {
                Err(Invalid::new("jwks", "private_key_jwt needs `jwks` or `jwksUri`"))
            }
            _ if signs && self.secret.is_some() => {
                Err(Invalid::new("secret", "an application with private_key_jwt has none"))
            }
            _ => Ok(()),
        }
    }

    /// RFC 8707 §2: absolute, without a fragment.
    fn check_resources(&self) -> Result<(), Invalid> {
        let will_do = |uri: &String| Url::parse(uri).is_ok_and(|url| url.fragment().is_none());
        match self.resources.iter().position(|uri| !will_do(uri)) {
            Some(index) => {
                let problem = "is no absolute URI without fragment, as in https://fhir.example";
                Err(Invalid::new(format!("resources[{index}]"), problem))
            }
            None => Ok(()),
        }
    }

    /// Whoever may receive codes may be opened in a frame (OIDC Front-Channel Logout 1.0 §2).
    fn check_frontchannel(&self) -> Result<(), Invalid> {
        let origin = |uri: &String| Url::parse(uri).ok().map(|url| url.origin());
        let Some(uri) = &self.frontchannel_logout_uri else { return Ok(()) };
        if self.redirect_uris.iter().any(|redirect| origin(redirect) == origin(uri)) {
            return Ok(());
        }
        Err(Invalid::new("frontchannelLogoutUri", "has not the origin of a redirect URI"))
    }

    fn check_switches(&self) -> Result<(), Invalid> {
        let public = self.client_type == ClientType::Public;
        let refuse = |path: &str, problem: &str| Err(Invalid::new(path, problem));
        if public && self.secret.is_some() {
            return refuse("secret", "a public client has none");
        }
        if public && !self.require_pkce {
            return refuse("requirePkce", "only a confidential client may go without");
        }
        if public != (self.auth_method() == TokenEndpointAuthMethod::None) {
            return refuse("tokenEndpointAuthMethod", "`none` is for public clients, and only it");
        }
        if public && self.grant_types.contains(&GrantType::ClientCredentials) {
            return refuse("grantTypes", "client_credentials needs a confidential client");
        }
        let exchanges = self.grant_types.contains(&GrantType::TokenExchange);
        if public && exchanges {
            return refuse("grantTypes", "token exchange needs a confidential client");
        }
        if exchanges == self.exchange_audiences.is_empty() {
            return refuse(
                "exchangeAudiences",
                "are the resources that tokens may be exchanged for; they go with that grant type",
            );
        }
        if public && !self.audiences.is_empty() {
            return refuse(
                "audiences",
                "are for confidential clients: anybody can speak for others",
            );
        }
        if self.require_signed_request_object && !self.has_keys() {
            return refuse("requireSignedRequestObject", "needs `jwks` or `jwksUri`");
        }
        if self.secret.as_ref().is_some_and(|secret| secret.len() < 16) {
            return refuse("secret", "is at least 16 characters; leave it out to have one made");
        }
        if !(300..=3600).contains(&self.access_token_lifetime_seconds) {
            return refuse("accessTokenLifetimeSeconds", "is 300 to 3600");
        }
        if self.grant_types.contains(&GrantType::AuthorizationCode) && self.redirect_uris.is_empty()
        {
            return refuse("redirectUris", "authorization_code needs at least one");
        }
        Ok(())
    }

    /// Its own claims, ready to be computed.
    ///
    /// # Errors
    /// [`Invalid`] where a rule will not do; never of an application that was parsed.
    pub fn claim_mapping(&self) -> Result<ClaimMapping, Invalid> {
        ClaimMapping::new(&self.claims, &self.scopes)
    }

    /// The configured method, else what the client type implies.
    #[must_use]
    pub fn auth_method(&self) -> TokenEndpointAuthMethod {
        self.token_endpoint_auth_method.unwrap_or(match self.client_type {
            ClientType::Public => TokenEndpointAuthMethod::None,
            ClientType::Confidential => TokenEndpointAuthMethod::ClientSecretBasic,
        })
    }

    /// The algorithms that we sign with for it: ID tokens, access tokens, userinfo.
    pub fn signing_algs(&self) -> impl Iterator<Item = SigningAlg> {
        let always = [self.id_token_signed_response_alg, self.access_token_signed_response_alg];
        always.into_iter().chain(self.userinfo_signed_response_alg)
    }

    /// Whether it authenticates with a JWT that it signs (RFC 7523 §2.2).
    #[must_use]
    pub fn signs_assertions(&self) -> bool {
        self.auth_method() == TokenEndpointAuthMethod::PrivateKeyJwt
    }

    /// Whether it has registered keys that its signatures are verified with.
    #[must_use]
    pub const fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    /// Whether it authenticates by a secret.
    #[must_use]
    pub fn needs_secret(&self) -> bool {
        match self.auth_method() {
            TokenEndpointAuthMethod::ClientSecretBasic
            | TokenEndpointAuthMethod::ClientSecretPost => true,
            TokenEndpointAuthMethod::None | TokenEndpointAuthMethod::PrivateKeyJwt => false,
        }
    }

    /// Whether its sign-ins bring refresh tokens.
    #[must_use]
    pub fn may_refresh(&self) -> bool {
        self.grant_types.contains(&GrantType::RefreshToken)
    }

    /// Whether it may have tokens for this resource.
    #[must_use]
    pub fn allows_resource(&self, resource: &str) -> bool {
        self.resources.iter().any(|registered| registered == resource)
    }

    /// Whether `uri` is registered: compared exactly, except that the port of a loopback address may
    /// vary for a public client (RFC 9700 §2.1, RFC 8252 §7.3).
    #[must_use]
    pub fn allows_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| {
            registered == uri
                || (self.client_type == ClientType::Public && differs_by_port_only(registered, uri))
        })
    }
}

/// A JWK Set without a private or symmetric key.
fn check_jwks(jwks: &Value) -> Result<(), Invalid> {
    let keys = jwks.get("keys").and_then(Value::as_array).filter(|keys| !keys.is_empty());
    let keys = keys.ok_or_else(|| Invalid::new("jwks", "is a JWK Set: { keys: [ … ] }"))?;
    for (index, key) in keys.iter().enumerate() {
        let secret = ["d", "p", "q", "k"].iter().any(|member| key.get(member).is_some());
        if secret || !key.is_object() {
            let problem = "is no public key; register the public half alone";
            return Err(Invalid::new(format!("jwks.keys[{index}]"), problem));
        }
    }
    Ok(())
}

fn yes() -> bool {
    true
}

fn code_only() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode]
}

fn default_scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn es256() -> SigningAlg {
    SigningAlg::ES256
}

fn quarter_hour() -> i64 {
    900
}

#[cfg(test)]
mod tests;
