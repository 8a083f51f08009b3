//! Why an answer of a provider is not believed, and how to mend it.

use crate::domain::trace::{Actual, Trace, Words};

/// Why an answer is not believed. Each variant is one fact; values of a person are never inside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    // Metadata and keys.
    #[error("the provider's metadata cannot be read: {0}")]
    Metadata(String),
    #[error("the metadata is of issuer `{found}`, not of `{configured}`")]
    ForeignMetadata { configured: String, found: String },
    #[error("`{name}` in the metadata is not an https URL")]
    Endpoint { name: &'static str },
    #[error("the metadata names no `{0}`")]
    NoEndpoint(&'static str),
    #[error("the provider's key set cannot be read: {0}")]
    KeySet(String),

    // The way there.
    #[error("the client secret is missing")]
    NoClientSecret,
    #[error("the request to the provider cannot be built")]
    Unbuildable,

    // The callback.
    #[error("the callback names `{0}` more than once")]
    RepeatedParameter(String),
    #[error("the callback is of issuer `{0}`")]
    ForeignCallback(String),
    #[error("the callback does not say which issuer it is of")]
    AnonymousCallback,
    #[error("the provider answers with the error `{0}`")]
    Refused(String),
    #[error("the callback carries no code")]
    NoCode,

    // The token endpoint.
    #[error("the token endpoint refuses the code with `{0}`")]
    TokenRefused(String),
    #[error("the token endpoint answers with status {0} and no OAuth error")]
    TokenStatus(u16),
    #[error("the token answer cannot be read: {0}")]
    TokenAnswer(String),
    #[error("the token answer has no ID token")]
    NoIdToken,
    #[error("the access token is of another type than Bearer")]
    TokenType,

    // The ID token.
    #[error("the ID token is not a signed JSON Web Token")]
    NotSigned,
    #[error("the header of the ID token demands extensions that we do not have")]
    Critical,
    #[error("the token is of type `{0}`, not an ID token")]
    OtherType(String),
    #[error("the ID token is signed with `{0}`, which is not the configured algorithm")]
    OtherAlgorithm(String),
    #[error("the ID token is signed with a key that the provider does not publish")]
    UnknownKey,
    #[error("the key that the ID token names cannot be used for the configured algorithm")]
    UnfitKey,
    #[error("none of the provider's keys verifies the ID token, which names none")]
    NoKeyVerifies,
    #[error("the signature of the ID token is wrong")]
    BadSignature,
    #[error("the claims of the ID token are not one JSON object with unique names")]
    Claims,
    #[error("the ID token is of issuer `{0}`")]
    OtherIssuer(String),
    #[error("the ID token is not for us")]
    OtherAudience,
    #[error("the ID token was issued to another party than us")]
    OtherParty,
    #[error("the ID token does not say until when it is good")]
    NoExpiry,
    #[error("the ID token is expired")]
    Expired,
    #[error("the ID token does not say when it was issued")]
    NoIssuedAt,
    #[error("the ID token was issued in the future")]
    IssuedInFuture,
    #[error("the ID token is not good yet")]
    NotYetValid,
    #[error("the ID token has no nonce")]
    NoNonce,
    #[error("the ID token has the nonce of another login")]
    OtherNonce,
    #[error("the ID token has no usable subject")]
    NoSubject,
    #[error("the access token is not the one that the ID token was issued with")]
    OtherAccessToken,
    #[error("the ID token does not say when the person signed in")]
    NoAuthTime,
    #[error("the person signed in too long ago")]
    StaleAuthentication,
    #[error("the person signed in in the future")]
    AuthenticatedInFuture,

    // UserInfo.
    #[error("the UserInfo endpoint answers with status {0}")]
    UserInfoStatus(u16),
    #[error("the UserInfo endpoint answers with a signed or encrypted token")]
    SignedUserInfo,
    #[error("the UserInfo answer cannot be read: {0}")]
    UserInfoAnswer(String),
    #[error("UserInfo is about another person than the ID token")]
    OtherUserInfo,
}

impl Rejection {
    /// Whether newer keys of the provider may change the verdict: fetch them once and try again.
    /// A wrong signature is among them, because some providers give a new key the old name.
    #[must_use]
    pub const fn wants_newer_keys(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::NoKeyVerifies | Self::BadSignature)
    }

    /// How an administrator mends it.
    #[must_use]
    pub const fn mend(&self) -> &'static str {
        match self {
            Self::Metadata(_) | Self::KeySet(_) => {
                "Open the address in a browser: it must show the provider's JSON. Check `issuer`."
            }
            Self::ForeignMetadata { .. } | Self::OtherIssuer(_) => {
                "Set `issuer` to exactly what the provider calls itself; a final slash counts."
            }
            Self::Endpoint { .. } | Self::NoEndpoint(_) => {
                "The provider must publish its endpoints with https addresses."
            }
            Self::NoClientSecret => {
                "Enter the client secret, or set `tokenEndpointAuthMethod` to `none`."
            }
            Self::Unbuildable => "Check `clientId` and the redirect address for odd characters.",
            Self::RepeatedParameter(_) | Self::NoCode => {
                "Look for a proxy or a plug-in that changes addresses between provider and us."
            }
            Self::ForeignCallback(_) | Self::AnonymousCallback => {
                "Another provider may have answered. Check that this provider's registration alone \
                 has our redirect address."
            }
            Self::Refused(_) => {
                "The provider refused the person or the request; its own log says why. Check \
                 `scopes` and whether the person is assigned to us."
            }
            Self::TokenRefused(_) => {
                "Check `clientId`, the client secret, `tokenEndpointAuthMethod`, and that our \
                 redirect address is registered exactly. The secret may have expired."
            }
            Self::TokenStatus(_) | Self::TokenAnswer(_) | Self::TokenType => {
                "The token endpoint does not answer as OAuth demands; look at the provider's log."
            }
            Self::NoIdToken => "Add `openid` to `scopes` and register us for OpenID Connect.",
            Self::NotSigned | Self::Critical | Self::OtherType(_) | Self::Claims => {
                "The provider must issue plain signed ID tokens, not encrypted or opaque ones."
            }
            Self::OtherAlgorithm(_) => {
                "Set `idTokenSignedResponseAlg` to what the provider is registered to sign with \
                 for us."
            }
            Self::UnknownKey | Self::UnfitKey | Self::NoKeyVerifies | Self::BadSignature => {
                "Compare the keys at the provider's `jwks_uri` with those it signs with; after a \
                 change of keys wait a minute."
            }
            Self::OtherAudience | Self::OtherParty => {
                "Set `clientId` to the identifier under which the provider knows us."
            }
            Self::NoExpiry | Self::NoIssuedAt | Self::NoSubject => {
                "The provider's ID tokens lack a claim that OpenID Connect demands."
            }
            Self::Expired
            | Self::IssuedInFuture
            | Self::NotYetValid
            | Self::AuthenticatedInFuture => {
                "Compare the clocks of the provider and of this server; both need NTP."
            }
            Self::NoNonce | Self::OtherNonce | Self::OtherAccessToken => {
                "The answer belongs to another login. If it happens again without a second \
                 browser tab, the provider is at fault or somebody injects answers."
            }
            Self::NoAuthTime => "The provider must support `max_age` and send `auth_time`.",
            Self::StaleAuthentication => {
                "The provider did not ask the person again although we demanded it."
            }
            Self::UserInfoStatus(_) | Self::UserInfoAnswer(_) => {
                "The UserInfo endpoint must accept the access token that came with the ID token."
            }
            Self::SignedUserInfo => "Register us for plain JSON UserInfo answers.",
            Self::OtherUserInfo => {
                "ID token and UserInfo must name the same subject; the provider is at fault."
            }
        }
    }
}

/// One check: a step in the trace either way, and `rejection` when it failed.
pub(super) fn check(
    trace: &mut Trace,
    name: &'static str,
    expected: impl Into<Words>,
    actual: Actual,
    outcome: Result<(), Rejection>,
) -> Result<(), Rejection> {
    match &outcome {
        Ok(()) => trace.passed(name, expected, actual),
        Err(rejection) => trace.failed(name, expected, actual, rejection.mend()),
    }
    outcome
}

/// `rejection` unless `good`.
pub(super) fn ensure(good: bool, rejection: Rejection) -> Result<(), Rejection> {
    if good { Ok(()) } else { Err(rejection) }
}

/// A text of somebody else's, short and without control characters, fit for a log line.
pub(super) fn tame(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
