//! The authorization request: its rules in the order in which they are asked (OIDC Core §3.1.2.2).

use serde_json::Value;

use super::{ErrorCode, ObjectFault, Parameters};
use crate::domain::{
    login::{AuthorizationRequest, RequestedClaims, ResponseMode},
    resource::{ClientApplication, GrantType},
    words::{IdpId, UnixTime, UserId},
};

/// `state` and `nonce` are kept and given back; longer ones are refused.
pub(super) const LONGEST_VALUE: usize = 2_048;

const OFFLINE: &str = "offline_access";

/// The parameters that mean something here, in the words of the standards, and `idp`. Any other is ignored,
/// however often it comes (RFC 6749 §3.1).
const KNOWN: [&str; 24] = [
    "acr_values",
    "claims",
    "claims_locales",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "display",
    "dpop_jkt",
    "id_token_hint",
    "idp",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "ui_locales",
];

/// Why there is nowhere to redirect to: the person sees a page, the application nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unredirectable {
    #[error("the request has no client_id, or more than one")]
    NoClient,
    #[error("there is no application with this client_id")]
    UnknownClient,
    #[error("the request has no redirect_uri, or more than one")]
    NoRedirectUri,
    #[error("the redirect_uri is not registered for this application")]
    ForeignRedirectUri,
    #[error("the pushed request is unknown, too old, or was used before")]
    UnknownPushed,
    #[error(transparent)]
    Object(#[from] ObjectFault),
}

/// Why a request is refused, once it is known where to say so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} was sent more than once")]
    Repeated(&'static str),
    #[error("response_type is missing")]
    NoResponseType,
    #[error("only response_type=code is offered")]
    ResponseType,
    #[error("response_mode is none of query, fragment and form_post")]
    ResponseMode,
    #[error("this application is not registered for the authorization code grant")]
    Grant,
    #[error("request objects are for applications that have registered keys")]
    RequestObject,
    #[error("only a request_uri of our own making is taken")]
    RequestUri,
    #[error("registration by request is not offered")]
    Registration,
    #[error("the scope is not one of this application's")]
    Scope,
    #[error("a code_challenge is required")]
    NoChallenge,
    #[error("only code_challenge_method=S256 is offered")]
    ChallengeMethod,
    #[error("the code_challenge is not 43 characters of base64url")]
    Challenge,
    #[error("{0} is longer than 2048 bytes or holds control characters")]
    Value(&'static str),
    #[error("prompt=none cannot stand with other prompts")]
    PromptNone,
    #[error("this prompt is not offered")]
    Prompt,
    #[error("max_age is not a number of seconds")]
    MaxAge,
    #[error("claims is not the JSON of OpenID Connect Core, section 5.5")]
    Claims,
    #[error("the resource is not one of this application's, or there are several")]
    Resource,
    #[error("the id_token_hint is no ID token of ours, or not of the person asked for")]
    Hint,
    #[error("this application has to push its requests")]
    NotPushed,
    #[error("this application has to sign its requests")]
    NotSigned,
    #[error(transparent)]
    Object(#[from] ObjectFault),
    #[error("the DPoP proof is made with another key than dpop_jkt")]
    OtherKey,
    #[error("a request_uri cannot be pushed")]
    PushedRequestUri,
    #[error("the request is too long")]
    PushedSize,
    // Later in the login:
    #[error("the person is not signed in")]
    LoginRequired,
    #[error("the person may not sign in to this application")]
    NotAllowed,
    #[error("the sign-in was given up")]
    GivenUp,
    #[error("another person is signed in")]
    OtherPerson,
    #[error("the person has not agreed yet")]
    ConsentRequired,
    #[error("the person did not agree")]
    ConsentRefused,
}

impl Refusal {
    /// The word for it on the wire (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6).
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::ResponseType => ErrorCode::UnsupportedResponseType,
            Self::Grant => ErrorCode::UnauthorizedClient,
            Self::RequestObject => ErrorCode::RequestNotSupported,
            Self::RequestUri => ErrorCode::RequestUriNotSupported,
            Self::Object(_) => ErrorCode::InvalidRequestObject,
            Self::OtherKey => ErrorCode::InvalidDpopProof,
            Self::Registration => ErrorCode::RegistrationNotSupported,
            Self::Scope => ErrorCode::InvalidScope,
            Self::LoginRequired | Self::OtherPerson => ErrorCode::LoginRequired,
            Self::ConsentRequired => ErrorCode::ConsentRequired,
            Self::NotAllowed | Self::GivenUp | Self::ConsentRefused => ErrorCode::AccessDenied,
            Self::Resource => ErrorCode::InvalidTarget,
            Self::Repeated(_)
            | Self::NoResponseType
            | Self::ResponseMode
            | Self::NoChallenge
            | Self::ChallengeMethod
            | Self::Challenge
            | Self::Value(_)
            | Self::PromptNone
            | Self::Prompt
            | Self::MaxAge
            | Self::Claims
            | Self::Hint
            | Self::NotPushed
            | Self::NotSigned
            | Self::PushedRequestUri
            | Self::PushedSize => ErrorCode::InvalidRequest,
        }
    }
}

