//! The token request: who asks, for what, and why not (RFC 6749 §4.1.3, §4.4, §5.2).

use serde::Serialize;

use super::{AssertionFault, ErrorCode, ExchangeRequest, Named, Parameters, ProofFault};
use crate::{
    crypto::{same, sha256_base64url},
    domain::{
        login::AuthorizationRequest,
        resource::{ClientApplication, GrantType},
        words::UnixTime,
    },
};

/// Why a token request is refused. Each variant is one fact about the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("grant_type is missing")]
    NoGrantType,
    #[error("this grant_type is not offered")]
    GrantType,
    #[error("the application is not registered for this grant_type")]
    ForeignGrantType,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("the Authorization header is not Basic with client_id and secret")]
    Authorization,
    #[error("the request does not say which application it comes from")]
    NoClient,
    #[error("the application authenticates in two ways at once")]
    TwoCredentials,
    #[error("there is no such application")]
    UnknownClient,
    #[error("the application does not authenticate as it is registered")]
    AuthMethod,
    #[error("the client secret is wrong")]
    WrongSecret,
    #[error(transparent)]
    Assertion(#[from] AssertionFault),
    #[error(transparent)]
    Proof(#[from] ProofFault),
    #[error("the DPoP proof is made with another key than the code or token is bound to")]
    OtherKey,
    #[error("there is no such authorization code")]
    UnknownCode,
    #[error("the code was issued to another application")]
    ForeignCode,
    #[error("the code was redeemed before")]
    ReplayedCode,
    #[error("the code has expired")]
    ExpiredCode,
    #[error("the redirect_uri is not the one of the authorization request")]
    OtherRedirectUri,
    #[error("the code_verifier does not fit the code_challenge")]
    WrongVerifier,
    #[error("there is no such device code, or what came of it was told before")]
    UnknownDeviceCode,
    #[error("the device code was issued to another application")]
    ForeignDeviceCode,
    #[error("the device code has expired")]
    ExpiredDeviceCode,
    #[error("nobody has let the device in yet")]
    AuthorizationPending,
    #[error("nobody has let the device in yet, and it asks too often")]
    SlowDown,
    #[error("the person did not let the device in")]
    DeviceDenied,
    #[error("there is no such refresh token")]
    UnknownRefreshToken,
    #[error("the refresh token was issued to another application")]
    ForeignRefreshToken,
    #[error("the refresh token was used before")]
    ReplayedRefreshToken,
    #[error("the refresh token has expired")]
    ExpiredRefreshToken,
    #[error("the token was issued to another application")]
    ForeignToken,
    #[error("the sign-in behind it has ended")]
    SessionEnded,
    #[error("the scope is not one of this application's")]
    Scope,
    #[error("{0} is not urn:ietf:params:oauth:token-type:access_token")]
    TokenType(&'static str),
    #[error("actor_token is not offered: who acts is the application that asks")]
    ActorToken,
    #[error(
        "the subject_token is no access token of a person's that this application may exchange"
    )]
    Subject,
    #[error("the application may not have tokens for this audience or resource")]
    Target,
}

impl Refusal {
    /// The word for it on the wire (RFC 6749 §5.2).
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoGrantType | Self::Missing(_) | Self::TwoCredentials => {
                ErrorCode::InvalidRequest
            }
            Self::GrantType => ErrorCode::UnsupportedGrantType,
            Self::ForeignGrantType => ErrorCode::UnauthorizedClient,
            Self::NoClient
            | Self::Authorization
            | Self::UnknownClient
            | Self::AuthMethod
            | Self::WrongSecret
            | Self::Assertion(_) => ErrorCode::InvalidClient,
            Self::Proof(_) => ErrorCode::InvalidDpopProof,
            Self::UnknownCode
            | Self::ForeignCode
            | Self::ReplayedCode
            | Self::ExpiredCode
            | Self::OtherRedirectUri
            | Self::WrongVerifier
            | Self::OtherKey
            | Self::UnknownRefreshToken
            | Self::ForeignRefreshToken
            | Self::ReplayedRefreshToken
            | Self::ExpiredRefreshToken
            | Self::UnknownDeviceCode
            | Self::ForeignDeviceCode
            | Self::ForeignToken
            | Self::SessionEnded => ErrorCode::InvalidGrant,
            Self::ExpiredDeviceCode => ErrorCode::ExpiredToken,
            Self::AuthorizationPending => ErrorCode::AuthorizationPending,
            Self::SlowDown => ErrorCode::SlowDown,
            Self::DeviceDenied => ErrorCode::AccessDenied,
            Self::Scope => ErrorCode::InvalidScope,
            Self::TokenType(_) | Self::ActorToken | Self::Subject => ErrorCode::InvalidRequest,
            Self::Target => ErrorCode::InvalidTarget,
        }
    }
}

