//! What the token endpoint answers (OIDC Core §3.1.3.3, RFC 6749 §5).

use std::fmt;

use super::{
    json::{NotAnObject, Object, parse_object},
    rejection::{Rejection, check, ensure, tame},
};
use crate::domain::trace::{Actual, Trace};

/// A successful answer: an ID token, not yet verified, and the key to UserInfo.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenResponse {
    pub id_token: String,
    pub access_token: String,
}

/// Reads the answer to [`token_request`](super::token_request).
///
/// The provider's `error_description` goes into the trace only: it may name the person, and must not
/// reach the browser.
///
/// # Errors
/// * [`Rejection::TokenRefused`] – an OAuth error, by its code (RFC 6749 §5.2).
/// * [`Rejection::TokenStatus`] – another failure of the provider.
/// * [`Rejection::TokenAnswer`], [`Rejection::TokenType`], [`Rejection::NoIdToken`] – success without
///   what makes it one.
pub fn read_token_response(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    trace: &mut Trace,
) -> Result<TokenResponse, Rejection> {
    let (outcome, actual) = match judge(status, content_type, body) {
        Ok(tokens) => {
            trace.passed("token answer", "an ID token", Actual::plain(status.to_string()));
            return Ok(tokens);
        }
        Err((rejection, actual)) => (Err(rejection), actual),
    };
    check(trace, "token answer", "an ID token", actual, outcome)?;
    Err(Rejection::TokenStatus(status))
}

/// The tokens, or why not and what came.
fn judge(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<TokenResponse, (Rejection, Actual)> {
    let object = parse_object(body);
    if !(200..300).contains(&status) {
        let object = object.unwrap_or_default();
        return Err(refusal(status, &object));
    }
    let plain = |rejection: Rejection| {
        let actual = Actual::plain(rejection.to_string());
        (rejection, actual)
    };
    check_json(content_type).map_err(|problem| plain(Rejection::TokenAnswer(problem)))?;
    object
        .map_err(|NotAnObject(problem)| Rejection::TokenAnswer(tame(&problem)))
        .and_then(|object| tokens(&object))
        .map_err(plain)
}

fn refusal(status: u16, object: &Object) -> (Rejection, Actual) {
    let text = |name: &str| object.get(name).and_then(|value| value.as_str()).map(tame);
    match (text("error"), text("error_description")) {
        (Some(error), Some(description)) => {
            let actual = Actual::personal(format!("{status} {error}: {description}"));
            (Rejection::TokenRefused(error), actual)
        }
        (Some(error), None) => {
            let actual = Actual::plain(format!("{status} {error}"));
            (Rejection::TokenRefused(error), actual)
        }
        (None, _) => (Rejection::TokenStatus(status), Actual::plain(status.to_string())),
    }
}

fn tokens(object: &Object) -> Result<TokenResponse, Rejection> {
    let text = |name: &str| object.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let bearer = text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"));
    let missing = || Rejection::TokenAnswer("`access_token` is missing".to_owned());
    ensure(bearer, Rejection::TokenType)?;
    Ok(TokenResponse {
        access_token: text("access_token").ok_or_else(missing)?,
        id_token: text("id_token").ok_or(Rejection::NoIdToken)?,
    })
}

/// Whether an answer calls itself JSON, or nothing.
pub(super) fn check_json(content_type: Option<&str>) -> Result<(), String> {
    let Some(content_type) = content_type else { return Ok(()) };
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" || media.ends_with("+json") {
        Ok(())
    } else {
        Err(format!("it is `{}`, not JSON", tame(&media)))
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"access_token":"a","token_type":"bearer","id_token":"i","x":1}"#;

    #[test]
    fn success_is_an_id_token_and_nothing_less() {
        let answer = |text: &str| Rejection::TokenAnswer(text.into());
        let rows = [
            (200, Some("application/json; charset=utf-8"), GOOD, None),
            (200, None, GOOD, None),
            (200, Some("text/html"), GOOD, Some(answer("it is `text/html`, not JSON"))),
            (
                200,
                None,
                r#"{"access_token":"a","token_type":"Bearer"}"#,
                Some(Rejection::NoIdToken),
            ),
            (200, None, r#"{"id_token":"i","token_type":"DPoP"}"#, Some(Rejection::TokenType)),
            (200, None, r#"{"access_token":"a","id_token":"i"}"#, Some(Rejection::TokenType)),
            (
                200,
                None,
                r#"{"id_token":"i","token_type":"Bearer","access_token":7}"#,
                Some(answer("`access_token` is missing")),
            ),
            (
                400,
                None,
                r#"{"error":"invalid_grant"}"#,
                Some(Rejection::TokenRefused("invalid_grant".into())),
            ),
            (401, Some("text/html"), "<html>", Some(Rejection::TokenStatus(401))),
            (302, None, GOOD, Some(Rejection::TokenStatus(302))),
            (503, None, "", Some(Rejection::TokenStatus(503))),
            (400, None, r#"{"error":{"code":7}}"#, Some(Rejection::TokenStatus(400))),
        ];
        for (status, content_type, body, expected) in rows {
            let mut trace = Trace::default();
            let read = read_token_response(status, content_type, body.as_bytes(), &mut trace);
            assert_eq!(read.err(), expected, "{status} {body}");
            assert_eq!(trace.failure().is_some(), expected.is_some(), "{status} {body}");
        }
    }

    #[test]
    fn garbage_is_told_apart_from_tokens() {
        for body in ["", "null", "[]", "{", "a=b", r#"{"id_token":"a","id_token":"b"}"#, "\0\u{ff}"]
        {
            let read = read_token_response(200, None, body.as_bytes(), &mut Trace::default());
            assert!(matches!(read, Err(Rejection::TokenAnswer(_))), "{body}");
        }
    }

    #[test]
    fn descriptions_are_for_the_trace() {
        let body = r#"{"error":"invalid_grant","error_description":"ada is locked\r\nX: y"}"#;
        let mut trace = Trace::default();
        let rejection =
            read_token_response(400, None, body.as_bytes(), &mut trace).expect_err("no");
        assert!(!rejection.to_string().contains("ada"));
        let actual = trace.failure().and_then(|step| step.actual.clone()).expect("told");
        assert_eq!(actual, Actual::personal("400 invalid_grant: ada is lockedX: y"));
    }
}
