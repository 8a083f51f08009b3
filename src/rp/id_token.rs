//! The ID token: every check of OIDC Core §3.1.3.7, each a step in the trace.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{
    claims::{VerifiedIdToken, numeric_date},
    json::{Object, StrictObject},
    keys::candidates,
    rejection::{Rejection, check, ensure, tame},
};
use crate::{
    crypto::{self, JwkSet, Jws, JwsError},
    domain::{
        resource::SigningAlg,
        trace::{Actual, Trace, Words},
        words::UnixTime,
    },
};

/// What the ID token of one login must say.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenExpectations<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// The `nonce` of our authorization request.
    pub nonce: &'a str,
    /// The one algorithm that counts (`idTokenSignedResponseAlg`).
    pub alg: SigningAlg,
    pub now: UnixTime,
    /// Seconds by which clocks may differ.
    pub clock_skew: i64,
    /// A sign-in before this does not count (`max_age`, `prompt=login`).
    pub authenticated_after: Option<UnixTime>,
    /// The access token that came along, for `at_hash`.
    pub access_token: Option<&'a str>,
}

/// Seconds by which a provider's clock may differ from ours.
pub const CLOCK_SKEW: i64 = 60;

/// Verifies the signature of `token` and checks each claim.
///
/// Nothing in the token is looked at before its signature is verified, but the header's `typ`, `alg`
/// and `kid`. The first failure ends it; the trace then tells what was expected and what came.
///
/// # Errors
/// * [`Rejection::UnknownKey`], [`Rejection::NoKeyVerifies`], [`Rejection::BadSignature`] – the keys
///   may be old: fetch them once more and try again (OIDC Core §10.1.1).
/// * any other [`Rejection`] of the ID token – final.
///
/// Source: OIDC Core §3.1.3.7, §3.1.3.8; RFC 8725 §3.
pub fn verify_id_token(
    token: &str,
    keys: &JwkSet,
    expected: &IdTokenExpectations<'_>,
    trace: &mut Trace,
) -> Result<VerifiedIdToken, Rejection> {
    let jws = read_header(token, expected.alg, trace)?;
    let claims = verify_signature(&jws, keys, expected.alg, trace)?;
    let checks = Checks { claims: &claims, expected, trace };
    let subject = checks.all()?;
    Ok(VerifiedIdToken::new(subject, claims))
}

fn read_header(token: &str, alg: SigningAlg, trace: &mut Trace) -> Result<Jws, Rejection> {
    let parsed = Jws::parse(token).map_err(|error| match error {
        JwsError::Critical => Rejection::Critical,
        _ => Rejection::NotSigned,
    });
    let form = match &parsed {
        Ok(_) => "a signed JSON Web Token".to_owned(),
        Err(rejection) => rejection.to_string(),
    };
    let outcome = parsed.as_ref().map(drop).map_err(Clone::clone);
    check(trace, "ID token form", "a signed JSON Web Token", Actual::plain(form), outcome)?;
    let jws = parsed?;
    check_type(&jws, trace)?;
    let outcome = ensure(jws.alg() == alg.name(), Rejection::OtherAlgorithm(tame(jws.alg())));
    check(trace, "ID token algorithm", alg.name(), Actual::plain(tame(jws.alg())), outcome)?;
    Ok(jws)
}

/// A token of another kind, by its own words, is no ID token (RFC 8725 §3.11).
fn check_type(jws: &Jws, trace: &mut Trace) -> Result<(), Rejection> {
    let Some(typ) = jws.typ() else { return Ok(()) };
    let bare = typ.strip_prefix("application/").unwrap_or(typ);
    let outcome = ensure(bare.eq_ignore_ascii_case("JWT"), Rejection::OtherType(tame(typ)));
    check(trace, "ID token type", "JWT", Actual::plain(tame(typ)), outcome)
}