/// What is asked of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRequest {
    Code { code: String, redirect_uri: String, code_verifier: Option<String> },
    ClientCredentials { scope: Vec<String> },
    Refresh { refresh_token: String, scope: Vec<String> },
    Exchange(ExchangeRequest),
    Device { device_code: String },
}

/// A successful answer (RFC 6749 §5.1, OIDC Core §3.1.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    /// `Bearer`, or `DPoP` (RFC 9449 §5).
    pub token_type: &'static str,
    /// Only after an exchange (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    /// Seconds.
    pub expires_in: i64,
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The organization and the person, for clients that want them at once (not of any standard).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Named>,
}

impl TokenRequest {
    /// Reads what is asked for.
    ///
    /// # Errors
    /// [`Refusal`] when the grant is not offered or a parameter is missing.
    pub fn read(parameters: &Parameters) -> Result<Self, Refusal> {
        let owned = |name: &'static str| parameters.owned(name).ok_or(Refusal::Missing(name));
        match parameters.get("grant_type") {
            Some("authorization_code") => Ok(Self::Code {
                code: owned("code")?,
                redirect_uri: owned("redirect_uri")?,
                code_verifier: parameters.owned("code_verifier"),
            }),
            Some("client_credentials") => {
                Ok(Self::ClientCredentials { scope: parameters.words("scope") })
            }
            Some("refresh_token") => Ok(Self::Refresh {
                refresh_token: owned("refresh_token")?,
                scope: parameters.words("scope"),
            }),
            Some("urn:ietf:params:oauth:grant-type:device_code") => {
                Ok(Self::Device { device_code: owned("device_code")? })
            }
            Some("urn:ietf:params:oauth:grant-type:token-exchange") => {
                Ok(Self::Exchange(ExchangeRequest::read(parameters)?))
            }
            Some(_) => Err(Refusal::GrantType),
            None => Err(Refusal::NoGrantType),
        }
    }

    const fn grant_type(&self) -> GrantType {
        match self {
            Self::Code { .. } => GrantType::AuthorizationCode,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
            Self::Refresh { .. } => GrantType::RefreshToken,
            Self::Exchange(_) => GrantType::TokenExchange,
            Self::Device { .. } => GrantType::DeviceCode,
        }
    }
}

/// # Errors
/// [`Refusal::ForeignGrantType`].
pub fn check_grant_type(client: &ClientApplication, request: &TokenRequest) -> Result<(), Refusal> {
    let registered = client.grant_types.contains(&request.grant_type());
    if registered { Ok(()) } else { Err(Refusal::ForeignGrantType) }
}

/// Checks a code against the authorization that it came of. A refusal here leaves it unredeemed.
///
/// # Errors
/// [`Refusal::ExpiredCode`], [`Refusal::OtherRedirectUri`], [`Refusal::WrongVerifier`].
///
/// Source: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.8 (a verifier without a challenge is refused).
pub fn check_code(
    authorized: &AuthorizationRequest,
    expires_at: UnixTime,
    redirect_uri: &str,
    code_verifier: Option<&str>,
    now: UnixTime,
) -> Result<(), Refusal> {
    if now >= expires_at {
        return Err(Refusal::ExpiredCode);
    }
    if authorized.redirect_uri != redirect_uri {
        return Err(Refusal::OtherRedirectUri);
    }
    match (&authorized.code_challenge, code_verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier))
            if is_verifier(verifier) && same(sha256_base64url(verifier), challenge) =>
        {
            Ok(())
        }
        _ => Err(Refusal::WrongVerifier),
    }
}

