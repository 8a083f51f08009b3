//! What an application may know of a token, and what userinfo tells.

use medict::domain::resource::SigningAlg;
use serde_json::{Value, json};

use super::refresh::{refreshing, sign_in};
use crate::world::{World, stories};

stories! {
    /// Of its own tokens, of those for what it serves, and of no others (RFC 7662 §4).
    async fn a_token_is_known_to_whom_it_concerns(world: World) {
        let (shop, clinic) = (refreshing(&world, "shop").await, refreshing(&world, "clinic").await);
        let tokens = sign_in(&world, &shop).await;
        assert_eq!(clinic.introspect(&tokens.access_token).await, json!({ "active": false }));
        assert_eq!(clinic.introspect(&tokens.refresh_token).await, json!({ "active": false }));
        world.client_with("clinic", json!({ "audiences": [world.url] })).await;
        let known = clinic.introspect(&tokens.access_token).await;
        assert_eq!((&known["active"], &known["client_id"]), (&json!(true), &json!("shop")));
        assert_eq!(known["aud"], json!(world.url));
        assert_eq!(known["token_type"], "Bearer");
        let own = refreshing(&world, "clinic").await;
        let theirs = sign_in(&world, &own).await;
        assert_eq!(own.introspect(&theirs.access_token).await["active"], true);
        assert_eq!(own.introspect(&theirs.refresh_token).await["scope"], theirs.body["scope"]);
    }

    /// Only while everything that it lives by is alive.
    async fn a_token_is_active_while_all_behind_it_is(world: World) {
        let clinic = refreshing(&world, "clinic").await;
        let mut tokens = sign_in(&world, &clinic).await;
        let old = tokens.clone();
        tokens = clinic.refresh(&old.refresh_token).await.expect("refreshed");
        assert_eq!(clinic.introspect(&old.refresh_token).await, json!({ "active": false }), "rotated");
        assert_eq!(clinic.introspect(&old.access_token).await["active"], true);
        assert_eq!(clinic.sign_out(&tokens).await, 200);
        for dead in [&tokens.access_token, &tokens.refresh_token, &old.access_token, &"x".to_owned()] {
            assert_eq!(clinic.introspect(dead).await, json!({ "active": false }));
        }
        let tokens = sign_in(&world, &clinic).await;
        world.clock.advance(901);
        assert_eq!(clinic.introspect(&tokens.access_token).await, json!({ "active": false }), "expired");
        assert_eq!(clinic.introspect(&tokens.refresh_token).await["active"], true);
        let (header, rest) = tokens.access_token.split_once('.').expect("parts");
        let forged = format!("{header}.{}", rest.replace('.', "x."));
        assert_eq!(clinic.introspect(&forged).await, json!({ "active": false }));
    }

    /// Anybody could speak for an application without a secret.
    async fn public_applications_learn_nothing(world: World) {
        let shop = world.shop();
        let tokens = sign_in(&world, &shop).await;
        let (status, body) = shop.post("/oauth2/introspect", &[("token", &tokens.access_token)]).await;
        assert_eq!((status, body.contains("invalid_client")), (401, true), "{body}");
        let mut liar = world.clinic();
        liar.secret = Some("a-wrong-secret-of-some-length".to_owned());
        assert_eq!(liar.post("/oauth2/introspect", &[("token", "x")]).await.0, 401);
        assert_eq!(world.clinic().post("/oauth2/introspect", &[]).await.0, 400);
    }

    /// As a JWT for whoever asks for one, so that the answer can be kept as evidence (RFC 9701).
    async fn what_is_known_of_a_token_can_be_had_signed(world: World) {
        let clinic = refreshing(&world, "clinic").await;
        let tokens = sign_in(&world, &clinic).await;
        for (token, active) in [(tokens.access_token.as_str(), true), ("x", false)] {
            let request = reqwest::Client::new().post(format!("{}/oauth2/introspect", world.url))
                .basic_auth("clinic", clinic.secret.as_deref()).form(&[("token", token)])
                .header("accept", "application/json;q=0.5, application/token-introspection+jwt");
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.headers()["content-type"], "application/token-introspection+jwt");
            let jwt = answer.text().await.expect("a JWT");
            assert!(medict::crypto::Jws::parse(&jwt).expect("a JWT").of_type("token-introspection+jwt").is_ok());
            let claims = clinic.verified(&jwt, SigningAlg::RS256).await;
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.url), &json!("clinic")));
            assert_eq!(claims["token_introspection"]["active"], json!(active));
            assert!(claims.get("sub").is_none() && claims.get("exp").is_none(), "no token by itself");
        }
    }

    /// By header or by form, never both; as JSON, or signed for an application that wants it so.
    async fn userinfo_is_told_as_it_is_asked(world: World) {
        let shop = world.shop();
        let tokens = sign_in(&world, &shop).await;
        let url = format!("{}/oauth2/userinfo", world.url);
        let client = reqwest::Client::new();
        let form = [("access_token", tokens.access_token.as_str())];
        let by_form = client.post(&url).form(&form).send().await.expect("an answer");
        assert_eq!(by_form.status(), 200);
        let twice = client.post(&url).bearer_auth(&tokens.access_token).form(&form);
        assert_eq!(twice.send().await.expect("an answer").status(), 400);
        let by_query = client.get(format!("{url}?access_token={}", tokens.access_token));
        assert_eq!(by_query.send().await.expect("an answer").status(), 401);

        world.client_with("shop", json!({ "userinfoSignedResponseAlg": "ES256" })).await;
        let signed = client.post(&url).bearer_auth(&tokens.access_token).send().await.expect("an answer");
        assert_eq!(signed.headers()["content-type"], "application/jwt");
        let jwt = signed.text().await.expect("a JWT");
        let claims = shop.verified(&jwt, SigningAlg::ES256).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.url), &json!("shop")));
        assert_eq!(claims["given_name"], "Ada");
    }

    /// Single claims, by name, within the scopes that the application has.
    async fn claims_are_told_where_they_were_asked_for(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let claims = r#"{"userinfo":{"name":{"essential":true},"phone_number":null},"id_token":{"email":null}}"#;
        let url = shop.authorize_url(&[("idp", "corporate"), ("scope", "openid"), ("claims", claims)]);
        browser.open(&url).await.expect("the callback");
        let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        let (_, info) = shop.userinfo(&tokens).await;
        assert_eq!((&info["name"], &info["email"]), (&json!("Ada Lovelace"), &Value::Null));
        let id = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
        assert_eq!((&id["email"], &id["name"]), (&json!("ada@hospital.example"), &Value::Null));
    }
}
