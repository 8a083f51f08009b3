//! Who asks: how an application names itself and proves it (RFC 6749 §2.3, OIDC Core §9).

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

use super::{
    Parameters, TokenRefusal as Refusal,
    once::{Date, Once, is_token_id, once_digest},
    signed::{self, SignatureFault, SignedExpectations, SignedFault},
};
use crate::{
    crypto::{JwkSet, Jws, same, sha256_base64url},
    domain::{
        resource::{ClientApplication, TokenEndpointAuthMethod as Method},
        words::ClientId,
    },
};

/// How the application named itself, and what it presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    pub client_id: ClientId,
    pub credential: Credential,
}

/// The credential that came with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Nothing,
    /// By `Authorization: Basic`: the secret as sent, and percent-decoded, since clients do either.
    Basic {
        raw: String,
        decoded: String,
    },
    Post(String),
    /// A JWT signed with a key of the application's (RFC 7523 §2.2).
    Assertion(String),
}

/// Why a client assertion is not believed. Each variant is one fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    #[error("client_assertion_type is not urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    Type,
    #[error("the client assertion is no signed JWT with iss, sub, aud, exp and jti")]
    Form,
    #[error("the client assertion is signed with an algorithm that the application does not use")]
    Algorithm,
    #[error("the keys at the application's jwksUri cannot be fetched")]
    NoKeys,
    #[error("the client assertion names no key of the application")]
    UnknownKey,
    #[error("the signature of the client assertion does not verify")]
    Signature,
    #[error("iss and sub of the client assertion are not the application")]
    Subject,
    #[error("the client assertion is meant for somebody else: aud has to be our issuer")]
    Audience,
    #[error("the client assertion has expired, or is not valid yet")]
    Time,
    #[error("the client assertion is valid for more than an hour")]
    TooLong,
    #[error("the client assertion was used before")]
    Replayed,
}

