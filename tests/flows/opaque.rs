//! Access tokens that nobody can read: known by their digest, as good as signed ones.

use serde_json::{Value, json};

use super::refresh::sign_in;
use crate::world::{Application, World, stories};

/// An application with opaque access tokens that may do everything the others of its kind may.
async fn opaque(world: &World, id: &str) -> Application {
    let mut grants = vec!["authorization_code", "refresh_token"];
    if id == "clinic" {
        grants.push("client_credentials");
    }
    world.client_with(id, json!({ "accessTokenFormat": "opaque", "grantTypes": grants })).await;
    if id == "shop" { world.shop() } else { world.clinic() }
}

stories! {
    /// It opens what a signed one opens, and says the same at introspection.
    async fn an_opaque_token_is_as_good_as_a_signed_one(world: World) {
        let clinic = opaque(&world, "clinic").await;
        let tokens = sign_in(&world, &clinic).await;
        assert_eq!((tokens.access_token.len(), tokens.access_token.contains('.')), (43, false));
        let (status, info) = clinic.userinfo(&tokens).await;
        assert_eq!((status, &info["given_name"]), (200, &json!("Ada")));
        let known = clinic.introspect(&tokens.access_token).await;
        for (claim, expected) in [("active", json!(true)), ("iss", json!(world.url)), ("sub", info["sub"].clone()),
            ("aud", json!(world.url)), ("client_id", json!("clinic")), ("scope", tokens.body["scope"].clone())] {
            assert_eq!(known[claim], expected, "{claim}");
        }
        let other = world.shop();
        assert_ne!(other.post("/oauth2/introspect", &[("token", &tokens.access_token)]).await.0, 200);
        let own = clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        assert_eq!(clinic.introspect(&own.access_token).await["sub"], "clinic");
        let next = clinic.refresh(&tokens.refresh_token).await.expect("refreshed");
        assert_eq!(clinic.userinfo(&next).await.0, 200);
        assert_eq!(clinic.introspect(&next.refresh_token).await["active"], true, "told from refresh tokens");
    }

    /// In time, by revocation, and with what it lives by.
    async fn an_opaque_token_ends_like_a_signed_one(world: World) {
        let (shop, clinic) = (opaque(&world, "shop").await, opaque(&world, "clinic").await);
        let tokens = sign_in(&world, &shop).await;
        assert_eq!(clinic.revoke(&tokens.access_token).await, 400, "another's");
        assert_eq!(shop.revoke(&tokens.access_token).await, 200);
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
        assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant");

        let own = clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        assert_eq!(clinic.revoke(&own.access_token).await, 200);
        assert_eq!(clinic.introspect(&own.access_token).await, json!({ "active": false }));

        let tokens = sign_in(&world, &shop).await;
        assert_eq!(shop.sign_out(&tokens).await, 200);
        assert_eq!(shop.userinfo(&tokens).await.0, 401);

        let tokens = sign_in(&world, &clinic).await;
        world.clock.advance(901);
        assert_eq!(clinic.userinfo(&tokens).await.0, 401);
        assert_eq!(clinic.introspect(&tokens.access_token).await, json!({ "active": false }));
        for nonsense in ["", "x", "x.y.z"] {
            let (status, body) = clinic.post("/oauth2/introspect", &[("token", nonsense)]).await;
            let inactive = serde_json::from_str::<Value>(&body).expect("JSON")["active"] == json!(false);
            assert_eq!((status, inactive), if nonsense.is_empty() { (400, false) } else { (200, true) });
        }
    }

    /// It is known to every process at once, and a change of format ends nothing.
    async fn every_process_knows_it(world: World) {
        let shop = opaque(&world, "shop").await;
        let (_second, running) = world.second_broker().await;
        let tokens = sign_in(&world, &shop).await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));
        assert_eq!(elsewhere.userinfo(&tokens).await.0, 200);
        world.client_with("shop", json!({})).await;
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
        assert!(sign_in(&world, &shop).await.access_token.contains('.'));
        running.stop().await;
    }
}
