//! One person signing in once: what was asked for, and how far it has come.

use serde::{Deserialize, Serialize};

use super::{
    identity::ExternalIdentity,
    trace::Trace,
    words::{ClientId, IdpId, LoginId, RequestId, SessionId, UnixTime, UserId},
};

/// How long a person may take from the authorization request to the code, in seconds.
pub const LIFETIME: i64 = 1_800;

/// One sign-in, from `/oauth2/authorize` (or `/login`) to the code (or our own page).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Login {
    pub id: LoginId,
    pub destination: Destination,
    pub stage: Stage,
    pub started_at: UnixTime,
    /// The checks made so far; values about the person are kept only while capture is on.
    pub trace: Trace,
}

/// Where the person goes once signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Destination {
    /// Back to the application that asked.
    Client(Box<AuthorizationRequest>),
    /// To an application that has not asked yet: it is told to begin (OIDC Core §4).
    Landing { client: ClientId },
    /// To one of our own pages; a path that starts with one `/`.
    Own { return_to: String },
}

/// An authorization request whose every parameter was checked (OIDC Core §3.1.2.1, RFC 7636 §4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: ClientId,
    pub redirect_uri: String,
    #[serde(default, skip_serializing_if = "ResponseMode::is_query")]
    pub response_mode: ResponseMode,
    pub scope: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// S256 of the verifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// Thumbprint of the key that the code is bound to (`dpop_jkt`, RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// The resource that the access token is for (RFC 8707 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The provider that the application wants, by our `idp` parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<IdpId>,
    /// A sign-in older than this does not count (`max_age`; `prompt=login` means now).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated_after: Option<UnixTime>,
    /// The authentication context classes asked for (`acr_values`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// Claims that were asked for by name (`claims`).
    #[serde(default, skip_serializing_if = "RequestedClaims::is_empty")]
    pub claims: RequestedClaims,
    /// Nothing may be shown to the person (`prompt=none`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// The person is asked again what he may have agreed to before (`prompt=consent`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consent: bool,
    /// Nobody else will do (`id_token_hint`, or `sub` in `claims`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<UserId>,
    /// The digest of the `request_uri` that it was pushed under (RFC 9126).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<String>,
}

/// How the answer travels to the redirect URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query (OAuth 2.0 Multiple Response Types §2.1).
    #[default]
    Query,
    /// In the fragment, which no server sees (same section).
    Fragment,
    /// By a form that the browser posts (OAuth 2.0 Form Post Response Mode §2).
    FormPost,
}

impl ResponseMode {
    /// The mode of this name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "query" => Some(Self::Query),
            "fragment" => Some(Self::Fragment),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }

    const fn is_query(&self) -> bool {
        matches!(self, Self::Query)
    }
}

impl AuthorizationRequest {
    /// A request for nothing in particular, answered in the query.
    #[must_use]
    pub fn new(client_id: ClientId, redirect_uri: String) -> Self {
        Self {
            client_id,
            redirect_uri,
            response_mode: ResponseMode::default(),
            scope: Vec::new(),
            state: None,
            nonce: None,
            code_challenge: None,
            dpop_jkt: None,
            resource: None,
            login_hint: None,
            idp: None,
            authenticated_after: None,
            acr_values: Vec::new(),
            claims: RequestedClaims::default(),
            silent: false,
            consent: false,
            subject: None,
            pushed: None,
        }
    }
}

/// Claims asked for by name, beside the scope (OIDC Core §5.5); each one that the application could also
/// have by a scope of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestedClaims {
    pub userinfo: Vec<String>,
    pub id_token: Vec<String>,
}

impl RequestedClaims {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }
}

/// Where a login stands.
///
/// Choosing ──sent_to──▶ AtProvider ──proven──▶ Proven ──▶ signed in, the login is gone
///
/// Unsolicited ──the person agrees──▶ signed in
///
/// Consenting ──the person allows it──▶ the application has its answer
///
/// A person may go back and choose again at any time before `Proven`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    Choosing,
    AtProvider {
        idp: IdpId,
        errand: Errand,
        sent_at: UnixTime,
    },
    /// The provider's answer was verified; it waits for the browser that began the login.
    Proven {
        who: Box<ExternalIdentity>,
        at: UnixTime,
    },
    /// The person is signed in by this session, and has yet to say what the application may know of him.
    Consenting {
        session: SessionId,
    },
    /// A provider proved who somebody is though nobody had asked: no browser began this login, and the
    /// person has yet to say that he is meant.
    Unsolicited {
        who: Box<ExternalIdentity>,
        at: UnixTime,
    },
}

/// What we must remember to recognise the provider's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Errand {
    /// SAML: the `ID` of our `AuthnRequest`; in a federation the entityID of the member it went to.
    Saml {
        request: RequestId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entity: Option<String>,
    },
    /// OpenID Connect: `nonce` and PKCE `code_verifier`.
    Oidc { nonce: String, code_verifier: String },
}

