//! Tokens for somebody else than us (RFC 8707): asked for by name, and good for nothing here.

use medict::domain::resource::SigningAlg;
use serde_json::json;

use super::refresh::refreshing_for;
use crate::world::{Application, World, stories};

const GATEWAY: &str = "https://gateway.hospital.example";
const ARCHIVE: &str = "https://archive.hospital.example";

stories! {
    /// Whoever it is handed to can neither read the person's data here nor end the session.
    async fn a_token_for_another_resource_opens_nothing_here(world: World) {
        let shop = shop(&world).await;
        let code = code(&world, &shop, &[("resource", GATEWAY)]).await;
        let tokens = shop.redeem(&code).await.expect("tokens");
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
        assert_eq!(shop.sign_out(&tokens).await, 401);
        shop.refresh(&tokens.refresh_token).await.expect("still signed in");
    }

    /// The code is for one resource, and so is all that comes of it (§2.2).
    async fn what_was_authorized_cannot_be_turned_to_another_resource(world: World) {
        let shop = shop(&world).await;
        let code = code(&world, &shop, &[("resource", GATEWAY)]).await;
        let wrong = shop.redeem_with(&code, &[("resource", ARCHIVE)]).await;
        assert_eq!(wrong.unwrap_err(), "invalid_target");
        let tokens = shop.redeem_with(&code, &[("resource", GATEWAY)]).await.expect("not used up");
        let token = tokens.refresh_token.as_str();
        let wrong = shop.refresh_with(token, &[("resource", ARCHIVE)]).await;
        assert_eq!(wrong.unwrap_err(), "invalid_target");
        let tokens = shop.refresh_with(token, &[("resource", GATEWAY)]).await.expect("not used up");
        assert_eq!(audience(&shop, &tokens.access_token).await, json!(GATEWAY));
    }

    /// Only those that the application is registered for, at every door.
    async fn an_application_asks_for_its_own_resources_only(world: World) {
        let shop = shop(&world).await;
        let elsewhere = ("resource", "https://else.example");
        let mut browser = world.browser();
        let url = shop.authorize_url(&[("idp", "corporate"), elsewhere]);
        browser.open(&url).await.expect("the callback");
        assert!(browser.page().url.as_str().contains("error=invalid_target"));
        let clinic = refreshing_for(&world, "clinic", &[ARCHIVE]).await;
        let itself = ("grant_type", "client_credentials");
        let own = clinic.token(&[itself, ("resource", ARCHIVE)]).await.expect("a token");
        assert_eq!(audience(&clinic, &own.access_token).await, json!(ARCHIVE));
        for foreign in [GATEWAY, "not a uri"] {
            let refused = clinic.token(&[itself, ("resource", foreign)]).await;
            assert_eq!(refused.unwrap_err(), "invalid_target", "{foreign}");
        }
        let plain = clinic.token(&[itself]).await.expect("a token");
        assert_eq!(audience(&clinic, &plain.access_token).await, json!(world.url));
    }
}

async fn shop(world: &World) -> Application {
    refreshing_for(world, "shop", &[GATEWAY, ARCHIVE]).await
}

async fn code(world: &World, shop: &Application, extra: &[(&str, &str)]) -> String {
    let mut browser = world.browser();
    let url = shop.authorize_url(&[extra, &[("idp", "corporate")]].concat());
    browser.open(&url).await.expect("the callback");
    shop.code(&browser)
}

async fn audience(shop: &Application, access_token: &str) -> serde_json::Value {
    shop.verified(access_token, SigningAlg::ES256).await["aud"].clone()
}
