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

/// The authorization request in what `client` pushed.
///
/// # Errors
/// [`AuthorizeRefusal::PushedRequestUri`] (RFC 9126 §2.1), [`AuthorizeRefusal::PushedSize`].
pub fn pushable(
    parameters: &Parameters,
    client: &ClientId,
) -> Result<Parameters, AuthorizeRefusal> {
    if parameters.get("request_uri").is_some() {
        return Err(AuthorizeRefusal::PushedRequestUri);
    }
    let request = parameters.clone().without(&CREDENTIALS).with("client_id", client.as_str());
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
        let kept = pushable(&parse("scope=openid&client_secret=s&client_assertion=a"), &client);
        assert_eq!(kept.expect("fine").to_query(), "client_id=shop&scope=openid");
        let nested = pushable(&parse("request_uri=urn:x"), &client);
        assert_eq!(nested, Err(AuthorizeRefusal::PushedRequestUri));
        let giant = pushable(&parse(&format!("x={}", "y".repeat(LONGEST))), &client);
        assert_eq!(giant, Err(AuthorizeRefusal::PushedSize));
        assert_eq!(pushed_handle(&request_uri("h")), Some("h"));
        assert_eq!(pushed_handle("https://shop.example/request.jwt"), None);
    }
}
