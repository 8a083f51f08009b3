//! Signed request objects: an authorization request that only its application can have made (RFC 9101).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Parameters,
    once::Date,
    signed::{self, SignatureFault, SignedExpectations, SignedFault},
};
use crate::{crypto::JwkSet, domain::resource::ClientApplication};

/// Why a request object is not believed. Each variant is one fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectFault {
    #[error("the request is not one signed JWT whose claims are parameters")]
    Form,
    #[error("the request is signed with an algorithm that is not offered")]
    Algorithm,
    #[error("the key of the request is none of the application's")]
    UnknownKey,
    #[error("the keys of the application cannot be fetched")]
    NoKeys,
    #[error("the signature of the request does not verify")]
    Signature,
    #[error("iss and client_id of the request are not the application")]
    Client,
    #[error("the request is not for this issuer (aud)")]
    Audience,
    #[error("the request has expired, is not good yet, or says no time (exp)")]
    Time,
    #[error("a request holds no request, request_uri or sub of its application")]
    Nested,
}

impl From<SignatureFault> for ObjectFault {
    fn from(fault: SignatureFault) -> Self {
        match fault {
            SignatureFault::Form => Self::Form,
            SignatureFault::Algorithm => Self::Algorithm,
            SignatureFault::NoKeys => Self::NoKeys,
            SignatureFault::UnknownKey => Self::UnknownKey,
            SignatureFault::Signature => Self::Signature,
        }
    }
}

impl SignedFault for ObjectFault {
    fn wants_newer_keys(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }
}

/// What `typ` may say.
const TYPES: [&str; 2] = ["oauth-authz-req+jwt", "JWT"];
/// Seconds by which a clock may be ahead of ours or behind.
const SKEW: i64 = 30;
/// No application signs requests for longer, in seconds.
const LONGEST: i64 = 3_600;

/// What makes the JWT, and is no parameter.
const ENVELOPE: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(default)]
    exp: Option<Date>,
    #[serde(default)]
    nbf: Option<Date>,
    client_id: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The parameters in a request object, verified with the application's `keys`.
///
/// # Errors
/// [`ObjectFault`].
///
/// Source: RFC 9101 §4, §6.2, §6.3, §10.8 (an assertion of the same key is no request).
pub fn read_request_object(
    object: &str,
    keys: &JwkSet,
    expected: &SignedExpectations<'_>,
) -> Result<Parameters, ObjectFault> {
    let claims: Claims = signed::read(object, &TYPES, keys, expected.alg)?;
    check_claims(&claims, expected)?;
    let parameters = claims.rest.iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
    let mut read = Parameters::default().with("client_id", &claims.client_id);
    for (name, value) in parameters {
        let Some(text) = text_of(value) else { continue };
        if name.contains('\0') || text.contains('\0') {
            return Err(ObjectFault::Form);
        }
        read = read.with(name, &text);
    }
    Ok(read)
}

fn check_claims(claims: &Claims, expected: &SignedExpectations<'_>) -> Result<(), ObjectFault> {
    let SignedExpectations { client, issuer, now, .. } = *expected;
    if claims.iss != client.as_str() || claims.client_id != client.as_str() {
        return Err(ObjectFault::Client);
    }
    let ours = match &claims.aud {
        Audience::One(audience) => audience == issuer,
        Audience::Several(audiences) => audiences.iter().any(|audience| audience == issuer),
    };
    if !ours {
        return Err(ObjectFault::Audience);
    }
    let Date(exp) = claims.exp.ok_or(ObjectFault::Time)?;
    let early = claims.nbf.is_some_and(|Date(nbf)| nbf > now.plus(SKEW));
    if early || now >= exp.plus(SKEW) || exp.since(now) > LONGEST + SKEW {
        return Err(ObjectFault::Time);
    }
    let nested = ["request", "request_uri"].iter().any(|name| claims.rest.contains_key(*name));
    if nested || claims.sub.as_deref() == Some(client.as_str()) {
        return Err(ObjectFault::Nested);
    }
    Ok(())
}

