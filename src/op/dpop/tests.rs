use super::*;
use crate::{
    crypto::{Jwk, SigningKey},
    op::AccessToken,
};
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime(10_000);
const URL: &str = "https://sso.example/oauth2/token";

fn key(alg: SigningAlg) -> SigningKey {
    SigningKey::generate(String::new(), alg).expect("a key")
}

fn claims() -> Value {
    json!({ "jti": "1", "htm": "POST", "htu": URL, "iat": 10_000 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn header(key: &SigningKey) -> Value {
    json!({ "typ": "dpop+jwt", "alg": key.alg().name(), "jwk": key.jwk().expect("a JWK") })
}

fn expected() -> ProofExpectations<'static> {
    ProofExpectations { method: "POST", url: URL, access_token: None, now: NOW }
}

#[test]
fn a_proof_is_for_one_request_at_one_time() {
    let key = key(SigningAlg::ES256);
    let check = |claims: &Value, expected: &ProofExpectations<'_>| {
        let proof = key.sign_under(&header(&key), claims).expect("signed");
        check_proof(&proof, expected)
    };
    let at = |url: &str| with("htu", json!(url));
    for (claims, fault) in [
        (claims(), None),
        (at("https://sso.example/oauth2/token?x=1#y"), None),
        (at("HTTPS://SSO.example:443/oauth2/./token"), None),
        (with("iat", json!(9_940)), None),
        (with("iat", json!(10_060)), None),
        (with("iat", json!(10_000.7)), None),
        (with("ath", json!("x")), None),
        (at("http://sso.example/oauth2/token"), Some(ProofFault::Target)),
        (at("https://sso.example/oauth2/token/"), Some(ProofFault::Target)),
        (at("https://sso.example:444/oauth2/token"), Some(ProofFault::Target)),
        (at("https://evil.example/oauth2/token"), Some(ProofFault::Target)),
        (at("/oauth2/token"), Some(ProofFault::Target)),
        (with("htm", json!("GET")), Some(ProofFault::Target)),
        (with("htm", json!("post")), Some(ProofFault::Target)),
        (with("iat", json!(9_939)), Some(ProofFault::Time)),
        (with("iat", json!(10_061)), Some(ProofFault::Time)),
        (with("iat", json!("10000")), Some(ProofFault::Form)),
        (with("jti", json!("")), Some(ProofFault::Form)),
        (with("jti", json!("x".repeat(513))), Some(ProofFault::Form)),
        (with("jti", Value::Null), Some(ProofFault::Form)),
        (with("htu", Value::Null), Some(ProofFault::Form)),
    ] {
        assert_eq!(check(&claims, &expected()).err(), fault, "{claims}");
    }
    let with_token = ProofExpectations { access_token: Some("token"), ..expected() };
    for (ath, fault) in [
        (json!(sha256_base64url("token")), None),
        (json!(sha256_base64url("other")), Some(ProofFault::Token)),
        (Value::Null, Some(ProofFault::Token)),
    ] {
        assert_eq!(check(&with("ath", ath), &with_token).err(), fault);
    }
    let (first, other) =
        (check(&claims(), &expected()), check(&with("jti", json!("2")), &expected()));
    let (first, other) = (first.expect("fine"), other.expect("fine"));
    assert_eq!(first.jkt, other.jkt);
    assert_ne!(first.once.digest, other.once.digest);
    assert_eq!(first.once.until, UnixTime(10_061), "remembered for as long as it is taken");
}

#[test]
fn a_proof_brings_its_public_key_and_no_other() {
    for alg in SigningAlg::ALL {
        let key = key(alg);
        let check = |header: &Value| {
            let proof = key.sign_under(header, &claims()).expect("signed");
            check_proof(&proof, &expected()).err()
        };
        let change = |name: &str, value: Value| {
            let mut header = header(&key);
            header[name] = value;
            header
        };
        let mut private = header(&key);
        private["jwk"]["d"] = json!("AQAB");
        let stranger = self::key(alg).jwk().expect("a JWK");
        for (header, fault) in [
            (header(&key), None),
            (change("typ", json!("application/dpop+jwt")), None),
            (
                change("alg", json!("Ed25519")),
                (alg != SigningAlg::EdDSA).then_some(ProofFault::Key),
            ),
            (change("typ", json!("JWT")), Some(ProofFault::Form)),
            (change("typ", Value::Null), Some(ProofFault::Form)),
            (change("crit", json!(["x"])), Some(ProofFault::Form)),
            (change("alg", json!("none")), Some(ProofFault::Algorithm)),
            (change("alg", json!("HS256")), Some(ProofFault::Algorithm)),
            (change("jwk", Value::Null), Some(ProofFault::Key)),
            (change("jwk", json!({ "kty": "oct", "k": "AQAB" })), Some(ProofFault::Key)),
            (private, Some(ProofFault::Key)),
            (change("jwk", json!(stranger)), Some(ProofFault::Signature)),
        ] {
            assert_eq!(check(&header), fault, "{header}");
        }
    }
    for text in ["", "x", "a.b.c", "a.b.c, a.b.c"] {
        assert_eq!(check_proof(text, &expected()).err(), Some(ProofFault::Form), "{text}");
    }
}

/// RFC 9449 §6.1 has the thumbprint of the key in its examples.
#[test]
fn the_thumbprint_is_the_standards() {
    let jwk: Jwk = serde_json::from_value(json!({ "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "alg": "ES256", "use": "sig", "kid": "ignored" }))
    .expect("a JWK");
    let jkt = jwk.thumbprint();
    assert_eq!(jkt.as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
}

#[test]
fn a_bound_token_comes_with_a_proof_and_no_other_does() {
    let key = key(SigningAlg::EdDSA);
    let jkt = key.jwk().expect("a JWK").thumbprint().expect("a thumbprint");
    let token = |cnf: Option<&str>| -> AccessToken {
        let cnf = cnf.map(|jkt| json!({ "jkt": jkt }));
        serde_json::from_value(json!({ "iss": "i", "sub": "s", "aud": "a", "exp": 2, "iat": 1,
            "jti": "j", "client_id": "c", "scope": "", "roles": [], "cnf": cnf }))
        .expect("claims")
    };
    let claims = json!({ "jti": "1", "htm": "GET", "htu": "https://sso.example/oauth2/userinfo",
        "iat": 10_000, "ath": sha256_base64url("token") });
    let proof = key.sign_under(&header(&key), &claims).expect("signed");
    let check = |access: &AccessToken, scheme: Scheme, proof: Option<&str>| {
        let (method, path) = ("GET", "/oauth2/userinfo");
        let presented = Presented { token: "token", scheme, proof, method, path };
        check_binding(access, &presented, "https://sso.example", NOW).map(|once| once.is_some())
    };
    let (free, bound, others) = (token(None), token(Some(&jkt)), token(Some("another")));
    let proof = Some(proof.as_str());
    for (access, scheme, proof, expected) in [
        (&free, Scheme::Bearer, None, Ok(false)),
        (&free, Scheme::Bearer, proof, Ok(false)),
        (&free, Scheme::Dpop, proof, Err(ProofFault::NotBound)),
        (&bound, Scheme::Dpop, proof, Ok(true)),
        (&bound, Scheme::Dpop, None, Err(ProofFault::Missing)),
        (&bound, Scheme::Bearer, None, Err(ProofFault::Bound)),
        (&bound, Scheme::Bearer, proof, Err(ProofFault::Bound)),
        (&others, Scheme::Dpop, proof, Err(ProofFault::OtherKey)),
    ] {
        assert_eq!(check(access, scheme, proof), expected, "{scheme:?} {proof:?}");
    }
}

#[test]
fn a_key_once_named_is_demanded() {
    assert_eq!(check_key(None, None), Ok(()));
    assert_eq!(check_key(None, Some("a")), Ok(()));
    assert_eq!(check_key(Some("a"), Some("a")), Ok(()));
    assert_eq!(check_key(Some("a"), Some("b")), Err(TokenRefusal::OtherKey));
    assert_eq!(check_key(Some("a"), None), Err(ProofFault::Missing.into()));
    let read = |form: &str| read_jkt(&Parameters::parse(form.as_bytes()).expect("once"));
    assert_eq!(read(""), Ok(None));
    assert!(read(&format!("dpop_jkt={}", "x".repeat(43))).is_ok_and(|jkt| jkt.is_some()));
    assert!(read("dpop_jkt=short").is_err());
    assert!(read(&format!("dpop_jkt={}", "=".repeat(43))).is_err());
}
