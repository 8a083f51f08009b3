use super::*;
use serde_json::json;

fn client(uris: &[&str]) -> ClientApplication {
    ClientApplication::parse(json!({ "name": "x", "redirectUris": uris })).expect("valid")
}

#[test]
fn redirect_uris_are_compared_exactly_but_for_loopback_ports() {
    let client = client(&["https://app.example/cb", "http://127.0.0.1:9000/cb"]);
    for (uri, allowed) in [
        ("https://app.example/cb", true),
        ("https://app.example/cb/", false),
        ("https://app.example/cb?x=1", false),
        ("https://APP.example/cb", false),
        ("https://app.example:443/cb", false),
        ("https://app.example/x/../cb", false),
        ("http://127.0.0.1:9000/cb", true),
        ("http://127.0.0.1:51234/cb", true),
        ("http://127.0.0.1:51234/other", false),
        ("http://127.0.0.1:51234/x/../cb", false),
        ("http://user@127.0.0.1:51234/cb", false),
        ("http://localhost:51234/cb", false),
        ("http://127.0.0.2:9000/cb", false),
        ("https://127.0.0.1:9000/cb", false),
    ] {
        assert_eq!(client.allows_redirect_to(uri), allowed, "{uri}");
    }
}

#[test]
fn sign_ins_are_handed_over_at_web_addresses_only() {
    for (uri, allowed) in [
        ("https://app.example/login", true),
        ("http://127.0.0.1:9000/login?x=1", true),
        ("http://app.example/login", false),
        ("https://app.example/login#f", false),
        ("com.example.app:/login", false),
        ("javascript:alert(1)", false),
    ] {
        let parsed = ClientApplication::parse(json!({
            "name": "x", "redirectUris": ["https://app.example/cb"], "initiateLoginUri": uri,
        }));
        assert_eq!(parsed.is_ok(), allowed, "{uri}");
    }
}

#[test]
fn an_application_that_signs_has_its_keys_in_one_place() {
    let (jwks, uri) = (json!({ "keys": [{ "kty": "EC" }] }), "https://app.example/jwks");
    let private = json!({ "keys": [{ "kty": "EC" }, { "kty": "EC", "d": "x" }] });
    for (more, path) in [
        (json!({ "jwks": jwks }), None),
        (json!({ "jwksUri": uri }), None),
        (json!({}), Some("jwks")),
        (json!({ "jwks": jwks, "jwksUri": uri }), Some("jwksUri")),
        (json!({ "jwksUri": "http://app.example/jwks" }), Some("jwksUri")),
        (json!({ "jwks": { "keys": [] } }), Some("jwks")),
        (json!({ "jwks": private }), Some("jwks.keys[1]")),
        (json!({ "jwks": jwks, "secret": "a-secret-of-some-length" }), Some("secret")),
        (json!({ "jwks": jwks, "clientType": "public" }), Some("tokenEndpointAuthMethod")),
    ] {
        let mut value = json!({ "name": "x", "clientType": "confidential",
            "redirectUris": ["https://app.example/cb"],
            "tokenEndpointAuthMethod": "private_key_jwt" });
        for (name, element) in more.as_object().expect("an object") {
            value[name] = element.clone();
        }
        let refused = ClientApplication::parse(value).err().map(|invalid| invalid.path);
        assert_eq!(refused.as_deref(), path, "{more}");
    }
}

#[test]
fn frames_are_of_an_origin_that_receives_codes() {
    for (uri, allowed) in [
        ("https://app.example/out?x=1", true),
        ("https://app.example:444/out", false),
        ("https://other.example/out", false),
        ("javascript:alert(1)", false),
    ] {
        let parsed = ClientApplication::parse(json!({
            "name": "x", "redirectUris": ["https://app.example/cb"],
            "frontchannelLogoutUri": uri,
        }));
        assert_eq!(parsed.is_ok(), allowed, "{uri}");
    }
}

#[test]
fn dangerous_schemes_cannot_be_registered() {
    for uri in
        ["javascript:alert(1)", "data:text/html,x", "http://app.example/", "/cb", "https://a/#f"]
    {
        let parsed = ClientApplication::parse(json!({ "name": "x", "redirectUris": [uri] }));
        assert!(parsed.is_err(), "{uri}");
    }
    client(&["com.example.app:/oauth"]);
}

#[test]
fn addresses_are_written_in_the_characters_of_a_uri() {
    use crate::domain::resource::{parse, parse_stored};
    let bad = "https://app.example/r\u{fc}ckruf";
    for (field, value, path) in [
        (
            "redirectUris",
            json!(["https://app.example/cb", "https://app.example/c\nb"]),
            "redirectUris[1]",
        ),
        ("redirectUris", json!(["https://app.example/c\tb"]), "redirectUris[0]"),
        ("redirectUris", json!([" https://app.example/cb"]), "redirectUris[0]"),
        ("redirectUris", json!([bad]), "redirectUris[0]"),
        ("postLogoutRedirectUris", json!([bad]), "postLogoutRedirectUris[0]"),
        ("initiateLoginUri", json!(bad), "initiateLoginUri"),
        ("backchannelLogoutUri", json!(bad), "backchannelLogoutUri"),
        ("frontchannelLogoutUri", json!(bad), "frontchannelLogoutUri"),
        ("jwksUri", json!(bad), "jwksUri"),
        ("audiences", json!(["https://fhir.example", bad]), "audiences[1]"),
    ] {
        let mut value = json!({ "resourceType": "ClientApplication", "name": "x",
            "clientType": "confidential", "redirectUris": ["https://app.example/cb"], field: value });
        let invalid = parse(value.clone()).expect_err(field);
        assert_eq!(invalid.path, path);
        assert!(invalid.problem.contains("percent-encoded"), "how to mend it: {invalid}");
        parse_stored(value.clone()).expect("what is stored already stays");
        if value[field] == json!([bad]) || value[field] == json!(bad) {
            let text = value.to_string().replace('\u{fc}', "%C3%BC");
            value = serde_json::from_str(&text).expect("JSON");
            parse(value).expect("percent-encoded it will do");
        }
    }
}

#[test]
fn resources_are_absolute_uris_without_fragment() {
    let with = |resources: &[&str]| {
        crate::domain::resource::parse(json!({ "resourceType": "ClientApplication", "name": "x",
            "redirectUris": ["https://app.example/cb"], "resources": resources }))
    };
    with(&["https://fhir.example", "urn:hospital:archive"]).expect("fine");
    for bad in ["fhir", "https://fhir.example/#part", ""] {
        let invalid = with(&["https://fhir.example", bad]).expect_err(bad);
        assert_eq!(invalid.path, "resources[1]", "{bad}");
    }
}
