//! Token exchange: an application goes on to another resource on a person's behalf (RFC 8693).

use medict::{domain::resource::SigningAlg, samples::key_holder::KeyHolder};
use serde_json::{Value, json};

use super::refresh::refreshing_for;
use crate::world::{Application, Tokens, World, stories};

const GATEWAY: &str = "https://gateway.hospital.example";
const ARCHIVE: &str = "https://archive.hospital.example";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SECRET: &str = "a-secret-of-32-characters-0000000";

/// An application that serves one resource and may go on to others.
async fn service(world: &World, id: &str, serves: &str, goes_on_to: &[&str]) -> Application {
    world.apply(vec![json!({ "resourceType": "ClientApplication", "id": id, "name": id,
        "clientType": "confidential", "secret": SECRET, "grantTypes": [EXCHANGE, "client_credentials"],
        "scopes": ["openid", "profile", "reports"], "audiences": [serves],
        "exchangeAudiences": goes_on_to })]).await;
    Application::new(world, id, Some(SECRET))
}

/// A person signs in to the shop, which wants a token for the gateway.
async fn sign_in(world: &World) -> (Application, Tokens) {
    let shop = refreshing_for(world, "shop", &[GATEWAY]).await;
    let mut browser = world.browser();
    let url = shop.authorize_url(&[("idp", "corporate"), ("resource", GATEWAY)]);
    browser.open(&url).await.expect("the callback");
    let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
    (shop, tokens)
}

async fn exchange(
    service: &Application,
    token: &str,
    extra: &[(&str, &str)],
) -> Result<Tokens, String> {
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", ARCHIVE),
    ];
    form.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
    form.extend(extra.iter().copied().filter(|(_, value)| !value.is_empty()));
    form.push(("client_id", &service.client_id));
    service.token(&form).await
}

