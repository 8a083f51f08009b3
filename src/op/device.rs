//! Devices without a keyboard: what they are given, and how they have to wait (RFC 8628).

use serde::Serialize;

use super::{Parameters, TokenRefusal, authorize};
use crate::domain::{
    login::AuthorizationRequest,
    resource::{ClientApplication, GrantType},
    words::UnixTime,
};

/// Seconds in which the person has to decide.
pub const LIFETIME: i64 = 600;
/// Seconds between two polls, at first.
pub const PACE: i64 = 5;

/// The answer to a device (RFC 8628 §3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceAuthorization {
    pub device_code: String,
    /// As in `WDJB-MJHT`.
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: String,
    /// Seconds.
    pub expires_in: i64,
    pub interval: i64,
}

impl DeviceAuthorization {
    /// `user_code` are eight letters.
    #[must_use]
    pub fn new(issuer: &str, device_code: String, user_code: &str) -> Self {
        let user_code = shown(user_code);
        let verification_uri = format!("{issuer}/device");
        let verification_uri_complete = format!("{verification_uri}?user_code={user_code}");
        Self {
            device_code,
            user_code,
            verification_uri,
            verification_uri_complete,
            expires_in: LIFETIME,
            interval: PACE,
        }
    }
}

/// Checks what a device asks for, by the rules of an authorization request.
///
/// # Errors
/// [`TokenRefusal::ForeignGrantType`], [`TokenRefusal::Scope`], [`TokenRefusal::Target`].
pub fn check_request(
    parameters: &Parameters,
    client: &ClientApplication,
) -> Result<AuthorizationRequest, TokenRefusal> {
    if !client.grant_types.contains(&GrantType::DeviceCode) {
        return Err(TokenRefusal::ForeignGrantType);
    }
    let scope = authorize::check_scope(parameters, client).map_err(|_| TokenRefusal::Scope)?;
    let resource = authorize::check_resource(parameters, client);
    let resource = resource.map_err(|_| TokenRefusal::Target)?;
    let id = client.id.clone().unwrap_or_else(|| "".into());
    Ok(AuthorizationRequest { scope, resource, ..AuthorizationRequest::new(id, String::new()) })
}

/// With a dash in the middle, to be read out.
#[must_use]
pub fn shown(user_code: &str) -> String {
    let (first, second) = user_code.split_at(user_code.len().min(4));
    format!("{first}-{second}")
}

/// What the person typed, as we keep it: dashes, spaces and case do not count (RFC 8628 §6.1).
#[must_use]
pub fn typed(user_code: &str) -> String {
    user_code.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect()
}

/// What a device hears while nobody has decided, and its pace from now on: one that polls too fast is made
/// five seconds slower (RFC 8628 §3.5).
#[must_use]
pub fn wait(pace: i64, polled_at: UnixTime, now: UnixTime) -> (i64, TokenRefusal) {
    if now.since(polled_at) < pace {
        (pace + PACE, TokenRefusal::SlowDown)
    } else {
        (pace, TokenRefusal::AuthorizationPending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_out_and_typed_as_people_do() {
        assert_eq!(shown("WDJBMJHT"), "WDJB-MJHT");
        for text in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "WDJB–MJHT"] {
            assert_eq!(typed(text), "WDJBMJHT", "{text}");
        }
        assert_eq!(shown(&typed("é")), "-");
    }

    #[test]
    fn who_polls_too_fast_is_slowed_down() {
        let (first, now) = (UnixTime(100), |seconds: i64| UnixTime(100 + seconds));
        assert_eq!(wait(5, first, now(5)), (5, TokenRefusal::AuthorizationPending));
        assert_eq!(wait(5, first, now(4)), (10, TokenRefusal::SlowDown));
        assert_eq!(wait(10, first, now(9)), (15, TokenRefusal::SlowDown));
        assert_eq!(wait(10, first, now(10)), (10, TokenRefusal::AuthorizationPending));
    }
}
