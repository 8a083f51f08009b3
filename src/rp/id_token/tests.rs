//! Good and bad ID tokens, as tables.

use std::sync::LazyLock;

use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::json;

use super::*;
use crate::crypto::{Jwk, SigningKey};

const NOW: UnixTime = UnixTime(1_800_000_000);

static KEYS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| {
    [("a", SigningAlg::RS256), ("b", SigningAlg::RS256), ("c", SigningAlg::ES256)]
        .map(|(kid, alg)| SigningKey::generate(kid.into(), alg).expect("key"))
});

fn published() -> JwkSet {
    JwkSet { keys: KEYS.iter().map(|key| key.jwk().expect("jwk")).collect() }
}

fn expected() -> IdTokenExpectations<'static> {
    IdTokenExpectations {
        issuer: "https://op.example",
        client_id: "medict",
        nonce: "n-1",
        alg: SigningAlg::RS256,
        now: NOW,
        clock_skew: CLOCK_SKEW,
        authenticated_after: None,
        access_token: Some("access"),
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://op.example", "sub": "ada", "aud": "medict", "nonce": "n-1",
        "iat": NOW, "exp": NOW.plus(300), "email": "ada@hospital.example",
    })
}

/// The good claims with one replaced, or left out when `value` is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if let Some(claims) = claims.as_object_mut() {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.into(), value),
        };
    }
    claims
}

fn sign(claims: &Value) -> String {
    KEYS[0].sign("JWT", claims).expect("signed")
}

fn judge(token: &str, expected: &IdTokenExpectations<'_>) -> Result<VerifiedIdToken, Rejection> {
    judge_with(token, &published(), expected)
}

/// Every verdict is told in the trace: nothing failed, or exactly the last step.
fn judge_with(
    token: &str,
    keys: &JwkSet,
    expected: &IdTokenExpectations<'_>,
) -> Result<VerifiedIdToken, Rejection> {
    let mut trace = Trace::default();
    let verdict = verify_id_token(token, keys, expected, &mut trace);
    let failed = trace.failure();
    assert_eq!(failed.is_some(), verdict.is_err(), "{trace:?}");
    assert_eq!(failed, failed.and(trace.steps.last()), "a failure is the last step");
    assert!(failed.is_none_or(|step| step.mend.is_some()));
    verdict
}

/// Three parts with any header and payload, signed as RS256 by the first key whatever they say.
fn by_hand(header: &str, payload: &str) -> String {
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(payload));
    let key = PKey::private_key_from_pkcs8(&KEYS[0].to_der().expect("der")).expect("key");
    let signature = Signer::new(MessageDigest::sha256(), &key)
        .and_then(|mut signer| signer.sign_oneshot_to_vec(signed.as_bytes()))
        .expect("signed");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_good_token_is_believed() {
    let verified = judge(&sign(&claims()), &expected()).expect("good");
    assert_eq!(verified.subject(), "ada");
    let statement = verified.statement(None);
    assert_eq!(statement.attributes["email"], "ada@hospital.example");
    assert!(!statement.attributes.contains_key("nonce"));
}

#[test]
fn variations_that_the_standard_allows() {
    for (name, value) in [
        ("aud", json!(["medict"])),
        ("azp", json!("medict")),
        ("exp", json!(NOW.plus(-59))),
        ("exp", json!(1_800_000_300.5)),
        ("iat", json!(NOW.plus(60))),
        ("nbf", json!(NOW.plus(60))),
        ("auth_time", json!(NOW.plus(-80_000))),
        ("sub", json!("x".repeat(255))),
    ] {
        let token = sign(&with(name, value.clone()));
        assert!(judge(&token, &expected()).is_ok(), "{name}: {value}");
    }
    let mut several = with("aud", json!(["other", "medict"]));
    several["azp"] = json!("medict");
    assert!(judge(&sign(&several), &expected()).is_ok());
}

