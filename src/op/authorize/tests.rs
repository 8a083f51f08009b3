use super::*;
use crate::domain::resource::{self, Resource};
use serde_json::json;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(extra: serde_json::Value) -> ClientApplication {
    let mut value = json!({ "resourceType": "ClientApplication", "id": "shop", "name": "Shop",
        "redirectUris": ["https://shop.example/cb"], "scopes": ["openid", "email"] });
    if let (Some(all), Some(more)) = (value.as_object_mut(), extra.as_object()) {
        all.extend(more.clone());
    }
    match resource::parse(value).expect("valid") {
        Resource::ClientApplication(client) => *client,
        other => panic!("{other:?}"),
    }
}

fn asked(query: &str) -> Result<Asked, Refusal> {
    let parameters = Parameters::parse(query.as_bytes()).expect("no parameter twice");
    let client = client(json!({}));
    check_request(&parameters, &client, "https://shop.example/cb".into(), UnixTime(1_000))
}

fn good() -> String {
    format!("response_type=code&scope=openid&code_challenge={CHALLENGE}&code_challenge_method=S256")
}

#[test]
fn redirects_go_to_registered_uris_of_known_clients_only() {
    let client = client(json!({}));
    for (query, expected) in [
        ("", Err(Unredirectable::NoClient)),
        ("client_id=shop", Err(Unredirectable::NoRedirectUri)),
        (
            "client_id=shop&redirect_uri=https://evil.example/cb",
            Err(Unredirectable::ForeignRedirectUri),
        ),
        ("client_id=shop&redirect_uri=https://shop.example/cb", Ok("https://shop.example/cb")),
    ] {
        let parameters = Parameters::parse(query.as_bytes()).expect("once");
        let found = redirect_to(&parameters, Some(&client));
        assert_eq!(found.as_deref(), expected.as_ref().map(|uri| *uri), "{query}");
    }
    let unknown = Parameters::parse(b"client_id=x").expect("once");
    assert_eq!(redirect_to(&unknown, None), Err(Unredirectable::UnknownClient));
}

#[test]
fn a_scope_is_granted_once_in_the_order_of_the_request() {
    let asked = asked(&good().replace("openid&", "email+openid+email+x+openid&")).expect("fine");
    assert_eq!(asked.request.scope, ["email", "openid"]);
}

#[test]
fn each_parameter_comes_once_unless_nobody_knows_it() {
    let client = client(json!({}));
    for (twice, expected) in [
        ("state=a&state=b", Some(Refusal::Repeated("state"))),
        ("scope=openid", Some(Refusal::Repeated("scope"))),
        ("response_type=code", Some(Refusal::Repeated("response_type"))),
        ("resource=urn:a&resource=urn:b", Some(Refusal::Resource)),
        ("foo=a&foo=b", None),
    ] {
        let query = format!("{}&{twice}", good());
        let parameters = Parameters::read(query.as_bytes()).expect("readable");
        let uri = "https://shop.example/cb".to_owned();
        let refused = check_request(&parameters, &client, uri, UnixTime(1_000)).err();
        assert_eq!(refused, expected, "{twice}");
    }
    for name in ["client_id", "redirect_uri"] {
        let query = "client_id=shop&redirect_uri=https://shop.example/cb";
        let query = format!("{query}&{name}=x");
        let parameters = Parameters::read(query.as_bytes()).expect("readable");
        assert!(redirect_to(&parameters, Some(&client)).is_err(), "{name}");
    }
}

#[test]
fn each_rule_has_its_word() {
    let long = "x".repeat(2_049);
    for (change, refusal) in [
        ("response_type=", Refusal::NoResponseType),
        ("response_type=token", Refusal::ResponseType),
        ("response_mode=web_message", Refusal::ResponseMode),
        ("request=x", Refusal::RequestObject),
        ("request_uri=x", Refusal::RequestUri),
        ("registration=x", Refusal::Registration),
        ("scope=openid profile", Refusal::Scope),
        ("code_challenge=", Refusal::NoChallenge),
        ("code_challenge_method=plain", Refusal::ChallengeMethod),
        ("code_challenge_method=", Refusal::ChallengeMethod),
        ("code_challenge=short", Refusal::Challenge),
        (&format!("state={long}"), Refusal::Value("state")),
        ("nonce=a%0ab", Refusal::Value("nonce")),
        ("prompt=none login", Refusal::PromptNone),
        ("prompt=create", Refusal::Prompt),
        ("max_age=-1", Refusal::MaxAge),
        ("resource=not a uri", Refusal::Resource),
        ("claims=[]", Refusal::Claims),
        ("claims={\"userinfo\":1}", Refusal::Claims),
    ] {
        let name = change.split('=').next().expect("a name");
        let rest: String = good()
            .split('&')
            .filter(|pair| !pair.starts_with(&format!("{name}=")))
            .map(|pair| format!("&{pair}"))
            .collect();
        assert_eq!(asked(&format!("{change}{rest}")), Err(refusal), "{change}");
    }
}

#[test]
fn unknown_parameters_and_scopes_are_ignored() {
    let asked = asked(&format!("{}&foo=bar&display=page", good().replace("openid", "openid+foo")))
        .expect("fine");
    assert_eq!(asked.request.scope, ["openid"]);
    assert!(!asked.request.silent && !asked.choose);
}

#[test]
fn claims_are_asked_for_within_the_scopes_of_the_application() {
    let claims = r#"{"userinfo":{"email":{"essential":true},"name":null,"x":null},"id_token":{"email":null}}"#;
    let asked = asked(&format!("{}&claims={claims}", good())).expect("fine");
    assert_eq!(asked.request.claims.userinfo, ["email"], "profile is not its scope");
    assert_eq!(asked.request.claims.id_token, ["email"]);
}

#[test]
fn offline_access_needs_the_grant_to_refresh_by() {
    for (grants, scope) in [
        (json!(["authorization_code"]), vec!["openid"]),
        (json!(["authorization_code", "refresh_token"]), vec!["openid", "offline_access"]),
    ] {
        let client =
            client(json!({ "grantTypes": grants, "scopes": ["openid", "offline_access"] }));
        let query = good().replace("openid", "openid+offline_access");
        let parameters = Parameters::parse(query.as_bytes()).expect("once");
        let asked =
            check_request(&parameters, &client, "https://shop.example/cb".into(), UnixTime(0));
        assert_eq!(asked.expect("fine").request.scope, scope);
    }
}

#[test]
fn a_fresh_sign_in_can_be_demanded() {
    let after = |extra: &str| {
        asked(&format!("{}{extra}", good())).expect("fine").request.authenticated_after
    };
    assert_eq!(after(""), None);
    assert_eq!(after("&max_age=60"), Some(UnixTime(940)));
    assert_eq!(after("&prompt=login&max_age=60"), Some(UnixTime(1_001)));
}

#[test]
fn only_confidential_clients_may_do_without_a_challenge() {
    let relaxed = client(json!({ "clientType": "confidential", "requirePkce": false }));
    let parameters = Parameters::parse(b"response_type=code&scope=openid").expect("once");
    let asked = check_request(&parameters, &relaxed, "https://shop.example/cb".into(), UnixTime(0));
    assert_eq!(asked.expect("fine").request.code_challenge, None);
}
