//! What an application may know of a token (RFC 7662 §2.2).

use serde::Serialize;

use super::AccessToken;
use crate::domain::words::{ClientId, SessionId, UnixTime, UserId};

/// The answer of the introspection endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(flatten)]
    claims: Claims,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Claims {
    /// Nothing more is told of a token that is not active.
    None {},
    Access(Box<AccessToken>),
    Refresh(Box<RefreshClaims>),
}

/// What is told of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefreshClaims {
    pub iss: String,
    pub sub: UserId,
    pub client_id: ClientId,
    pub scope: String,
    pub iat: UnixTime,
    pub exp: UnixTime,
    pub sid: SessionId,
}

/// The same as claims to sign (RFC 9701 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedIntrospection {
    iss: String,
    aud: ClientId,
    iat: UnixTime,
    token_introspection: Introspection,
}

impl Introspection {
    #[must_use]
    pub fn for_signing(self, issuer: &str, aud: ClientId, now: UnixTime) -> SignedIntrospection {
        SignedIntrospection { iss: issuer.to_owned(), aud, iat: now, token_introspection: self }
    }

    #[must_use]
    pub const fn inactive() -> Self {
        Self { active: false, token_type: None, claims: Claims::None {} }
    }

    #[must_use]
    pub fn access(access: AccessToken) -> Self {
        let token_type = Some(access.token_type());
        Self { active: true, token_type, claims: Claims::Access(Box::new(access)) }
    }

    #[must_use]
    pub fn refresh(claims: RefreshClaims) -> Self {
        Self { active: true, token_type: None, claims: Claims::Refresh(Box::new(claims)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inactive_token_has_no_claims() {
        let json = serde_json::to_string(&Introspection::inactive()).expect("JSON");
        assert_eq!(json, r#"{"active":false}"#);
    }
}