fn verify_signature(
    jws: &Jws,
    keys: &JwkSet,
    alg: SigningAlg,
    trace: &mut Trace,
) -> Result<Object, Rejection> {
    let kid = jws.kid().map_or_else(|| "no key named".to_owned(), tame);
    let found = candidates(keys, jws.kid(), alg);
    let outcome = found.as_ref().map(drop).map_err(Clone::clone);
    check(trace, "ID token key", "a key of the provider", Actual::plain(&kid), outcome)?;
    let verified = try_keys(jws, &found?);
    let outcome = verified.as_ref().map(drop).map_err(Clone::clone);
    let told = match &outcome {
        Ok(()) => format!("verifies ({kid})"),
        Err(rejection) => rejection.to_string(),
    };
    check(trace, "ID token signature", "verifies", Actual::plain(told), outcome)?;
    verified
}

/// The claims, by the first key that verifies.
fn try_keys(jws: &Jws, keys: &[crypto::VerifyingKey]) -> Result<Object, Rejection> {
    for key in keys {
        match jws.verify::<StrictObject>(key) {
            Ok(StrictObject(claims)) => return Ok(claims),
            Err(JwsError::Payload) => return Err(Rejection::Claims),
            Err(_) => {}
        }
    }
    Err(if jws.kid().is_some() { Rejection::BadSignature } else { Rejection::NoKeyVerifies })
}

/// The claims under examination.
struct Checks<'a, 'e, 't> {
    claims: &'a Object,
    expected: &'a IdTokenExpectations<'e>,
    trace: &'t mut Trace,
}