/// How a person proved who he is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    pub user: UserId,
    /// Absent: with a password of ours.
    pub idp: Option<IdpId>,
    pub auth_time: UnixTime,
    /// RFC 8176 values.
    pub amr: Vec<String>,
    pub acr: Option<String>,
}

/// A step was taken that the login's stage does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this login does not wait for {0}")]
pub struct OutOfTurn(pub &'static str);

impl Login {
    #[must_use]
    pub fn new(id: LoginId, destination: Destination, now: UnixTime) -> Self {
        let trace = Trace::default();
        Self { id, destination, stage: Stage::Choosing, started_at: now, trace }
    }

    /// A login that nobody here has begun.
    #[must_use]
    pub fn unsolicited(
        id: LoginId,
        destination: Destination,
        who: ExternalIdentity,
        now: UnixTime,
    ) -> Self {
        let stage = Stage::Unsolicited { who: Box::new(who), at: now };
        Self { stage, ..Self::new(id, destination, now) }
    }

    /// A person is signed in and waits to be asked.
    #[must_use]
    pub fn consenting(
        id: LoginId,
        request: AuthorizationRequest,
        session: SessionId,
        now: UnixTime,
    ) -> Self {
        let destination = Destination::Client(Box::new(request));
        Self { stage: Stage::Consenting { session }, ..Self::new(id, destination, now) }
    }

    /// The first second at which the login is too old to go on.
    #[must_use]
    pub const fn expires_at(&self) -> UnixTime {
        self.started_at.plus(LIFETIME)
    }

    /// The browser leaves for `idp`. Choosing again simply forgets the earlier errand.
    ///
    /// # Errors
    /// [`OutOfTurn`] when the person is already proven.
    pub fn sent_to(self, idp: IdpId, errand: Errand, now: UnixTime) -> Result<Self, OutOfTurn> {
        match self.stage {
            Stage::Choosing | Stage::AtProvider { .. } => {
                Ok(Self { stage: Stage::AtProvider { idp, errand, sent_at: now }, ..self })
            }
            Stage::Proven { .. } | Stage::Unsolicited { .. } | Stage::Consenting { .. } => {
                Err(OutOfTurn("a choice of provider"))
            }
        }
    }

    /// The provider's answer was verified.
    ///
    /// # Errors
    /// [`OutOfTurn`] unless the login waits for exactly this provider.
    pub fn proven(self, who: ExternalIdentity, now: UnixTime) -> Result<Self, OutOfTurn> {
        match &self.stage {
            Stage::AtProvider { idp, .. } if *idp == who.provider => {
                Ok(Self { stage: Stage::Proven { who: Box::new(who), at: now }, ..self })
            }
            _ => Err(OutOfTurn("an answer from this provider")),
        }
    }

    /// The provider was left without success; the person may choose again.
    #[must_use]
    pub fn back_to_choice(self) -> Self {
        Self { stage: Stage::Choosing, ..self }
    }

    /// The application that waits at the end, if one does.
    #[must_use]
    pub fn client(&self) -> Option<&AuthorizationRequest> {
        match &self.destination {
            Destination::Client(request) => Some(request),
            Destination::Landing { .. } | Destination::Own { .. } => None,
        }
    }
}

/// Whether `path` is a page of ours that a login may end at: one leading `/`, no way out of the origin.
#[must_use]
pub fn is_own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 2_000
        && !path.contains(['\\', '\r', '\n', '\t'])
        && path.chars().all(|c| !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{mapping::Mapping, presets::Protocol};

    fn login() -> Login {
        Login::new("l".into(), Destination::Own { return_to: "/account".into() }, UnixTime(0))
    }

    fn person(idp: &str) -> ExternalIdentity {
        let statement = crate::domain::identity::Statement {
            subject: Some("ada".into()),
            ..Default::default()
        };
        Mapping::new(Default::default(), Protocol::Saml)
            .expect("empty mapping")
            .identify(&idp.into(), statement, &mut Trace::default())
            .expect("named")
    }

    #[test]
    fn only_the_provider_that_was_asked_may_answer() {
        let errand = Errand::Saml { request: "_1".into(), entity: None };
        let sent = login().sent_to("a".into(), errand.clone(), UnixTime(1)).expect("in turn");
        assert!(login().proven(person("a"), UnixTime(2)).is_err(), "nobody was asked");
        assert!(sent.clone().proven(person("b"), UnixTime(2)).is_err(), "another was asked");
        let proven = sent.proven(person("a"), UnixTime(2)).expect("asked");
        assert!(proven.sent_to("b".into(), errand, UnixTime(3)).is_err(), "already proven");
    }

    #[test]
    fn own_paths_stay_at_home() {
        for (path, ok) in [
            ("/account", true),
            ("/admin?x=1", true),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("account", false),
            ("/a\r\nSet-Cookie: x", false),
        ] {
            assert_eq!(is_own_path(path), ok, "{path:?}");
        }
    }
}
