//! The UserInfo endpoint (OIDC Core §5.3).

use http::header::{ACCEPT, AUTHORIZATION};

use super::{
    claims::VerifiedIdToken,
    json::{NotAnObject, Object, parse_object},
    provider::ProviderMetadata,
    rejection::{Rejection, check, ensure, tame},
    token_response::check_json,
};
use crate::domain::trace::{Actual, Trace};

/// Claims about the subject of one verified ID token.
#[derive(Clone, Debug, PartialEq)]
pub struct UserInfo {
    pub(super) claims: Object,
}

/// The request for UserInfo; `None` when the provider has no such endpoint.
///
/// # Errors
/// [`Rejection::Unbuildable`] – the access token cannot stand in a header.
pub fn userinfo_request(
    metadata: &ProviderMetadata,
    access_token: &str,
) -> Result<Option<http::Request<Vec<u8>>>, Rejection> {
    let Some(endpoint) = &metadata.userinfo_endpoint else { return Ok(None) };
    http::Request::get(endpoint.as_str())
        .header(AUTHORIZATION, format!("Bearer {access_token}"))
        .header(ACCEPT, "application/json")
        .body(Vec::new())
        .map(Some)
        .map_err(|_| Rejection::Unbuildable)
}

/// Reads UserInfo about the subject of `id_token`.
///
/// # Errors
/// * [`Rejection::UserInfoStatus`], [`Rejection::UserInfoAnswer`] – no claims came.
/// * [`Rejection::SignedUserInfo`] – claims came as a token, which we did not ask for.
/// * [`Rejection::OtherUserInfo`] – they are about somebody else (OIDC Core §5.3.2).
pub fn read_userinfo(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    id_token: &VerifiedIdToken,
    trace: &mut Trace,
) -> Result<UserInfo, Rejection> {
    let read = read_claims(status, content_type, body);
    let actual = Actual::plain(match &read {
        Ok(_) => status.to_string(),
        Err(rejection) => rejection.to_string(),
    });
    let outcome = read.as_ref().map(drop).map_err(Clone::clone);
    check(trace, "UserInfo answer", "claims as JSON", actual, outcome)?;
    let claims = read?;
    check_subject(&claims, id_token.subject(), trace)?;
    Ok(UserInfo { claims })
}

fn read_claims(status: u16, content_type: Option<&str>, body: &[u8]) -> Result<Object, Rejection> {
    ensure((200..300).contains(&status), Rejection::UserInfoStatus(status))?;
    let signed = content_type.is_some_and(|kind| kind.trim_start().starts_with("application/jwt"));
    ensure(!signed, Rejection::SignedUserInfo)?;
    check_json(content_type).map_err(Rejection::UserInfoAnswer)?;
    parse_object(body).map_err(|NotAnObject(problem)| Rejection::UserInfoAnswer(tame(&problem)))
}

fn check_subject(claims: &Object, subject: &str, trace: &mut Trace) -> Result<(), Rejection> {
    let sub = claims.get("sub").and_then(|sub| sub.as_str());
    let actual = Actual::personal(tame(sub.unwrap_or("none")));
    let outcome = ensure(sub == Some(subject), Rejection::OtherUserInfo);
    check(trace, "UserInfo subject", "the subject of the ID token", actual, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn userinfo_is_json_about_the_same_person() {
        let id_token = VerifiedIdToken::new("ada".into(), Object::new());
        let good = json!({ "sub": "ada", "email": "ada@hospital.example" }).to_string();
        let answer = |text: &str| Rejection::UserInfoAnswer(text.into());
        for (status, content_type, body, rejection) in [
            (200, Some("application/json"), good.as_str(), None),
            (200, None, &good, None),
            (200, None, r#"{"sub":"eve"}"#, Some(Rejection::OtherUserInfo)),
            (200, None, r#"{"sub":"Ada"}"#, Some(Rejection::OtherUserInfo)),
            (200, None, r#"{"sub":["ada"]}"#, Some(Rejection::OtherUserInfo)),
            (200, None, "{}", Some(Rejection::OtherUserInfo)),
            (200, Some("application/jwt"), "a.b.c", Some(Rejection::SignedUserInfo)),
            (200, Some("text/html"), &good, Some(answer("it is `text/html`, not JSON"))),
            (401, None, &good, Some(Rejection::UserInfoStatus(401))),
            (204, None, "", Some(answer("EOF while parsing a value at line 1 column 0"))),
        ] {
            let mut trace = Trace::default();
            let body = body.as_bytes();
            let read = read_userinfo(status, content_type, body, &id_token, &mut trace);
            assert_eq!(read.err(), rejection, "{status} {body:?}");
            assert_eq!(trace.failure().is_some(), rejection.is_some(), "{status} {body:?}");
        }
    }
}
