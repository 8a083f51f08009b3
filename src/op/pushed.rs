//! Pushed authorization requests (RFC 9126): what may be pushed, and the `request_uri` it is known by.

use super::{AuthorizeRefusal, Parameters};
use crate::domain::{resource::ClientApplication, words::ClientId};

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// What the application proved itself with is no part of its request.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// Bytes of a pushed request.
const LONGEST: usize = 16 * 1024;

/// The `request_uri` behind which a pushed request is found (RFC 9126 §2.2).
#[must_use]
pub fn request_uri(handle: &str) -> String {
    format!("{PREFIX}{handle}")
}

/// The handle in a `request_uri` of ours.
#[must_use]
pub fn pushed_handle(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(PREFIX)
}

/// The authorization request in what `client` pushed; with a proof of a key, its code is bound to that
/// (RFC 9449 §10.1).
///
/// # Errors
/// [`AuthorizeRefusal::PushedRequestUri`] (RFC 9126 §2.1), [`AuthorizeRefusal::PushedSize`],
/// [`AuthorizeRefusal::OtherKey`].
pub fn pushable(
    parameters: &Parameters,
    client: &ClientId,
    jkt: Option<&str>,
) -> Result<Parameters, AuthorizeRefusal> {
    if parameters.get("request_uri").is_some() {
        return Err(AuthorizeRefusal::PushedRequestUri);
    }
    let mut request = parameters.clone().without(&CREDENTIALS).with("client_id", client.as_str());
    if let Some(jkt) = jkt {
        if request.get("dpop_jkt").is_some_and(|named| named != jkt) {
            return Err(AuthorizeRefusal::OtherKey);
        }
        request = request.with("dpop_jkt", jkt);
    }
    if request.to_query().len() > LONGEST {
        return Err(AuthorizeRefusal::PushedSize);
    }
    Ok(request)
}

/// # Errors
/// [`AuthorizeRefusal::NotPushed`] where the application is registered to push its requests.
pub const fn check_pushed(
    client: &ClientApplication,
    pushed: bool,
) -> Result<(), AuthorizeRefusal> {
    if client.require_pushed_authorization_requests && !pushed {
        return Err(AuthorizeRefusal::NotPushed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_references_stay_out_of_what_is_kept() {
        let parse = |form: &str| Parameters::parse(form.as_bytes()).expect("once");
        let client = ClientId::from("shop");
        let form = "scope=openid&client_secret=s&client_assertion=a";
        let kept = pushable(&parse(form), &client, None);
        assert_eq!(kept.expect("fine").to_query(), "client_id=shop&scope=openid");
        let nested = pushable(&parse("request_uri=urn:x"), &client, None);
        assert_eq!(nested, Err(AuthorizeRefusal::PushedRequestUri));
        let giant = pushable(&parse(&format!("x={}", "y".repeat(LONGEST))), &client, None);
        assert_eq!(giant, Err(AuthorizeRefusal::PushedSize));
        let bound = pushable(&parse("dpop_jkt=k"), &client, Some("k")).expect("the same");
        assert_eq!(bound.get("dpop_jkt"), Some("k"));
        let other = pushable(&parse("dpop_jkt=k"), &client, Some("l"));
        assert_eq!(other, Err(AuthorizeRefusal::OtherKey));
        assert_eq!(pushed_handle(&request_uri("h")), Some("h"));
        assert_eq!(pushed_handle("https://shop.example/request.jwt"), None);
    }
}
