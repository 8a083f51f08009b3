//! Which of a provider's keys may have signed a token.

use serde_json::Value;

use super::{
    json::{NotAnObject, parse_object},
    rejection::{Rejection, tame},
};
use crate::{
    crypto::{Jwk, JwkSet, VerifyingKey},
    domain::resource::SigningAlg,
};

/// So many keys a provider may publish.
const MOST_KEYS: usize = 100;

/// Reads a JWK Set. A key that we cannot read is left out, as RFC 7517 §5 asks; a set of nothing but
/// such keys is refused, so that a broken answer never replaces a good one.
///
/// # Errors
/// [`Rejection::KeySet`].
pub fn parse_jwks(json: &[u8]) -> Result<JwkSet, Rejection> {
    let unreadable = |problem: &str| Rejection::KeySet(tame(problem));
    let mut object = parse_object(json).map_err(|NotAnObject(problem)| unreadable(&problem))?;
    let Some(Value::Array(values)) = object.remove("keys") else {
        return Err(unreadable("`keys` is missing"));
    };
    let read = |value| serde_json::from_value::<Jwk>(value).ok();
    let keys: Vec<_> = values.into_iter().filter_map(read).take(MOST_KEYS).collect();
    if keys.is_empty() { Err(unreadable("it has no keys")) } else { Ok(JwkSet { keys }) }
}

/// The keys that a token may be signed with under `alg`: those named `kid`, or all of the right kind
/// when the token names none (OIDC Core §10.1).
///
/// # Errors
/// * [`Rejection::UnknownKey`] – no key has that name, or there is none of the right kind.
/// * [`Rejection::UnfitKey`] – the key of that name is for something else.
pub(super) fn candidates(
    keys: &JwkSet,
    kid: Option<&str>,
    alg: SigningAlg,
) -> Result<Vec<VerifyingKey>, Rejection> {
    let usable = keys.candidates(kid, alg);
    let is_named = |jwk: &Jwk| kid.is_some() && jwk.kid.as_deref() == kid;
    match usable.is_empty() {
        false => Ok(usable),
        true if keys.keys.iter().any(is_named) => Err(Rejection::UnfitKey),
        true => Err(Rejection::UnknownKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strange_key_does_not_spoil_the_set() {
        let set = parse_jwks(br#"{"keys":[{"kty":"OKP"},{"kid":1},{"kty":"RSA","n":"AQ"}]}"#);
        assert_eq!(set.expect("a set").keys.len(), 2);
        for text in ["", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[1]}"#] {
            assert!(parse_jwks(text.as_bytes()).is_err(), "{text}");
        }
    }
}
