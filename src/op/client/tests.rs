use super::*;
use crate::{
    crypto::SigningKey,
    domain::{
        resource::{self, Resource, SigningAlg},
        words::UnixTime,
    },
};
use serde_json::{Value, json};

const ISSUER: &str = "https://sso.example";
const NOW: UnixTime = UnixTime(10_000);

fn client(method: &str) -> ClientApplication {
    let kind = if method == "none" { "public" } else { "confidential" };
    let value = json!({ "resourceType": "ClientApplication", "id": "shop", "name": "Shop",
        "clientType": kind, "redirectUris": ["https://shop.example/cb"],
        "jwksUri": "https://shop.example/jwks", "tokenEndpointAuthMethod": method });
    match resource::parse(value).expect("valid") {
        Resource::ClientApplication(client) => *client,
        other => panic!("{other:?}"),
    }
}

fn basic(text: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(text))
}

fn read(header: Option<&str>, form: &str) -> Result<ClientCredentials, Refusal> {
    read_client(header, &Parameters::parse(form.as_bytes()).expect("once"))
}

fn key(kid: &str, alg: SigningAlg) -> SigningKey {
    SigningKey::generate(kid.into(), alg).expect("a key")
}

fn claims() -> Value {
    json!({ "iss": "shop", "sub": "shop", "aud": ISSUER, "exp": 10_060, "iat": 10_000, "jti": "1" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn credentials_come_one_way_only() {
    assert_eq!(read(None, ""), Err(Refusal::NoClient));
    assert_eq!(read(None, "client_secret=b"), Err(Refusal::NoClient));
    assert!(matches!(read(Some("Bearer x"), ""), Err(Refusal::Authorization)));
    assert!(matches!(read(Some("Basic %%%"), ""), Err(Refusal::Authorization)));
    let found = read(Some(&basic("a%3Ab:p%26q+r&s")), "").expect("basic");
    assert_eq!(found.client_id.as_str(), "a:b");
    let Credential::Basic { raw, decoded } = found.credential else { panic!("basic") };
    assert_eq!((raw.as_str(), decoded.as_str()), ("p%26q+r&s", "p&q r&s"));

    let jwt = key("", SigningAlg::ES256).sign("JWT", &claims()).expect("signed");
    let assertion = format!("client_assertion_type={JWT_BEARER}&client_assertion={jwt}");
    let found = read(None, &assertion).expect("an assertion");
    assert_eq!(found, of("shop", Credential::Assertion(jwt.clone())));
    assert_eq!(read(None, &format!("{assertion}&client_id=shop")), Ok(found));
    let header = basic("shop:x");
    for (header, form) in [
        (Some(header.as_str()), "client_id=shop&client_secret=b".to_owned()),
        (Some(&header), "client_id=other".to_owned()),
        (Some(&header), assertion.clone()),
        (None, format!("{assertion}&client_secret=x")),
        (None, format!("{assertion}&client_id=other")),
    ] {
        assert_eq!(read(header, &form), Err(Refusal::TwoCredentials), "{form}");
    }
    let other_type = format!("client_assertion_type=x&client_assertion={jwt}");
    assert_eq!(read(None, &other_type), Err(AssertionFault::Type.into()));
    let no_jwt = format!("client_assertion_type={JWT_BEARER}&client_assertion=x");
    assert_eq!(read(None, &no_jwt), Err(AssertionFault::Form.into()));
}

#[test]
fn secrets_are_checked_as_registered() {
    let digest = sha256_base64url("hush");
    let basic = |text: &str| Credential::Basic { raw: text.into(), decoded: text.into() };
    for (method, presented, expected) in [
        ("none", Credential::Nothing, Ok(())),
        ("none", Credential::Post("hush".into()), Err(Refusal::AuthMethod)),
        ("none", Credential::Assertion("x".into()), Err(Refusal::AuthMethod)),
        ("client_secret_basic", Credential::Nothing, Err(Refusal::AuthMethod)),
        ("client_secret_basic", Credential::Assertion("x".into()), Err(Refusal::AuthMethod)),
        ("client_secret_basic", basic("hush"), Ok(())),
        ("client_secret_basic", basic("wrong"), Err(Refusal::WrongSecret)),
        ("client_secret_post", Credential::Post("hush".into()), Ok(())),
        ("client_secret_post", Credential::Post(String::new()), Err(Refusal::WrongSecret)),
        ("private_key_jwt", Credential::Post("hush".into()), Err(Refusal::AuthMethod)),
        ("private_key_jwt", basic("hush"), Err(Refusal::AuthMethod)),
        ("private_key_jwt", Credential::Nothing, Err(Refusal::AuthMethod)),
    ] {
        let checked = check_client_secret(&client(method), Some(&digest), &presented);
        assert_eq!(checked, expected, "{method} {presented:?}");
    }
    let none = check_client_secret(&client("client_secret_basic"), None, &basic(""));
    assert_eq!(none, Err(Refusal::WrongSecret));
}

#[test]
fn an_assertion_is_for_us_from_the_application_and_short() {
    let key = key("a", SigningAlg::ES256);
    let keys = JwkSet { keys: vec![key.jwk().expect("jwk")] };
    let id = ClientId::from("shop");
    let expected = SignedExpectations { client: &id, alg: None, issuer: ISSUER, now: NOW };
    let check = |typ: &str, claims: &Value| {
        check_assertion(&key.sign(typ, claims).expect("signed"), &keys, &expected)
    };
    let long = "x".repeat(513);
    for (claims, fault) in [
        (claims(), None),
        (with("aud", json!([ISSUER])), None),
        (with("aud", json!("https://sso.example/oauth2/token")), None),
        (with("exp", json!(13_630)), None),
        (with("exp", json!(9_971)), None),
        (with("exp", json!(10_060.5)), None),
        (with("iat", json!(10_030)), None),
        (with("aud", json!("https://sso.example.evil")), Some(AssertionFault::Audience)),
        (with("aud", json!("https://sso.example/")), Some(AssertionFault::Audience)),
        (with("aud", json!([ISSUER, "https://else.example"])), Some(AssertionFault::Form)),
        (with("aud", json!([])), Some(AssertionFault::Form)),
        (with("iss", json!("else")), Some(AssertionFault::Subject)),
        (with("sub", json!("else")), Some(AssertionFault::Subject)),
        (with("exp", json!(9_970)), Some(AssertionFault::Time)),
        (with("exp", json!(13_631)), Some(AssertionFault::TooLong)),
        (with("exp", json!("10060")), Some(AssertionFault::Form)),
        (with("exp", json!(1e300)), Some(AssertionFault::Form)),
        (with("nbf", json!(10_031)), Some(AssertionFault::Time)),
        (with("iat", json!(10_031)), Some(AssertionFault::Time)),
        (with("jti", json!("")), Some(AssertionFault::Form)),
        (with("jti", json!(long)), Some(AssertionFault::Form)),
        (with("jti", Value::Null), Some(AssertionFault::Form)),
    ] {
        assert_eq!(check("JWT", &claims).err(), fault, "{claims}");
    }
    assert!(check("client-authentication+jwt", &claims()).is_ok());
    for typ in ["at+jwt", "dpop+jwt", "logout+jwt"] {
        assert_eq!(check(typ, &claims()), Err(AssertionFault::Form), "{typ}");
    }
    let (first, other) = (check("JWT", &claims()), check("JWT", &with("jti", json!("2"))));
    let (first, other) = (first.expect("fine"), other.expect("fine"));
    assert_eq!(first, check("JWT", &claims()).expect("fine"), "known by its jti");
    assert_ne!(first.digest, other.digest);
    assert_eq!(first.until, UnixTime(10_090), "for as long as it would be taken");
}

#[test]
fn only_keys_of_the_application_count_and_only_for_their_algorithm() {
    let known: Vec<_> = SigningAlg::ALL.map(|alg| key(alg.name(), alg)).into_iter().collect();
    let mut keys = JwkSet { keys: known.iter().map(|key| key.jwk().expect("jwk")).collect() };
    let id = ClientId::from("shop");
    let any = SignedExpectations { client: &id, alg: None, issuer: ISSUER, now: NOW };
    for key in &known {
        let jwt = key.sign("JWT", &claims()).expect("signed");
        assert!(check_assertion(&jwt, &keys, &any).is_ok(), "{key:?}");
        let only = SignedExpectations { alg: Some(SigningAlg::PS256), ..any };
        let fits = key.alg() == SigningAlg::PS256;
        let refused = (!fits).then_some(AssertionFault::Algorithm);
        assert_eq!(check_assertion(&jwt, &keys, &only).err(), refused, "{key:?}");
    }
    let stranger = key("ES256", SigningAlg::ES256).sign("JWT", &claims()).expect("signed");
    assert_eq!(check_assertion(&stranger, &keys, &any), Err(AssertionFault::Signature));
    let unknown = key("z", SigningAlg::ES256).sign("JWT", &claims()).expect("signed");
    assert_eq!(check_assertion(&unknown, &keys, &any), Err(AssertionFault::UnknownKey));
    let unnamed = key("", SigningAlg::ES256);
    keys.keys.push(unnamed.jwk().expect("jwk"));
    let jwt = unnamed.sign("JWT", &claims()).expect("signed");
    assert!(check_assertion(&jwt, &keys, &any).is_ok(), "all of the kind are tried");
}