/// A parameter as it would stand in a query: JSON where it is no text (RFC 9101 §4); empty is absent.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

/// # Errors
/// [`super::AuthorizeRefusal::NotSigned`] where the application is registered to sign its requests.
pub const fn check_signed(
    client: &ClientApplication,
    signed: bool,
) -> Result<(), super::AuthorizeRefusal> {
    if client.require_signed_request_object && !signed {
        return Err(super::AuthorizeRefusal::NotSigned);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SigningKey,
        domain::{
            resource::SigningAlg,
            words::{ClientId, UnixTime},
        },
    };
    use serde_json::json;

    const ISSUER: &str = "https://medict.example";

    fn read(typ: &str, change: Value) -> Result<Parameters, ObjectFault> {
        let key = SigningKey::generate("k".into(), SigningAlg::ES256).expect("a key");
        let mut claims = json!({ "iss": "shop", "aud": ISSUER, "exp": 1_060, "client_id": "shop",
            "scope": "openid", "max_age": 60, "claims": { "userinfo": { "name": null } }, "nonce": "" });
        for (name, value) in change.as_object().expect("changes") {
            claims[name] = value.clone();
        }
        let object = key.sign(typ, &claims).expect("signed");
        let keys = json!({ "keys": [key.jwk().expect("a JWK")] });
        let keys: JwkSet = serde_json::from_value(keys).expect("a set");
        let client = ClientId::from("shop");
        let expected =
            SignedExpectations { client: &client, alg: None, issuer: ISSUER, now: UnixTime(1_000) };
        read_request_object(&object, &keys, &expected)
    }

    #[test]
    fn what_is_signed_is_the_request() {
        for typ in ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "JWT"] {
            let read = read(typ, json!({ "aud": [ISSUER, "x"] })).expect("believed");
            assert_eq!(read.get("scope"), Some("openid"));
            assert_eq!(read.get("max_age"), Some("60"));
            assert_eq!(read.get("claims"), Some(r#"{"userinfo":{"name":null}}"#));
            assert_eq!((read.get("nonce"), read.get("iss"), read.get("exp")), (None, None, None));
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        for (change, fault) in [
            (json!({ "iss": "other" }), ObjectFault::Client),
            (json!({ "client_id": "other" }), ObjectFault::Client),
            (json!({ "aud": "https://other.example" }), ObjectFault::Audience),
            (json!({ "exp": 900 }), ObjectFault::Time),
            (json!({ "exp": null }), ObjectFault::Time),
            (json!({ "exp": 9_999 }), ObjectFault::Time),
            (json!({ "nbf": 1_100 }), ObjectFault::Time),
            (json!({ "sub": "shop" }), ObjectFault::Nested),
            (json!({ "request_uri": "urn:x" }), ObjectFault::Nested),
            (json!({ "iss": 1 }), ObjectFault::Form),
            (json!({ "scope": "a\u{0}b" }), ObjectFault::Form),
        ] {
            assert_eq!(read("JWT", change.clone()), Err(fault), "{change}");
        }
        assert_eq!(read("at+jwt", json!({})), Err(ObjectFault::Form));
    }

    #[test]
    fn nothing_unsigned_and_nothing_of_another_key() {
        let client = ClientId::from("shop");
        let expected =
            SignedExpectations { client: &client, alg: None, issuer: ISSUER, now: UnixTime(0) };
        let none = read_request_object("eyJhbGciOiJub25lIn0.e30.", &JwkSet::default(), &expected);
        assert_eq!(none, Err(ObjectFault::Algorithm));
        let key = SigningKey::generate("k".into(), SigningAlg::ES256).expect("a key");
        let object = key.sign("JWT", &json!({})).expect("signed");
        let unknown = read_request_object(&object, &JwkSet::default(), &expected);
        assert_eq!(unknown, Err(ObjectFault::UnknownKey));
    }
}