#[test]
fn each_wrong_claim_has_its_own_name() {
    let issuer = |found: &str| Rejection::OtherIssuer(found.into());
    for (name, value, rejection) in [
        ("iss", json!("https://op.example/"), issuer("https://op.example/")),
        ("iss", json!("https://evil.example"), issuer("https://evil.example")),
        ("iss", json!(["https://op.example"]), issuer("none")),
        ("iss", json!(null), issuer("none")),
        ("aud", json!("other"), Rejection::OtherAudience),
        ("aud", json!(["other"]), Rejection::OtherAudience),
        ("aud", json!(["medict", 1]), Rejection::OtherAudience),
        ("aud", json!([]), Rejection::OtherAudience),
        ("aud", json!("medict "), Rejection::OtherAudience),
        ("aud", json!(null), Rejection::OtherAudience),
        ("aud", json!(["medict", "other"]), Rejection::OtherParty),
        ("azp", json!("other"), Rejection::OtherParty),
        ("azp", json!(7), Rejection::OtherParty),
        ("exp", json!(null), Rejection::NoExpiry),
        ("exp", json!("soon"), Rejection::NoExpiry),
        ("exp", json!(1e300), Rejection::NoExpiry),
        ("exp", json!(NOW.plus(-60)), Rejection::Expired),
        ("iat", json!(null), Rejection::NoIssuedAt),
        ("iat", json!("now"), Rejection::NoIssuedAt),
        ("iat", json!(NOW.plus(61)), Rejection::IssuedInFuture),
        ("nbf", json!(NOW.plus(61)), Rejection::NotYetValid),
        ("nbf", json!("x"), Rejection::NotYetValid),
        ("nonce", json!(null), Rejection::NoNonce),
        ("nonce", json!(1), Rejection::NoNonce),
        ("nonce", json!(""), Rejection::OtherNonce),
        ("nonce", json!("n-2"), Rejection::OtherNonce),
        ("sub", json!(null), Rejection::NoSubject),
        ("sub", json!(""), Rejection::NoSubject),
        ("sub", json!(7), Rejection::NoSubject),
        ("sub", json!("adä"), Rejection::NoSubject),
        ("sub", json!("ada\n"), Rejection::NoSubject),
        ("sub", json!("x".repeat(256)), Rejection::NoSubject),
        ("at_hash", json!("other"), Rejection::OtherAccessToken),
        ("at_hash", json!(7), Rejection::OtherAccessToken),
        ("auth_time", json!(NOW.plus(61)), Rejection::AuthenticatedInFuture),
    ] {
        let verdict = judge(&sign(&with(name, value.clone())), &expected());
        assert_eq!(verdict.err(), Some(rejection), "{name}: {value}");
    }
}

#[test]
fn a_fresh_sign_in_is_proven_by_its_time() {
    let expected = IdTokenExpectations { authenticated_after: Some(NOW.plus(-100)), ..expected() };
    for (value, rejection) in [
        (json!(NOW), None),
        (json!(NOW.plus(-160)), None),
        (json!(NOW.plus(-161)), Some(Rejection::StaleAuthentication)),
        (json!(null), Some(Rejection::NoAuthTime)),
        (json!("now"), Some(Rejection::NoAuthTime)),
    ] {
        let verdict = judge(&sign(&with("auth_time", value.clone())), &expected);
        assert_eq!(verdict.err(), rejection, "{value}");
    }
}

#[test]
fn the_hash_of_the_access_token_is_checked_when_it_came() {
    let digest = crypto::sha256("access");
    let good = with("at_hash", json!(BASE64_URL_SAFE_NO_PAD.encode(&digest[..16])));
    assert!(judge(&sign(&good), &expected()).is_ok());
    let other = IdTokenExpectations { access_token: Some("other"), ..expected() };
    assert_eq!(judge(&sign(&good), &other).err(), Some(Rejection::OtherAccessToken));
}

