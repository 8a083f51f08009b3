//! Tokens that only the holder of a key can use: DPoP (RFC 9449).
//!
//! We issue no `DPoP-Nonce`: a proof is good for a minute, and counts once for all processes together.

use serde::Deserialize;
use url::Url;

use super::{
    AccessToken, ErrorCode, Parameters, TokenRefusal,
    once::{Date, Once, is_token_id, once_digest},
};
use crate::{
    crypto::{Jws, JwsError, sha256_base64url},
    domain::{resource::SigningAlg, words::UnixTime},
};

/// Why a proof of possession is not believed. Each variant is one fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    #[error("the request has no DPoP proof")]
    Missing,
    #[error("the DPoP header is not one JWT of type dpop+jwt with jti, htm, htu and iat")]
    Form,
    #[error("the DPoP proof is signed with an algorithm that is not offered")]
    Algorithm,
    #[error("the jwk of the DPoP proof is no public key for its algorithm")]
    Key,
    #[error("the signature of the DPoP proof does not verify")]
    Signature,
    #[error("the DPoP proof is for another method or address (htm, htu)")]
    Target,
    #[error("the DPoP proof is too old, or from the future: iat has to be within a minute")]
    Time,
    #[error("the DPoP proof is for another access token (ath)")]
    Token,
    #[error("the DPoP proof was used before")]
    Replayed,
    #[error("the DPoP proof is made with another key than the token is bound to")]
    OtherKey,
    #[error("the access token is bound to a key: it is sent by the scheme DPoP, with a proof")]
    Bound,
    #[error("the access token is bound to no key: it is sent by the scheme Bearer")]
    NotBound,
}

impl ProofFault {
    /// The word for it where an access token is used (RFC 9449 §7.1).
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::OtherKey | Self::Bound | Self::NotBound => ErrorCode::InvalidToken,
            Self::Missing
            | Self::Form
            | Self::Algorithm
            | Self::Key
            | Self::Signature
            | Self::Target
            | Self::Time
            | Self::Token
            | Self::Replayed => ErrorCode::InvalidDpopProof,
        }
    }
}

/// A proof that was verified, and counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Thumbprint of the key (RFC 7638).
    pub jkt: String,
    pub once: Once,
}

/// The request that a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct ProofExpectations<'a> {
    pub method: &'a str,
    /// Without query and fragment.
    pub url: &'a str,
    /// The access token that comes with it, if one does.
    pub access_token: Option<&'a str>,
    pub now: UnixTime,
}

/// An access token as it came to us (RFC 6750 §2, RFC 9449 §7.1).
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    pub token: &'a str,
    pub scheme: Scheme,
    /// The `DPoP` header.
    pub proof: Option<&'a str>,
    pub method: &'a str,
    /// Of our own URL, with the leading slash.
    pub path: &'a str,
}

/// How an access token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has the token may use it; also in a form.
    Bearer,
    Dpop,
}

/// Seconds that a proof is good for, and by which a clock may be ahead of ours.
const WINDOW: i64 = 60;

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: Date,
    #[serde(default)]
    ath: Option<String>,
}

/// Verifies a proof with the key that it brings along.
///
/// # Errors
/// [`ProofFault`].
///
/// Source: RFC 9449 §4.3.
pub fn check_proof(proof: &str, expected: &ProofExpectations<'_>) -> Result<Proof, ProofFault> {
    let jws = Jws::parse(proof).and_then(|jws| jws.of_type("dpop+jwt"));
    let jws = jws.map_err(|_| ProofFault::Form)?;
    let alg = SigningAlg::named(jws.alg()).ok_or(ProofFault::Algorithm)?;
    let jwk = jws.brought_key().ok_or(ProofFault::Key)?;
    let key = jwk.verifying_key(alg).ok_or(ProofFault::Key)?;
    let jkt = jwk.thumbprint().ok_or(ProofFault::Key)?;
    let claims: Claims = jws.verify(&key).map_err(|error| match error {
        JwsError::Payload => ProofFault::Form,
        _ => ProofFault::Signature,
    })?;
    let digest = once_digest(&format!("DPoP proof of {jkt}"), &claims.jti);
    let until = check_claims(&claims, expected)?;
    Ok(Proof { jkt, once: Once { digest, until, again: ProofFault::Replayed.into() } })
}

/// Answers until when the proof would be taken.
fn check_claims(claims: &Claims, expected: &ProofExpectations<'_>) -> Result<UnixTime, ProofFault> {
    if !is_token_id(&claims.jti) {
        return Err(ProofFault::Form);
    }
    let target = target(expected.url);
    if claims.htm != expected.method || target.is_none() || target != self::target(&claims.htu) {
        return Err(ProofFault::Target);
    }
    let Date(iat) = claims.iat;
    if expected.now.since(iat).abs() > WINDOW {
        return Err(ProofFault::Time);
    }
    let ath = expected.access_token.map(sha256_base64url);
    if ath.is_some() && claims.ath != ath {
        return Err(ProofFault::Token);
    }
    Ok(iat.plus(WINDOW + 1))
}

/// An address in its normal form (RFC 3986 §6.2.2, §6.2.3), without query and fragment.
fn target(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Checks that an access token is presented by whom it is for: one that is bound to a key with a proof of
/// that key, any other without. Answers what is used up by that.
///
/// # Errors
/// [`ProofFault`].
///
/// Source: RFC 9449 §7.
pub fn check_binding(
    access: &AccessToken,
    presented: &Presented<'_>,
    issuer: &str,
    now: UnixTime,
) -> Result<Option<Once>, ProofFault> {
    let bound = match (&access.cnf, presented.scheme) {
        (None, Scheme::Bearer) => return Ok(None),
        (None, Scheme::Dpop) => return Err(ProofFault::NotBound),
        (Some(_), Scheme::Bearer) => return Err(ProofFault::Bound),
        (Some(bound), Scheme::Dpop) => bound,
    };
    let expected = ProofExpectations {
        method: presented.method,
        url: &format!("{issuer}{}", presented.path),
        access_token: Some(presented.token),
        now,
    };
    let proof = check_proof(presented.proof.ok_or(ProofFault::Missing)?, &expected)?;
    if proof.jkt == bound.jkt { Ok(Some(proof.once)) } else { Err(ProofFault::OtherKey) }
}

/// Checks the key that a code or refresh token is bound to, if it is, against the proof's.
///
/// # Errors
/// [`ProofFault::Missing`], or [`TokenRefusal::OtherKey`].
pub fn check_key(bound: Option<&str>, proven: Option<&str>) -> Result<(), TokenRefusal> {
    match (bound, proven) {
        (Some(_), None) => Err(ProofFault::Missing.into()),
        (Some(bound), Some(proven)) if bound != proven => Err(TokenRefusal::OtherKey),
        _ => Ok(()),
    }
}

/// The thumbprint in `dpop_jkt` (RFC 9449 §10); `Err`: it is none.
pub(super) fn read_jkt(parameters: &Parameters) -> Result<Option<String>, ()> {
    let base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    match parameters.owned("dpop_jkt") {
        Some(jkt) if jkt.len() != 43 || !jkt.bytes().all(base64url) => Err(()),
        jkt => Ok(jkt),
    }
}

#[cfg(test)]
mod tests;
