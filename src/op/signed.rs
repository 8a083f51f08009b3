//! What applications sign for us: with one of their keys, in an algorithm that is theirs to use. What it says is
//! judged by whoever asked for it.

use serde::de::DeserializeOwned;

use crate::{
    crypto::{JwkSet, Jws, JwsError},
    domain::{
        resource::SigningAlg,
        words::{ClientId, UnixTime},
    },
};

/// Whom something signed has to come from and be for.
#[derive(Clone, Copy, Debug)]
pub struct SignedExpectations<'a> {
    pub client: &'a ClientId,
    /// The one algorithm that the application registered, if it did; else any that fits its keys.
    pub alg: Option<SigningAlg>,
    pub issuer: &'a str,
    pub now: UnixTime,
}

/// Why a signature is not the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// No signed JWT of the right type, or without the claims that it has to have.
    Form,
    Algorithm,
    /// They cannot be fetched, and never could.
    NoKeys,
    UnknownKey,
    Signature,
}

/// Why something signed is not believed, its signature among it.
pub trait SignedFault: From<SignatureFault> {
    /// Whether the application may have newer keys than those that were looked at.
    fn wants_newer_keys(&self) -> bool;
}

/// Reads a JWT of one of these types, or of none.
///
/// A token of another kind that the same key signed is none of them (RFC 8725 §3.11).
///
/// # Errors
/// [`SignatureFault`].
pub(super) fn read<T: DeserializeOwned>(
    token: &str,
    types: &[&str],
    keys: &JwkSet,
    only: Option<SigningAlg>,
) -> Result<T, SignatureFault> {
    let jws = Jws::parse(token).map_err(|_| SignatureFault::Form)?;
    if !jws.typ().is_none_or(|typ| is_one_of(types, typ)) {
        return Err(SignatureFault::Form);
    }
    let alg = SigningAlg::named(jws.alg()).ok_or(SignatureFault::Algorithm)?;
    if only.is_some_and(|only| only != alg) {
        return Err(SignatureFault::Algorithm);
    }
    let candidates = keys.candidates(jws.kid(), alg);
    if candidates.is_empty() {
        return Err(SignatureFault::UnknownKey);
    }
    for key in &candidates {
        match jws.verify(key) {
            Ok(claims) => return Ok(claims),
            Err(JwsError::Payload) => return Err(SignatureFault::Form),
            Err(_) => {}
        }
    }
    Err(SignatureFault::Signature)
}

fn is_one_of(types: &[&str], typ: &str) -> bool {
    let bare = typ.strip_prefix("application/").unwrap_or(typ);
    types.iter().any(|known| known.eq_ignore_ascii_case(bare))
}
