//! Pushed authorization requests (RFC 9126).

use serde_json::{Value, json};

use super::response_modes::answer;
use crate::world::{Application, World, stories};

stories! {
    /// What was pushed counts, whatever stands beside the request_uri.
    async fn a_pushed_request_is_answered(world: World) {
        for application in [world.shop(), world.clinic()] {
            let uri = pushed(&application, &[("idp", "corporate")]).await;
            let mut browser = world.browser();
            let beside = [("state", "another"), ("redirect_uri", "https://evil.example/"), ("scope", "phone")];
            browser.open(&application.pushed_url(&uri, &beside)).await.expect("an answer");
            application.redeem(&application.code(&browser)).await.expect("tokens");
        }
    }

    /// It belongs to the first browser that comes, may be loaded again there until it has brought a code,
    /// and then to nobody.
    async fn a_request_uri_serves_one_browser_and_one_code(world: World) {
        let shop = world.shop();
        let uri = pushed(&shop, &[]).await;
        let url = shop.pushed_url(&uri, &[]);
        let (mut browser, mut thief) = (world.browser(), world.browser());
        for _ in ["first", "reloaded"] {
            let page = browser.open(&url).await.expect("a chooser");
            assert!(page.text.contains("Corporate SAML"), "{}", page.text);
        }
        assert_eq!(thief.open(&url).await.expect("a page").status, 400);
        let form = browser.form("/provider").expect("buttons").press("idp", "corporate");
        browser.submit(form).await.expect("the way");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
        assert_eq!(browser.open(&url).await.expect("a page").status, 400, "it has brought a code");
    }

    /// Ninety seconds; on any process; for the application that pushed it.
    async fn a_request_uri_is_bound_and_grows_old(world: World) {
        let (_second, running) = world.second_broker().await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));
        let uri = pushed(&elsewhere, &[("idp", "corporate")]).await;
        let (shop, clinic) = (world.shop(), world.clinic());
        let mut browser = world.browser();
        assert_eq!(browser.open(&clinic.pushed_url(&uri, &[])).await.expect("a page").status, 400);
        let mut kept = world.shop();
        kept.verifier.clone_from(&elsewhere.verifier);
        browser.open(&kept.pushed_url(&uri, &[])).await.expect("an answer");
        kept.redeem(&kept.code(&browser)).await.expect("tokens");

        let uri = pushed(&shop, &[]).await;
        world.clock.advance(90);
        assert_eq!(browser.open(&shop.pushed_url(&uri, &[])).await.expect("a page").status, 400);
        running.stop().await;
    }

    /// All rules of the authorization endpoint hold when it is pushed.
    async fn mistakes_are_told_at_once(world: World) {
        let shop = world.shop();
        for (change, error) in [
            (("redirect_uri", "https://evil.example/"), "invalid_request"),
            (("redirect_uri", ""), "invalid_request"),
            (("response_type", "token"), "unsupported_response_type"),
            (("response_mode", "jwt"), "invalid_request"),
            (("scope", "openid phone"), "invalid_scope"),
            (("code_challenge", ""), "invalid_request"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("request", "e30.e30."), "request_not_supported"),
            (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
            (("resource", "no uri"), "invalid_target"),
            (("id_token_hint", "e30.e30.e30"), "invalid_request"),
            (("prompt", "none login"), "invalid_request"),
            (("x", "y".repeat(17_000).as_str()), "invalid_request"),
            (("client_id", "nobody"), "invalid_client"),
        ] {
            let (status, body) = push(&shop, &[change]).await;
            let wanted = if error == "invalid_client" { 401 } else { 400 };
            assert_eq!((status, body["error"].as_str()), (wanted, Some(error)), "{change:?} {body}");
        }
        let mut liar = world.clinic();
        liar.secret = Some("a-wrong-secret-of-some-length".to_owned());
        assert_eq!(push(&liar, &[]).await.0, 401);
    }

    /// An application that is registered so gets nowhere without.
    async fn pushing_can_be_demanded(world: World) {
        world.client_with("shop", json!({ "requirePushedAuthorizationRequests": true })).await;
        let shop = world.shop();
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[])).await.expect("an answer");
        assert_eq!(answer(&mut browser, &shop, "query")["error"], "invalid_request");
        let uri = pushed(&shop, &[("idp", "corporate"), ("response_mode", "fragment")]).await;
        browser.open(&shop.pushed_url(&uri, &[])).await.expect("an answer");
        shop.redeem(&answer(&mut browser, &shop, "fragment")["code"]).await.expect("tokens");
    }

    /// What was allowed when it was pushed need not be so any more.
    async fn a_pushed_request_is_checked_again(world: World) {
        let shop = world.shop();
        let uri = pushed(&shop, &[]).await;
        world.client_with("shop", json!({ "redirectUris": ["https://shop.example/cb"] })).await;
        let page_status = world.browser().open(&shop.pushed_url(&uri, &[])).await.expect("a page").status;
        assert_eq!(page_status, 400);
    }

    /// References that are not of our making are refused as such.
    async fn foreign_request_uris_are_not_supported(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let url = shop.authorize_url(&[("request_uri", "https://shop.example/request.jwt")]);
        browser.open(&url).await.expect("an answer");
        assert_eq!(answer(&mut browser, &shop, "query")["error"], "request_uri_not_supported");
        for handle in ["", "unknown", "%00", "\u{1F3E5}"] {
            let uri = format!("urn:ietf:params:oauth:request_uri:{handle}");
            let page = browser.open(&shop.pushed_url(&uri, &[])).await.expect("a page");
            assert_eq!(page.status, 400, "{handle}");
        }
    }
}

/// Pushes the request that `authorize_url` would send.
async fn push(application: &Application, extra: &[(&str, &str)]) -> (u16, Value) {
    let url = url::Url::parse(&application.authorize_url(extra)).expect("a URL");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut form: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    if application.secret.is_none() {
        // It comes with the request itself.
        form.retain(|(name, _)| *name != "client_id" || extra.iter().any(|(n, _)| n == name));
    }
    let (status, body) = if extra.iter().any(|(name, _)| *name == "client_id") {
        application.post_bare("/oauth2/par", &form).await
    } else {
        application.post("/oauth2/par", &form).await
    };
    (status, serde_json::from_str(&body).expect("JSON"))
}

async fn pushed(application: &Application, extra: &[(&str, &str)]) -> String {
    let (status, body) = push(application, extra).await;
    assert_eq!((status, &body["expires_in"]), (201, &json!(90)), "{body}");
    body["request_uri"].as_str().expect("a request_uri").to_owned()
}