/// A token is for the resource that was authorized, and for no other (RFC 8707 §2.2).
///
/// # Errors
/// [`Refusal::Target`].
pub fn check_target(authorized: &AuthorizationRequest, asked: Option<&str>) -> Result<(), Refusal> {
    match asked {
        Some(asked) if authorized.resource.as_deref() != Some(asked) => Err(Refusal::Target),
        _ => Ok(()),
    }
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    let unreserved = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// The scope of a client's own token: what it asks, or all that it has beyond a person's scopes.
///
/// # Errors
/// [`Refusal::Scope`].
pub fn check_narrowed_scope(
    client: &ClientApplication,
    asked: Vec<String>,
) -> Result<Vec<String>, Refusal> {
    let personal = |scope: &String| super::SCOPES.contains(&scope.as_str());
    let own = client.scopes.iter().filter(|scope| !personal(scope));
    if asked.is_empty() {
        return Ok(own.cloned().collect());
    }
    let own: Vec<&String> = own.collect();
    if asked.iter().all(|scope| own.contains(&scope)) { Ok(asked) } else { Err(Refusal::Scope) }
}

/// The scope of refreshed tokens: what was granted and is still registered, or less when less is asked.
///
/// # Errors
/// [`Refusal::Scope`] when more is asked than was granted (RFC 6749 §6).
pub fn check_refreshed_scope(
    granted: &[String],
    registered: &[String],
    asked: &[String],
) -> Result<Vec<String>, Refusal> {
    if asked.iter().any(|scope| !granted.contains(scope)) {
        return Err(Refusal::Scope);
    }
    let kept =
        |scope: &&String| registered.contains(scope) && (asked.is_empty() || asked.contains(scope));
    Ok(granted.iter().filter(kept).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refreshed_scope_may_shrink_and_never_grows() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (granted, registered, asked, expected) in [
            ("openid email", "openid email", "", Some("openid email")),
            ("openid email", "openid email", "openid", Some("openid")),
            ("openid email", "openid", "", Some("openid")),
            ("openid", "openid email", "email", None),
            ("openid", "openid", "foo", None),
        ] {
            let checked = check_refreshed_scope(&words(granted), &words(registered), &words(asked));
            assert_eq!(checked.ok(), expected.map(words), "{granted} {registered} {asked}");
        }
    }

    #[test]
    fn a_code_needs_its_time_its_uri_and_its_verifier() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let mut authorized =
            AuthorizationRequest::new("shop".into(), "https://shop.example/cb".into());
        authorized.code_challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into());
        let other = "a".repeat(43);
        for (uri, given, now, expected) in [
            ("https://shop.example/cb", Some(verifier), 59, Ok(())),
            ("https://shop.example/cb", Some(verifier), 60, Err(Refusal::ExpiredCode)),
            ("https://shop.example/", Some(verifier), 59, Err(Refusal::OtherRedirectUri)),
            ("https://shop.example/cb", Some(other.as_str()), 59, Err(Refusal::WrongVerifier)),
            ("https://shop.example/cb", Some("short"), 59, Err(Refusal::WrongVerifier)),
            ("https://shop.example/cb", None, 59, Err(Refusal::WrongVerifier)),
        ] {
            let checked = check_code(&authorized, UnixTime(60), uri, given, UnixTime(now));
            assert_eq!(checked, expected, "{uri} {given:?} {now}");
        }
        authorized.code_challenge = None;
        let downgraded = check_code(
            &authorized,
            UnixTime(60),
            "https://shop.example/cb",
            Some(verifier),
            UnixTime(0),
        );
        assert_eq!(downgraded, Err(Refusal::WrongVerifier), "a verifier without a challenge");
    }
}