impl Checks<'_, '_, '_> {
    /// All of them in the order of the standard; the subject at the end.
    fn all(mut self) -> Result<String, Rejection> {
        self.issuer()?;
        self.audience()?;
        self.authorized_party()?;
        self.expiry()?;
        self.issued_at()?;
        self.not_before()?;
        self.nonce()?;
        self.authentication_time()?;
        self.access_token_hash()?;
        self.subject()
    }

    /// The issuer, character by character (item 2).
    fn issuer(&mut self) -> Result<(), Rejection> {
        let iss = self.text("iss").unwrap_or("none");
        let outcome = ensure(iss == self.expected.issuer, Rejection::OtherIssuer(tame(iss)));
        let actual = Actual::plain(tame(iss));
        self.step("ID token issuer", self.expected.issuer.to_owned(), actual, outcome)
    }

    /// We are among the audiences (item 3).
    fn audience(&mut self) -> Result<(), Rejection> {
        let audiences = self.audiences();
        let ours = audiences.contains(&self.expected.client_id);
        let actual = Actual::plain(tame(&audiences.join(" ")));
        let outcome = ensure(ours, Rejection::OtherAudience);
        self.step("ID token audience", self.expected.client_id.to_owned(), actual, outcome)
    }

    /// With several audiences, or when it is named at all, the authorized party is us (items 4, 5).
    fn authorized_party(&mut self) -> Result<(), Rejection> {
        if self.audiences().len() < 2 && !self.claims.contains_key("azp") {
            return Ok(());
        }
        let azp = self.text("azp");
        let outcome = ensure(azp == Some(self.expected.client_id), Rejection::OtherParty);
        let actual = Actual::plain(tame(azp.unwrap_or("none")));
        self.step("ID token authorized party", self.expected.client_id.to_owned(), actual, outcome)
    }

    fn expiry(&mut self) -> Result<(), Rejection> {
        let exp = self.time("exp");
        let outcome = exp.map_or(Err(Rejection::NoExpiry), |exp| {
            ensure(self.expected.now < self.later(exp), Rejection::Expired)
        });
        self.time_step("ID token expiry", "after", exp, outcome)
    }

    fn issued_at(&mut self) -> Result<(), Rejection> {
        let iat = self.time("iat");
        let outcome = iat.map_or(Err(Rejection::NoIssuedAt), |iat| {
            ensure(iat <= self.later(self.expected.now), Rejection::IssuedInFuture)
        });
        self.time_step("ID token issue time", "not after", iat, outcome)
    }

    /// RFC 7519 §4.1.5; most ID tokens have none.
    fn not_before(&mut self) -> Result<(), Rejection> {
        if !self.claims.contains_key("nbf") {
            return Ok(());
        }
        let nbf = self.time("nbf");
        let good = nbf.is_some_and(|nbf| nbf <= self.later(self.expected.now));
        self.time_step(
            "ID token not before",
            "not after",
            nbf,
            ensure(good, Rejection::NotYetValid),
        )
    }

    /// The token belongs to this login (item 11). The value is a secret of the login: not traced.
    fn nonce(&mut self) -> Result<(), Rejection> {
        let (actual, outcome) = match self.text("nonce") {
            Some(nonce) if crypto::same(nonce, self.expected.nonce) => ("the same", Ok(())),
            Some(_) => ("another", Err(Rejection::OtherNonce)),
            None => ("none", Err(Rejection::NoNonce)),
        };
        self.step("ID token nonce", "the nonce of this login", Actual::plain(actual), outcome)
    }

    /// The sign-in is as recent as we asked for (item 13), and not of tomorrow.
    fn authentication_time(&mut self) -> Result<(), Rejection> {
        let auth_time = self.time("auth_time");
        let after = self.expected.authenticated_after;
        let outcome = match (auth_time, after) {
            (None, None) => return Ok(()),
            (None, Some(_)) => Err(Rejection::NoAuthTime),
            (Some(time), _) if time > self.later(self.expected.now) => {
                Err(Rejection::AuthenticatedInFuture)
            }
            (Some(time), Some(after)) if self.later(time) < after => {
                Err(Rejection::StaleAuthentication)
            }
            (Some(_), _) => Ok(()),
        };
        let wanted = after.unwrap_or_default().to_rfc3339();
        let expected = format!("from {wanted} to {}", self.expected.now.to_rfc3339());
        self.step("authentication time", expected, told(auth_time), outcome)
    }

    /// Left half of SHA-256 over the access token, when the provider sent one (§3.1.3.8).
    fn access_token_hash(&mut self) -> Result<(), Rejection> {
        let (Some(at_hash), Some(token)) = (self.claims.get("at_hash"), self.expected.access_token)
        else {
            return Ok(());
        };
        let digest = crypto::sha256(token);
        let wanted = BASE64_URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2]);
        let good = at_hash.as_str() == Some(&wanted);
        let actual = Actual::plain(if good { "the same" } else { "another" });
        let outcome = ensure(good, Rejection::OtherAccessToken);
        self.step("access token hash", "the hash of the access token", actual, outcome)
    }

    /// 1 to 255 ASCII characters (OIDC Core §2).
    fn subject(mut self) -> Result<String, Rejection> {
        let sub = self.text("sub").unwrap_or_default();
        let good = (1..=255).contains(&sub.len())
            && sub.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let outcome = ensure(good, Rejection::NoSubject);
        let actual = Actual::personal(tame(sub));
        let sub = sub.to_owned();
        self.step("ID token subject", "1 to 255 ASCII characters", actual, outcome)?;
        Ok(sub)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    fn time(&self, name: &str) -> Option<UnixTime> {
        self.claims.get(name).and_then(numeric_date)
    }

    fn later(&self, time: UnixTime) -> UnixTime {
        time.plus(self.expected.clock_skew)
    }

    /// One text or a list of nothing but texts (RFC 7519 §4.1.3).
    fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => {
                many.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn time_step(
        &mut self,
        name: &'static str,
        relation: &str,
        time: Option<UnixTime>,
        outcome: Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let (now, skew) = (self.expected.now.to_rfc3339(), self.expected.clock_skew);
        self.step(name, format!("{relation} {now}, {skew} s allowed"), told(time), outcome)
    }

    fn step(
        &mut self,
        name: &'static str,
        expected: impl Into<Words>,
        actual: Actual,
        outcome: Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        check(self.trace, name, expected, actual, outcome)
    }
}

fn told(time: Option<UnixTime>) -> Actual {
    Actual::plain(time.map_or_else(|| "none".to_owned(), UnixTime::to_rfc3339))
}

#[cfg(test)]
mod tests;