/// A checked request, and how the person is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub request: AuthorizationRequest,
    /// `prompt=select_account`: let the person choose a provider again.
    pub choose: bool,
}

/// Where answers to this request go: only to a URI that is registered for the client.
///
/// # Errors
/// [`Unredirectable`]; `client` is what was found under the request's `client_id`.
///
/// Source: RFC 9700 §2.1, RFC 6749 §3.1.2.4.
pub fn redirect_to(
    parameters: &Parameters,
    client: Option<&ClientApplication>,
) -> Result<String, Unredirectable> {
    if parameters.get("client_id").is_none() {
        return Err(Unredirectable::NoClient);
    }
    let client = client.ok_or(Unredirectable::UnknownClient)?;
    let uri = parameters.get("redirect_uri").ok_or(Unredirectable::NoRedirectUri)?;
    if !client.allows_redirect_to(uri) {
        return Err(Unredirectable::ForeignRedirectUri);
    }
    Ok(uri.to_owned())
}

/// Checks everything else; the order decides which error an application with several mistakes sees.
///
/// # Errors
/// [`Refusal`], to be told to `redirect_uri`.
pub fn check_request(
    parameters: &Parameters,
    client: &ClientApplication,
    redirect_uri: String,
    now: UnixTime,
) -> Result<Asked, Refusal> {
    check_repeated(parameters)?;
    check_offered(parameters, client)?;
    let prompts = check_prompts(parameters)?;
    let has = |prompt: &str| prompts.iter().any(|given| given == prompt);
    // Later than any session that is there already, also one of this very second.
    let again = has("login").then_some(now.plus(1));
    let client_id = client.id.clone().unwrap_or_else(|| "".into());
    let request = AuthorizationRequest {
        client_id,
        redirect_uri,
        response_mode: check_response_mode(parameters)?,
        scope: check_scope(parameters, client)?,
        state: check_value(parameters, "state")?,
        nonce: check_value(parameters, "nonce")?,
        code_challenge: check_challenge(parameters, client)?,
        dpop_jkt: super::dpop::read_jkt(parameters).map_err(|()| Refusal::Value("dpop_jkt"))?,
        resource: check_resource(parameters, client)?,
        login_hint: check_value(parameters, "login_hint")?,
        idp: parameters.get("idp").map(IdpId::from),
        authenticated_after: again.max(check_max_age(parameters, now)?),
        acr_values: parameters.words("acr_values"),
        claims: check_claims(parameters, client)?,
        silent: has("none"),
        consent: has("consent"),
        subject: claimed_subject(parameters),
        pushed: None,
    };
    Ok(Asked { request, choose: has("select_account") })
}

/// Each parameter comes once (RFC 6749 §3.1); several resources might be good, and are more than we grant (RFC
/// 8707 §2).
fn check_repeated(parameters: &Parameters) -> Result<(), Refusal> {
    let known = |name: &str| KNOWN.into_iter().find(|known| *known == name);
    match parameters.repeated().find_map(known) {
        None => Ok(()),
        Some("resource") => Err(Refusal::Resource),
        Some(name) => Err(Refusal::Repeated(name)),
    }
}

fn check_offered(parameters: &Parameters, client: &ClientApplication) -> Result<(), Refusal> {
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Refusal::ResponseType),
        None => return Err(Refusal::NoResponseType),
    }
    for (name, refusal) in [
        ("request", Refusal::RequestObject),
        ("request_uri", Refusal::RequestUri),
        ("registration", Refusal::Registration),
    ] {
        if parameters.get(name).is_some() {
            return Err(refusal);
        }
    }
    if client.grant_types.contains(&GrantType::AuthorizationCode) {
        Ok(())
    } else {
        Err(Refusal::Grant)
    }
}

fn check_response_mode(parameters: &Parameters) -> Result<ResponseMode, Refusal> {
    let Some(name) = parameters.get("response_mode") else { return Ok(ResponseMode::Query) };
    ResponseMode::parse(name).ok_or(Refusal::ResponseMode)
}

