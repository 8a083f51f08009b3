//! Tokens that are given back, and how fast everybody hears of it.

use serde_json::Value;

use super::refresh::{refreshing, sign_in};
use crate::world::{World, stories};

stories! {
    /// With either token everything of that sign-in ends, and nothing else (RFC 7009 §2.1).
    async fn a_revoked_token_ends_its_sign_in(world: World) {
        let shop = refreshing(&world, "shop").await;
        let other = sign_in(&world, &shop).await;
        for by_refresh_token in [true, false] {
            let tokens = sign_in(&world, &shop).await;
            assert_eq!(shop.userinfo(&tokens).await.0, 200);
            let given = if by_refresh_token { &tokens.refresh_token } else { &tokens.access_token };
            assert_eq!(shop.revoke(given).await, 200);
            assert_eq!(shop.userinfo(&tokens).await.0, 401, "at once");
            assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant");
            assert_eq!(shop.revoke(given).await, 200, "as often as one likes");
        }
        assert_eq!(shop.userinfo(&other).await.0, 200);
        shop.refresh(&other.refresh_token).await.expect("still good");
    }

    /// What nobody knows is as good as revoked; what belongs to another is not touched.
    async fn only_ones_own_tokens_can_be_revoked(world: World) {
        let (shop, clinic) = (refreshing(&world, "shop").await, refreshing(&world, "clinic").await);
        let tokens = sign_in(&world, &shop).await;
        for nothing in ["unknown", "a.b.c", "."] {
            assert_eq!(shop.revoke(nothing).await, 200, "{nothing}");
        }
        for foreign in [&tokens.refresh_token, &tokens.access_token] {
            assert_eq!(clinic.revoke(foreign).await, 400);
        }
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
        let (status, body) = shop.post("/oauth2/revoke", &[]).await;
        assert_eq!((status, body.contains("invalid_request")), (400, true), "{body}");
        let mut liar = world.clinic();
        liar.secret = Some("a-wrong-secret-of-some-length".to_owned());
        assert_eq!(liar.revoke(&tokens.refresh_token).await, 401);
    }

    /// An application's own token is self-contained, and yet ends.
    async fn the_token_of_an_application_ends_too(world: World) {
        let clinic = refreshing(&world, "clinic").await;
        let tokens = clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        let other = clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        assert_eq!(clinic.introspect(&tokens.access_token).await["active"], true);
        assert_eq!(clinic.revoke(&tokens.access_token).await, 200);
        assert_eq!(clinic.introspect(&tokens.access_token).await["active"], false);
        assert_eq!(clinic.introspect(&other.access_token).await["active"], true);
    }

    /// An administrator switches a provider off: nothing that it vouched for opens anything from then on. Switched
    /// on again, people go on where they were.
    async fn a_provider_that_is_switched_off_vouches_for_nobody(world: World) {
        let shop = refreshing(&world, "shop").await;
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let silent = shop.authorize_url(&[("prompt", "none")]);
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
        world.saml_enabled(false).await;
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
        assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant");
        browser.open(&silent).await.expect("an answer");
        assert!(browser.page().url.as_str().contains("error=login_required"));
        world.saml_enabled(true).await;
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
        shop.refresh(&tokens.refresh_token).await.expect("nothing was used up");
        browser.open(&silent).await.expect("an answer");
        shop.code(&browser);
    }

    /// Another process has just found the token good, and forgets it within a second.
    async fn an_end_reaches_every_process_within_a_second(world: World) {
        let shop = refreshing(&world, "shop").await;
        let (_second, running) = world.second_broker().await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let sessions = [&shop, &elsewhere];
        world.a_second().await;
        for _ in 0..3 {
            for place in sessions {
                assert_eq!(place.userinfo(&tokens).await.0, 200);
            }
        }
        assert_eq!(shop.sign_out(&tokens).await, 200);
        assert_eq!(shop.userinfo(&tokens).await.0, 401, "here at once");
        world.a_second().await;
        assert_eq!(elsewhere.userinfo(&tokens).await.0, 401, "there within a second");
        running.stop().await;
    }

    /// So does a change of what the answer says.
    async fn a_change_of_name_or_role_is_told_at_once(world: World) {
        let shop = world.shop();
        world.person("ada", &["GG-Nurses"]);
        let tokens = sign_in(&world, &shop).await;
        let (_, before) = shop.userinfo(&tokens).await;
        assert_eq!(before["roles"], serde_json::json!(["nurse"]));
        world.person("ada", &["GG-Physicians"]);
        sign_in(&world, &shop).await;
        let (_, after) = shop.userinfo(&tokens).await;
        assert_eq!(after["roles"], serde_json::json!(["physician"]));
        world.apply(vec![serde_json::json!({ "resourceType": "User", "id": before["sub"],
            "username": "countess", "email": before["email"] })]).await;
        let (_, renamed) = shop.userinfo(&tokens).await;
        assert_eq!((&renamed["preferred_username"], &renamed["name"]), (&Value::from("countess"), &Value::Null));
    }
}
