//! What a verified ID token says, and how UserInfo completes it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{json::Object, userinfo::UserInfo};
use crate::domain::{
    identity::{Statement, UpstreamSession},
    words::UnixTime,
};

/// The claims of an ID token that passed every check; only
/// [`verify_id_token`](super::verify_id_token) makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedIdToken {
    subject: String,
    claims: Object,
}

/// Claims that are about the token, not about the person: nobody maps them.
const ABOUT_THE_TOKEN: [&str; 11] =
    ["aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "typ"];

/// Claims about the sign-in, which UserInfo knows nothing of.
const ABOUT_THE_SIGN_IN: [&str; 5] = ["iss", "acr", "amr", "auth_time", "sid"];

/// A claim that vouches for another: it counts only for the very value that came with it.
const VOUCHES_FOR: [(&str, &str); 2] =
    [("email_verified", "email"), ("phone_number_verified", "phone_number")];

impl VerifiedIdToken {
    pub(super) const fn new(subject: String, claims: Object) -> Self {
        Self { subject, claims }
    }

    /// `sub`: unique and never reassigned within the issuer (OIDC Core §2).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What the answer said about the person. UserInfo fills what the ID token lacks; where both
    /// speak, the ID token, which is signed, is right.
    #[must_use]
    pub fn statement(&self, userinfo: Option<&UserInfo>) -> Statement {
        Statement {
            subject: Some(self.subject.clone()),
            attributes: self.attributes(userinfo),
            friendly_names: BTreeMap::new(),
            amr: self.methods(),
            acr: self.text("acr"),
            auth_time: self.claims.get("auth_time").and_then(numeric_date),
            session: UpstreamSession {
                name_id: Some(self.subject.clone()),
                session_index: self.text("sid"),
                ..UpstreamSession::default()
            },
        }
    }

    fn attributes(&self, userinfo: Option<&UserInfo>) -> BTreeMap<String, Value> {
        let more = userinfo.iter().flat_map(|userinfo| &userinfo.claims);
        let more = more.filter(|(name, _)| self.may_be_filled(name, userinfo));
        more.chain(&self.claims)
            .filter(|(name, _)| !ABOUT_THE_TOKEN.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Whether the claim may come from UserInfo. An address of the ID token is not made verified by
    /// what UserInfo says about another one.
    fn may_be_filled(&self, name: &str, userinfo: Option<&UserInfo>) -> bool {
        let voucher = VOUCHES_FOR.iter().find(|(voucher, _)| *voucher == name);
        let about_ours = voucher.is_none_or(|(_, what)| {
            let there = userinfo.and_then(|userinfo| userinfo.claims.get(*what));
            self.claims.get(*what).is_none_or(|ours| there == Some(ours))
        });
        about_ours && !ABOUT_THE_SIGN_IN.contains(&name)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.claims.get(name)?.as_str().map(str::to_owned)
    }

    /// `amr` is a list; some providers send one text.
    fn methods(&self) -> Vec<String> {
        match self.claims.get("amr") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => {
                many.iter().filter_map(|method| method.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A *NumericDate* (RFC 7519 §2); fractions of a second are cut.
pub(super) fn numeric_date(value: &Value) -> Option<UnixTime> {
    /// The year 9999: nobody means a later time, and sums with it cannot overflow.
    const LATEST: f64 = 253_402_300_799.0;
    let seconds = value.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds))?;
    #[expect(clippy::cast_possible_truncation, reason = "in range; the fraction is cut on purpose")]
    Some(UnixTime(seconds as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        match value {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    fn statement(id_token: Value, userinfo: Value) -> Statement {
        let userinfo = UserInfo { claims: object(userinfo) };
        VerifiedIdToken::new("ada".into(), object(id_token)).statement(Some(&userinfo))
    }

    #[test]
    fn userinfo_fills_and_never_overrides() {
        let statement = statement(
            json!({ "sub": "ada", "iss": "https://op.example", "aud": "us", "nonce": "n",
                "given_name": "Ada", "acr": "mfa", "amr": ["pwd", "otp"], "auth_time": 9.5,
                "sid": "s1", "groups": ["staff"] }),
            json!({ "sub": "ada", "given_name": "Eve", "family_name": "L", "groups": ["admin"],
                "acr": "better", "amr": ["hwk"], "sid": "s2", "email": "ada@h.example",
                "email_verified": true, "nonce": "x" }),
        );
        let attributes = Value::Object(statement.attributes.into_iter().collect());
        assert_eq!(
            attributes,
            json!({ "sub": "ada", "iss": "https://op.example", "given_name": "Ada", "acr": "mfa",
                "amr": ["pwd", "otp"], "auth_time": 9.5, "sid": "s1", "groups": ["staff"],
                "family_name": "L", "email": "ada@h.example", "email_verified": true })
        );
        assert_eq!(statement.subject.as_deref(), Some("ada"));
        assert_eq!(statement.amr, ["pwd", "otp"]);
        assert_eq!(statement.acr.as_deref(), Some("mfa"));
        assert_eq!(statement.auth_time, Some(UnixTime(9)));
        assert_eq!(statement.session.session_index.as_deref(), Some("s1"));
    }

    #[test]
    fn an_address_is_verified_only_by_who_names_it() {
        let vouched = json!({ "email": "eve@h.example", "email_verified": true });
        let silent = json!({ "email_verified": true });
        let same = json!({ "email": "ada@h.example", "email_verified": true });
        for (userinfo, expected) in [(vouched, None), (silent, None), (same, Some(&json!(true)))] {
            let statement = statement(json!({ "email": "ada@h.example" }), userinfo);
            assert_eq!(statement.attributes["email"], "ada@h.example");
            assert_eq!(statement.attributes.get("email_verified"), expected);
        }
    }

    #[test]
    fn numeric_dates_are_sane_numbers() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!(7.9), Some(7)),
            (json!("7"), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!(null), None),
        ] {
            assert_eq!(numeric_date(&value), expected.map(UnixTime), "{value}");
        }
    }
}