/// Scopes that we do not know are ignored (OIDC Core §3.1.2.1); known ones must be registered.
pub(super) fn check_scope(
    parameters: &Parameters,
    client: &ClientApplication,
) -> Result<Vec<String>, Refusal> {
    let asked = parameters.words("scope");
    let known = |scope: &&String| super::SCOPES.contains(&scope.as_str()) && *scope != OFFLINE;
    if asked.iter().filter(known).any(|scope| !client.scopes.contains(scope)) {
        return Err(Refusal::Scope);
    }
    // Where offline access is not for the application, or nothing could refresh it, it is ignored (OIDC
    // Core §11).
    let of_use = |scope: &String| scope != OFFLINE || client.may_refresh();
    let granted = |scope: &String| client.scopes.contains(scope) && of_use(scope);
    Ok(asked.into_iter().filter(granted).collect())
}

fn check_value(parameters: &Parameters, name: &'static str) -> Result<Option<String>, Refusal> {
    match parameters.owned(name) {
        Some(value) if value.len() > LONGEST_VALUE || value.contains(char::is_control) => {
            Err(Refusal::Value(name))
        }
        value => Ok(value),
    }
}

/// RFC 7636 §4.3; `plain`, also by leaving the method out, is refused (RFC 9700 §2.1.1).
fn check_challenge(
    parameters: &Parameters,
    client: &ClientApplication,
) -> Result<Option<String>, Refusal> {
    let base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (None, None) if !client.require_pkce => Ok(None),
        (None, _) => Err(Refusal::NoChallenge),
        (Some(challenge), Some("S256")) => {
            if challenge.len() == 43 && challenge.bytes().all(base64url) {
                Ok(Some(challenge.to_owned()))
            } else {
                Err(Refusal::Challenge)
            }
        }
        (Some(_), _) => Err(Refusal::ChallengeMethod),
    }
}

fn check_prompts(parameters: &Parameters) -> Result<Vec<String>, Refusal> {
    let prompts = parameters.words("prompt");
    let known = ["none", "login", "select_account", "consent"];
    if prompts.iter().any(|prompt| !known.contains(&prompt.as_str())) {
        return Err(Refusal::Prompt);
    }
    if prompts.iter().any(|prompt| prompt == "none") && prompts.len() > 1 {
        return Err(Refusal::PromptNone);
    }
    Ok(prompts)
}

fn check_max_age(parameters: &Parameters, now: UnixTime) -> Result<Option<UnixTime>, Refusal> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let seconds: u32 = text.parse().map_err(|_| Refusal::MaxAge)?;
    // Zero is `prompt=login` by another name (OIDC Core §3.1.2.1).
    Ok(Some(if seconds == 0 { now.plus(1) } else { now.plus(-i64::from(seconds)) }))
}

/// RFC 8707 §2.
pub(super) fn check_resource(
    parameters: &Parameters,
    client: &ClientApplication,
) -> Result<Option<String>, Refusal> {
    match parameters.owned("resource") {
        Some(resource) if !client.allows_resource(&resource) => Err(Refusal::Resource),
        resource => Ok(resource),
    }
}

/// OIDC Core §5.5. Claims that we do not know are ignored, as are those whose scope is not the application's;
/// an essential one that is missing is no error.
fn check_claims(
    parameters: &Parameters,
    client: &ClientApplication,
) -> Result<RequestedClaims, Refusal> {
    let Some(text) = parameters.get("claims") else { return Ok(RequestedClaims::default()) };
    if text.len() > 2 * LONGEST_VALUE {
        return Err(Refusal::Claims);
    }
    let asked: Value = serde_json::from_str(text).map_err(|_| Refusal::Claims)?;
    let names = |place: &str| match &asked[place] {
        Value::Null => Ok(Vec::new()),
        Value::Object(claims) => {
            let may = |name: &&String| {
                super::scope_of(name)
                    .is_some_and(|scope| client.scopes.iter().any(|own| own == scope))
            };
            Ok(claims.keys().filter(may).cloned().collect())
        }
        _ => Err(Refusal::Claims),
    };
    match &asked {
        Value::Object(_) => {
            Ok(RequestedClaims { userinfo: names("userinfo")?, id_token: names("id_token")? })
        }
        _ => Err(Refusal::Claims),
    }
}

/// The one person who will do, by `claims` (OIDC Core §5.5.1, of `sub`).
fn claimed_subject(parameters: &Parameters) -> Option<UserId> {
    let asked: Value = serde_json::from_str(parameters.get("claims")?).ok()?;
    asked["id_token"]["sub"]["value"].as_str().map(UserId::from)
}

#[cfg(test)]
mod tests;
