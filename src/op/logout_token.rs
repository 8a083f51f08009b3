//! What an application is told when a session ends (OIDC Back-Channel Logout 1.0 §2.4).

use serde::{Serialize, ser::SerializeMap};

use crate::domain::words::{ClientId, SessionId, UnixTime, UserId};

/// Seconds that a logout token is good for; each attempt has a fresh one.
const LIFETIME: i64 = 120;

/// The claims of a logout token; it never has a `nonce`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogoutToken {
    pub iss: String,
    pub sub: UserId,
    pub aud: ClientId,
    pub iat: UnixTime,
    pub exp: UnixTime,
    pub jti: String,
    pub sid: SessionId,
    events: Events,
}

/// The one member that says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Events;

impl Serialize for Events {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut events = serializer.serialize_map(Some(1))?;
        events.serialize_entry(
            "http://schemas.openid.net/event/backchannel-logout",
            &serde_json::Map::new(),
        )?;
        events.end()
    }
}

impl LogoutToken {
    /// `jti` is random.
    #[must_use]
    pub fn new(
        iss: &str,
        sub: UserId,
        aud: ClientId,
        sid: SessionId,
        jti: String,
        now: UnixTime,
    ) -> Self {
        let (iss, exp) = (iss.to_owned(), now.plus(LIFETIME));
        Self { iss, sub, aud, iat: now, exp, jti, sid, events: Events }
    }
}

/// The address of an application's front-channel logout, with what it has to know (OIDC Front-Channel
/// Logout 1.0 §2). `None`: `uri` is no URL.
#[must_use]
pub fn frontchannel_address(uri: &str, iss: &str, sid: &SessionId) -> Option<String> {
    let mut url = url::Url::parse(uri).ok()?;
    url.query_pairs_mut().append_pair("iss", iss).append_pair("sid", sid.as_str());
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_logout_token_says_whose_session_ended_and_nothing_else() {
        let token = LogoutToken::new(
            "https://sso.example",
            "ada".into(),
            "shop".into(),
            "session-1".into(),
            "random".to_owned(),
            UnixTime(1_000),
        );
        let expected = json!({
            "iss": "https://sso.example", "sub": "ada", "aud": "shop", "iat": 1_000, "exp": 1_120,
            "jti": "random", "sid": "session-1",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        assert_eq!(serde_json::to_value(token).expect("JSON"), expected);
    }

    #[test]
    fn the_query_of_a_registered_address_stays() {
        let address = frontchannel_address("https://a.example/out?x=1", "https://s", &"1".into());
        let expected = "https://a.example/out?x=1&iss=https%3A%2F%2Fs&sid=1";
        assert_eq!(address.as_deref(), Some(expected));
    }
}