impl From<SignatureFault> for AssertionFault {
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

impl SignedFault for AssertionFault {
    fn wants_newer_keys(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion may be good for so many seconds: as many as common libraries give it unasked.
const LONGEST: i64 = 3_600;
/// Seconds by which an application's clock may differ from ours.
const SKEW: i64 = 30;

/// Reads who asks, from the `Authorization` header or the form (RFC 6749 §2.3.1, RFC 7521 §4.2).
///
/// # Errors
/// [`Refusal::NoClient`], [`Refusal::TwoCredentials`], [`Refusal::Authorization`] or [`Refusal::Assertion`].
pub fn read_client(
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<ClientCredentials, Refusal> {
    let named = parameters.get("client_id");
    let secret = parameters.get("client_secret");
    let found = match (authorization, secret, read_assertion(parameters)?) {
        (None, None, None) => of(named.ok_or(Refusal::NoClient)?, Credential::Nothing),
        (None, Some(secret), None) => {
            of(named.ok_or(Refusal::NoClient)?, Credential::Post(secret.to_owned()))
        }
        (Some(header), None, None) => read_basic(header)?,
        (None, None, Some(found)) => found,
        _ => return Err(Refusal::TwoCredentials),
    };
    match named {
        Some(named) if named != found.client_id.as_str() => Err(Refusal::TwoCredentials),
        _ => Ok(found),
    }
}

fn of(client_id: &str, credential: Credential) -> ClientCredentials {
    ClientCredentials { client_id: client_id.into(), credential }
}

/// The application that an assertion claims to come from.
fn read_assertion(parameters: &Parameters) -> Result<Option<ClientCredentials>, Refusal> {
    let found = (parameters.get("client_assertion"), parameters.get("client_assertion_type"));
    let assertion = match found {
        (None, None) => return Ok(None),
        (Some(assertion), Some(JWT_BEARER)) => assertion,
        (None, _) => return Err(Refusal::Missing("client_assertion")),
        (Some(_), _) => return Err(AssertionFault::Type.into()),
    };
    let jws = Jws::parse(assertion).map_err(|_| AssertionFault::Form)?;
    let Claimed { sub } = jws.claimed().map_err(|_| AssertionFault::Form)?;
    Ok(Some(of(&sub, Credential::Assertion(assertion.to_owned()))))
}

fn read_basic(header: &str) -> Result<ClientCredentials, Refusal> {
    let (scheme, encoded) = header.split_once(' ').ok_or(Refusal::Authorization)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Refusal::Authorization);
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).map_err(|_| Refusal::Authorization)?;
    let text = String::from_utf8(decoded).map_err(|_| Refusal::Authorization)?;
    let (id, secret) = text.split_once(':').ok_or(Refusal::Authorization)?;
    let credential = Credential::Basic { raw: secret.to_owned(), decoded: form_decoded(secret) };
    Ok(of(&form_decoded(id), credential))
}

/// One value of `application/x-www-form-urlencoded`.
fn form_decoded(text: &str) -> String {
    // A pair with an empty name: the parser then sees one value and nothing else.
    let pair = format!("={}", text.replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Checks that the application authenticates as it is registered, where it does so without a signature;
/// `stored` is the digest of its secret.
///
/// # Errors
/// [`Refusal::AuthMethod`], [`Refusal::WrongSecret`].
pub fn check_client_secret(
    client: &ClientApplication,
    stored: Option<&str>,
    presented: &Credential,
) -> Result<(), Refusal> {
    let fits = |secret: &str| stored.is_some_and(|digest| same(sha256_base64url(secret), digest));
    let right = match (client.auth_method(), presented) {
        (Method::None, Credential::Nothing) => return Ok(()),
        // A client that may send the secret one way is no weaker when it sends it the other.
        (
            Method::ClientSecretBasic | Method::ClientSecretPost,
            Credential::Basic { raw, decoded },
        ) => fits(raw) || fits(decoded),
        (Method::ClientSecretBasic | Method::ClientSecretPost, Credential::Post(secret)) => {
            fits(secret)
        }
        (Method::None | Method::PrivateKeyJwt, _)
        | (_, Credential::Nothing | Credential::Assertion(_)) => return Err(Refusal::AuthMethod),
    };
    if right { Ok(()) } else { Err(Refusal::WrongSecret) }
}

/// What an assertion says before it is believed.
#[derive(Deserialize)]
struct Claimed {
    sub: String,
}

/// The claims of a client assertion (RFC 7523 §3).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Date,
    #[serde(default)]
    nbf: Option<Date>,
    #[serde(default)]
    iat: Option<Date>,
    jti: String,
}

/// One audience. A list of several would be good elsewhere too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List([String; 1]),
}

/// What `typ` may say.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// Verifies a client assertion with the application's `keys`; it counts once.
///
/// `aud` is our issuer, as is advised today, or one of our OAuth endpoints, as older clients have it.
///
/// # Errors
/// [`AssertionFault`].
///
/// Source: RFC 7523 §3, OIDC Core §9, RFC 8725 §3.
pub fn check_assertion(
    assertion: &str,
    keys: &JwkSet,
    expected: &SignedExpectations<'_>,
) -> Result<Once, AssertionFault> {
    check_claims(signed::read(assertion, &TYPES, keys, expected.alg)?, expected)
}

fn check_claims(claims: Claims, expected: &SignedExpectations<'_>) -> Result<Once, AssertionFault> {
    let SignedExpectations { client, issuer, now, .. } = *expected;
    let (Audience::One(audience) | Audience::List([audience])) = claims.aud;
    if claims.iss != client.as_str() || claims.sub != client.as_str() {
        return Err(AssertionFault::Subject);
    }
    if !is_us(&audience, issuer) {
        return Err(AssertionFault::Audience);
    }
    let Date(exp) = claims.exp;
    let begins = claims.nbf.into_iter().chain(claims.iat).map(|Date(at)| at).max();
    if now >= exp.plus(SKEW) || begins.is_some_and(|at| at > now.plus(SKEW)) {
        return Err(AssertionFault::Time);
    }
    if exp.since(now) > LONGEST + SKEW {
        return Err(AssertionFault::TooLong);
    }
    if !is_token_id(&claims.jti) {
        return Err(AssertionFault::Form);
    }
    let digest = once_digest(&format!("client assertion of {client}"), &claims.jti);
    Ok(Once { digest, until: exp.plus(SKEW), again: AssertionFault::Replayed.into() })
}

fn is_us(audience: &str, issuer: &str) -> bool {
    audience
        .strip_prefix(issuer)
        .is_some_and(|path| path.is_empty() || path.starts_with("/oauth2/"))
}

#[cfg(test)]
mod tests;