stories! {
    /// The new token is the person's, for the other resource, with less, and says who acts.
    async fn a_service_goes_on_for_the_person(world: World) {
        let gateway = service(&world, "gateway", GATEWAY, &[ARCHIVE]).await;
        let archive = service(&world, "archive", ARCHIVE, &["https://vault.hospital.example"]).await;
        let (shop, tokens) = sign_in(&world).await;
        let before = shop.verified(&tokens.access_token, SigningAlg::ES256).await;
        let new = exchange(&gateway, &tokens.access_token, &[]).await.expect("exchanged");
        assert_eq!((&new.body["issued_token_type"], &new.body["token_type"]), (&json!(ACCESS_TOKEN), &json!("Bearer")));
        assert!(new.refresh_token.is_empty() && new.id_token.is_empty());
        let after = gateway.verified(&new.access_token, SigningAlg::ES256).await;
        for same in ["iss", "sub", "sid", "auth_time", "roles", "organization"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert_eq!((&after["aud"], &after["client_id"]), (&json!(ARCHIVE), &json!("gateway")));
        assert_eq!(after["scope"], "openid profile", "without what the gateway is not registered for");
        assert_eq!(after["act"], json!({ "sub": "gateway" }));
        assert!(after["exp"].as_i64() <= before["exp"].as_i64());

        let known = archive.introspect(&new.access_token).await;
        assert_eq!((&known["active"], &known["act"]), (&json!(true), &json!({ "sub": "gateway" })));
        let vault = [("audience", "https://vault.hospital.example"), ("scope", "openid")];
        let further = exchange(&archive, &new.access_token, &vault).await.expect("once more");
        let further = archive.verified(&further.access_token, SigningAlg::ES256).await;
        assert_eq!(further["act"], json!({ "sub": "archive", "act": { "sub": "gateway" } }));
        assert_eq!((&further["scope"], &further["sub"]), (&json!("openid"), &before["sub"]));
        assert!(further["exp"].as_i64() <= after["exp"].as_i64());
    }

    /// Not more than the token has, not further than the application may, not with somebody else's token.
    async fn nobody_gains_by_an_exchange(world: World) {
        let gateway = service(&world, "gateway", GATEWAY, &[ARCHIVE]).await;
        let stranger = service(&world, "stranger", "https://else.example", &[ARCHIVE]).await;
        let (shop, tokens) = sign_in(&world).await;
        let token = tokens.access_token.as_str();
        let own = gateway.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        for (service, token, extra, error) in [
            (&stranger, token, ("scope", ""), "invalid_request"),
            (&gateway, token, ("audience", "https://vault.hospital.example"), "invalid_target"),
            (&gateway, token, ("resource", GATEWAY), "invalid_target"),
            (&gateway, token, ("audience", ""), "invalid_request"),
            (&gateway, token, ("scope", "email"), "invalid_scope"),
            (&gateway, token, ("scope", "reports"), "invalid_scope"),
            (&gateway, token, ("actor_token", "x"), "invalid_request"),
            (&gateway, token, ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"),
            (&gateway, token, ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"),
            (&gateway, &tokens.id_token, ("scope", ""), "invalid_request"),
            (&gateway, &tokens.refresh_token, ("scope", ""), "invalid_request"),
            (&gateway, &own.access_token, ("scope", ""), "invalid_request"),
            (&gateway, "x", ("scope", ""), "invalid_request"),
            (&shop, token, ("scope", ""), "unauthorized_client"),
        ] {
            assert_eq!(exchange(service, token, &[extra]).await.unwrap_err(), error, "{extra:?}");
        }
        assert_eq!(gateway.introspect(token).await["active"], true, "nothing was changed");
    }

    /// It ends with the person's sign-in, for good; it does not end that itself; and it can end alone.
    async fn an_exchanged_token_lives_by_the_sign_in(world: World) {
        let gateway = service(&world, "gateway", GATEWAY, &[ARCHIVE]).await;
        let (shop, tokens) = sign_in(&world).await;
        let new = exchange(&gateway, &tokens.access_token, &[]).await.expect("exchanged");
        let other = exchange(&gateway, &tokens.access_token, &[]).await.expect("exchanged");
        assert_eq!(gateway.sign_out(&new).await, 401, "not for us");
        assert_eq!(gateway.introspect(&tokens.access_token).await["active"], true);
        assert_eq!(gateway.introspect(&new.access_token).await["active"], true);
        assert_eq!(gateway.revoke(&new.access_token).await, 200);
        assert_eq!(gateway.introspect(&new.access_token).await["active"], false);
        assert_eq!(exchange(&gateway, &new.access_token, &[]).await.unwrap_err(), "invalid_request", "revoked");
        assert_eq!(gateway.introspect(&other.access_token).await["active"], true);
        assert_eq!(gateway.introspect(&tokens.access_token).await["active"], true, "still signed in");
        assert_eq!(shop.revoke(&tokens.refresh_token).await, 200);
        assert_eq!(gateway.introspect(&other.access_token).await, json!({ "active": false }));
        assert_eq!(exchange(&gateway, &tokens.access_token, &[]).await.unwrap_err(), "invalid_request");
    }

    /// Where it may go on to us: it tells what its own scope covers, not what the person's application had asked
    /// for by name, and ends nobody's session.
    async fn who_acts_for_a_person_learns_no_more_than_his_scope(world: World) {
        let gateway = service(&world, "gateway", GATEWAY, &[&world.url]).await;
        let shop = refreshing_for(&world, "shop", &[GATEWAY]).await;
        let mut browser = world.browser();
        let asked = r#"{"userinfo":{"email":null}}"#;
        let url = shop.authorize_url(&[("idp", "corporate"), ("resource", GATEWAY), ("claims", asked)]);
        browser.open(&url).await.expect("the callback");
        let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        let here = [("audience", world.url.as_str()), ("scope", "openid")];
        let new = exchange(&gateway, &tokens.access_token, &here).await.expect("exchanged");
        let (status, told) = gateway.userinfo(&new).await;
        assert_eq!((status, told["email"].is_null(), told["sub"].is_string()), (200, true, true), "{told}");
        assert_eq!(gateway.sign_out(&new).await, 403, "not its session");
    }

    /// Nor longer than the token that was given for it.
    async fn an_exchanged_token_does_not_outlive_the_other(world: World) {
        let gateway = service(&world, "gateway", GATEWAY, &[ARCHIVE]).await;
        let (_, tokens) = sign_in(&world).await;
        world.clock.advance(600);
        let new = exchange(&gateway, &tokens.access_token, &[]).await.expect("exchanged");
        let left = new.body["expires_in"].as_i64().expect("seconds");
        assert!((1..=300).contains(&left), "{left}");
        world.clock.advance(301);
        assert_eq!(gateway.introspect(&new.access_token).await, json!({ "active": false }));
    }

    /// A token that is bound to a key is of no use to who has not the key, here as elsewhere; and a new one
    /// can be bound to the service's own.
    async fn keys_count_in_exchanges_too(world: World) {
        let gateway = service(&world, "gateway", GATEWAY, &[ARCHIVE]).await;
        let (shop, tokens) = sign_in(&world).await;
        let url = format!("{}/oauth2/token", world.url);
        let (person, own) = (KeyHolder::new(SigningAlg::ES256), KeyHolder::new(SigningAlg::EdDSA));
        let (person, own) = (person.expect("a key"), own.expect("a key"));
        let prove = |key: &KeyHolder| {
            key.sign(&KeyHolder::claims("POST", &url, None, world.clock.now())).expect("signed")
        };
        let post = async |application: &Application, form: &[(&str, &str)], proof: String| -> Value {
            let mut request = reqwest::Client::new().post(&url).header("dpop", proof).form(form);
            if let Some(secret) = &application.secret {
                request = request.basic_auth(&application.client_id, Some(secret));
            }
            let text = request.send().await.expect("an answer").text().await.expect("a body");
            serde_json::from_str(&text).expect("JSON")
        };
        let form = [("grant_type", EXCHANGE), ("subject_token", tokens.access_token.as_str()),
            ("subject_token_type", ACCESS_TOKEN), ("audience", ARCHIVE)];
        let new = post(&gateway, &form, prove(&own)).await;
        assert_eq!(new["token_type"], "DPoP", "{new}");
        let claims = gateway.verified(new["access_token"].as_str().expect("a token"), SigningAlg::ES256).await;
        assert_eq!(claims["cnf"]["jkt"], json!(own.jkt().expect("a thumbprint")));

        let refresh = [("grant_type", "refresh_token"), ("client_id", "shop"),
            ("refresh_token", tokens.refresh_token.as_str())];
        let bound = post(&shop, &refresh, prove(&person)).await;
        assert_eq!(bound["token_type"], "DPoP", "{bound}");
        let token = bound["access_token"].as_str().expect("a token");
        assert_eq!(exchange(&gateway, token, &[]).await.unwrap_err(), "invalid_dpop_proof");
        let form = [form[0], ("subject_token", token), form[2], form[3]];
        assert_eq!(post(&gateway, &form, prove(&own)).await["error"], "invalid_grant");
        assert_eq!(post(&gateway, &form, prove(&person)).await["token_type"], "DPoP");
    }
}
