//! The words of the standards as types: identifiers and time.

use std::fmt;

use chrono::{Datelike, Timelike};
use serde::{Deserialize, Serialize};

/// Declares newtypes over `String`, one for each thing that has a name.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Names an `IdentityProvider`; a slug, part of our endpoint paths.
    IdpId;
    /// Names a client application. `client_id` on the wire (RFC 6749 §2.2).
    ClientId;
    /// Names a `Role`; a slug.
    RoleId;
    /// Names an `Organization`; a slug.
    OrganizationId;
    /// Names a `User`: a UUIDv7, `sub` in every token, never reused.
    UserId;
    /// Names one sign-in, from the authorization request to the code; a UUIDv7.
    LoginId;
    /// The public name of a `BrowserSession`: `sid` (OIDC Back-Channel Logout §2.1) and `login_id`.
    /// Never the value of the cookie.
    SessionId;
    /// The `ID` of a request message (SAML Core §1.3.4).
    RequestId;
    /// Names what one authorization produced: a code and all tokens that came of it.
    GrantId;
    /// Names one HTTP request in logs and traces; the reference that a person reads out to support.
    Reference;
}

/// What secrets are looked up by: a code, a cookie, a `state` says which grant, session or login it is of, as
/// `id.secret`. So a row is found by its own name, and no index has to be kept of what is random.
macro_rules! naming {
    ($($name:ident)*) => {$(
        impl $name {
            /// A secret that says that it is of this.
            #[must_use]
            pub fn name(&self, secret: &str) -> String {
                format!("{self}.{secret}")
            }

            /// What such a secret is of. `None`: there is no such secret; whatever may come in a cookie
            /// or a form goes no further.
            #[must_use]
            pub fn naming(text: &str) -> Option<Self> {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                let (id, _) = text.split_once('.').filter(|_| text.bytes().all(plain))?;
                Some(Self(id.to_owned()))
            }
        }
    )*};
}

naming! { GrantId LoginId SessionId }

/// Whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, *NumericDate*).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// This many seconds later (or earlier, when negative); saturates instead of overflowing.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As `xs:dateTime` in UTC with whole seconds: `2026-11-24T09:30:00Z` (SAML Core §1.3.3).
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let time = chrono::DateTime::from_timestamp(self.0, 0).unwrap_or_default().naive_utc();
        let Ok(year) = u32::try_from(time.year()) else { return time.to_string() };
        let mut text = String::with_capacity(20);
        // Digit by digit: a login writes ten of them.
        let mut put = |number: u32, digits: &[u32], after: char| {
            let digit = |unit: &u32| char::from_digit(number / unit % 10, 10).unwrap_or('0');
            text.extend(digits.iter().map(digit).chain([after]));
        };
        put(year, &[1000, 100, 10, 1], '-');
        put(time.month(), &[10, 1], '-');
        put(time.day(), &[10, 1], 'T');
        put(time.hour(), &[10, 1], ':');
        put(time.minute(), &[10, 1], ':');
        put(time.second(), &[10, 1], 'Z');
        text
    }

    /// Reads an `xs:dateTime` or RFC 3339 time that states its zone; fractions of a second are cut.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp()))
    }
}

/// Whether `text` is a slug: 1 to 64 of `a-z`, `0-9` and `-`.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_a_round_trip_and_cut_fractions() {
        let noon = UnixTime::parse_rfc3339("2026-11-24T12:00:00.987Z").expect("a time");
        assert_eq!(noon.to_rfc3339(), "2026-11-24T12:00:00Z");
        for text in ["0001-02-03T04:05:06Z", "1969-12-31T23:59:59Z", "9999-10-20T00:00:00Z"] {
            let time = UnixTime::parse_rfc3339(text).expect("a time");
            assert_eq!(time.to_rfc3339(), text);
        }
        assert_eq!(UnixTime::parse_rfc3339("2026-11-24T13:00:00+01:00"), Some(noon));
        assert_eq!(UnixTime::parse_rfc3339("2026-11-24T12:00:00"), None, "no zone, no time");
    }

    #[test]
    fn a_secret_says_what_it_is_of() {
        let session = SessionId::from("s");
        assert_eq!(SessionId::naming(&session.name("secret.of-it")), Some(session));
        for text in ["secret", "a\0.secret", "s.secret\0", "s .secret", "ä.secret"] {
            assert_eq!(SessionId::naming(text), None, "{text:?}");
        }
    }

    #[test]
    fn slugs_are_short_and_plain() {
        for (text, expected) in
            [("corporate-saml", true), ("a", true), ("", false), ("A", false), ("a/b", false)]
        {
            assert_eq!(is_slug(text), expected, "{text:?}");
        }
        assert!(!is_slug(&"a".repeat(65)));
    }
}