#[test]
fn the_algorithm_is_ours_to_choose() {
    let claims = claims().to_string();
    for alg in ["none", "None", "nOnE", "HS256", "RS512", "rs256", "ES256", ""] {
        let token = by_hand(&format!(r#"{{"alg":"{alg}","kid":"a"}}"#), &claims);
        let unsigned = token.rsplit_once('.').map(|(signed, _)| format!("{signed}."));
        for token in [token, unsigned.expect("parts")] {
            let other = Rejection::OtherAlgorithm(alg.into());
            assert_eq!(judge(&token, &expected()).err(), Some(other), "{token}");
        }
    }
    let elliptic = KEYS[2].sign("JWT", &super::tests::claims()).expect("signed");
    assert!(judge(&elliptic, &expected()).is_err());
    let es256 = IdTokenExpectations { alg: SigningAlg::ES256, ..expected() };
    assert!(judge(&elliptic, &es256).is_ok());
    assert!(judge(&sign(&super::tests::claims()), &es256).is_err());
}

#[test]
fn odd_headers_and_payloads_are_refused() {
    let good = claims().to_string();
    let twice = good.replacen('{', r#"{"sub":"eve","#, 1);
    let nested = good.replacen('{', r#"{"address":{"x":1,"x":2},"#, 1);
    let plain = r#"{"alg":"RS256","kid":"a"}"#;
    let other_type = |typ: &str| Rejection::OtherType(typ.into());
    for (header, payload, rejection) in [
        (plain, good.as_str(), None),
        (r#"{"alg":"RS256","kid":"a","typ":"jwt","jku":"https://evil.example"}"#, &good, None),
        (r#"{"alg":"RS256","kid":"a","typ":"at+jwt"}"#, &good, Some(other_type("at+jwt"))),
        (r#"{"alg":"RS256","kid":"a","typ":"logout+jwt"}"#, &good, Some(other_type("logout+jwt"))),
        (r#"{"alg":"RS256","kid":"a","crit":["x"]}"#, &good, Some(Rejection::Critical)),
        (r#"{"alg":"RS256","alg":"RS256","kid":"a"}"#, &good, Some(Rejection::NotSigned)),
        (r#"{"kid":"a"}"#, &good, Some(Rejection::NotSigned)),
        (plain, &twice, Some(Rejection::Claims)),
        (plain, &nested, Some(Rejection::Claims)),
        (plain, "[]", Some(Rejection::Claims)),
        (plain, "", Some(Rejection::Claims)),
    ] {
        let verdict = judge(&by_hand(header, payload), &expected());
        assert_eq!(verdict.err(), rejection, "{header} {payload}");
    }
    let encrypted = "a.b.c.d.e";
    for token in ["", "opaque", "..", encrypted, &"a".repeat(100_000)] {
        assert_eq!(judge(token, &expected()).err(), Some(Rejection::NotSigned));
    }
}

#[test]
fn the_key_is_found_by_name_or_tried() {
    let jwk = |key: &SigningKey| key.jwk().expect("jwk");
    let nameless = |key: &SigningKey| Jwk { kid: None, ..jwk(key) };
    let set = |keys: Vec<Jwk>| JwkSet { keys };
    let [a, b, c] = &*KEYS;
    let named = sign(&claims());
    let bare = by_hand(r#"{"alg":"RS256"}"#, &claims().to_string());
    let imposter = Jwk { kid: Some("a".into()), ..jwk(b) };
    for (token, keys, rejection) in [
        (&named, set(vec![jwk(b), jwk(a)]), None),
        (&named, set(vec![imposter.clone(), jwk(a)]), None),
        (&named, set(vec![imposter]), Some(Rejection::BadSignature)),
        (&named, set(vec![jwk(b)]), Some(Rejection::UnknownKey)),
        (&named, set(vec![nameless(a)]), Some(Rejection::UnknownKey)),
        (&named, set(vec![Jwk { kid: Some("a".into()), ..jwk(c) }]), Some(Rejection::UnfitKey)),
        (&named, set(vec![Jwk { use_: Some("enc".into()), ..jwk(a) }]), Some(Rejection::UnfitKey)),
        (&named, set(vec![]), Some(Rejection::UnknownKey)),
        (&bare, set(vec![nameless(a)]), None),
        (&bare, set(vec![jwk(c), jwk(b), nameless(a)]), None),
        (&bare, set(vec![jwk(b)]), Some(Rejection::NoKeyVerifies)),
        (&bare, set(vec![jwk(c)]), Some(Rejection::UnknownKey)),
        (&bare, set([vec![jwk(b); 8], vec![jwk(a)]].concat()), Some(Rejection::NoKeyVerifies)),
    ] {
        let verdict = judge_with(token, &keys, &expected());
        assert_eq!(verdict.err(), rejection, "{keys:?}");
    }
}

#[test]
fn changed_bytes_are_noticed() {
    let token = sign(&claims());
    let parts: Vec<_> = token.split('.').collect();
    let other = BASE64_URL_SAFE_NO_PAD.encode(with("sub", json!("eve")).to_string());
    let forged = [parts[0], &other, parts[2]].join(".");
    assert_eq!(judge(&forged, &expected()).err(), Some(Rejection::BadSignature));
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(judge(&unsigned, &expected()).err(), Some(Rejection::BadSignature));
}

#[test]
fn the_trace_keeps_people_apart() {
    let mut trace = Trace::default();
    verify_id_token(&sign(&claims()), &published(), &expected(), &mut trace).expect("good");
    let names: Vec<_> = trace.steps.iter().map(|step| step.check.as_ref()).collect();
    assert_eq!(
        names,
        [
            "ID token form",
            "ID token type",
            "ID token algorithm",
            "ID token key",
            "ID token signature",
            "ID token issuer",
            "ID token audience",
            "ID token expiry",
            "ID token issue time",
            "ID token nonce",
            "ID token subject",
        ]
    );
    let kept = serde_json::to_string(&trace.redacted()).expect("json");
    assert!(!kept.contains("ada") && !kept.contains("n-1"), "{kept}");
}
