//! Applications hear that a session ended: from us to them, and by the browser.

use std::time::Duration;

use medict::{
    domain::{
        audit::{Action, Event},
        resource::SigningAlg,
    },
    samples::browser::Browser,
};
use serde_json::json;

use crate::world::{Application, Tokens, World, stories};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

stories! {
    /// Every application of the session has its own token before the browser is led on; one that was not
    /// used, or does not listen, has none.
    async fn each_application_of_the_session_is_told_before_the_browser_moves_on(world: World) {
        listening(&world).await;
        let mut browser = world.browser();
        let shop = world.shop();
        let tokens = sign_in(&shop, &mut browser).await;
        let claims = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
        browser.open(&logout_url(&world, &tokens)).await.expect("the way out");
        assert!(browser.page().url.as_str().ends_with("/bye"), "{}", browser.page().url);
        let heard = heard(&world);
        assert_eq!(heard.len(), 1, "the clinic was not used in this session");
        let told = shop.verified(&heard[0], SigningAlg::RS256).await;
        for claim in ["iss", "sub", "aud", "sid"] {
            assert_eq!(told[claim], claims[claim], "{claim}");
        }
        assert_eq!(told["events"], json!({ EVENT: {} }));
        assert!(told["jti"].as_str().is_some_and(|jti| jti.len() >= 32) && told["nonce"].is_null());
        let lifetime = told["exp"].as_i64().zip(told["iat"].as_i64()).map(|(exp, iat)| exp - iat);
        assert!(lifetime.is_some_and(|seconds| seconds <= 120), "{lifetime:?}");
        let receipts = receipts(&world).await;
        assert_eq!(receipts.len(), 1);
        assert_eq!(receipts[0].client.as_ref().map(|client| client.as_str()), Some("shop"));
        assert_eq!(receipts[0].detail, Some(json!({ "attempts": 1 })));
    }

    /// A session used by two applications, ended by one of them over the wire: both hear of it.
    async fn a_bearer_token_signs_out_of_all_applications(world: World) {
        listening(&world).await;
        let mut browser = world.browser();
        let tokens = sign_in(&world.shop(), &mut browser).await;
        sign_in(&world.clinic(), &mut browser).await;
        assert_eq!(world.shop().sign_out(&tokens).await, 200);
        let mut told = Vec::new();
        for token in heard(&world) {
            told.push(world.shop().verified(&token, SigningAlg::RS256).await["aud"].clone());
        }
        told.sort_by_key(ToString::to_string);
        assert_eq!(told, [json!("clinic"), json!("shop")]);
    }

    /// An application that is down is tried again, by any process and after restarts, with a fresh token;
    /// the person waits for nothing.
    async fn an_application_that_is_down_hears_of_it_later(world: World) {
        listening(&world).await;
        world.neighbours.listens(503);
        let tokens = sign_in(&world.shop(), &mut world.browser()).await;
        assert_eq!(world.shop().sign_out(&tokens).await, 200);
        assert_eq!(hears(&world).await.len(), 1);
        assert!(receipts(&world).await.is_empty());
        world.broker.tell_applications().await.expect("a round");
        assert!(heard(&world).is_empty(), "not before its time");

        world.clock.advance(6);
        world.broker.tell_applications().await.expect("a round");
        let second = hears(&world).await;
        assert_eq!(second.len(), 1, "tried again");
        world.neighbours.listens(204);
        world.clock.advance(31);
        let (other, running) = world.second_broker().await;
        other.tell_applications().await.expect("a round");
        let third = hears(&world).await;
        assert_eq!(third.len(), 1, "by another process");
        assert_ne!(second, third, "a fresh token");
        let receipts = receipt(&world).await;
        assert_eq!(receipts[0].detail, Some(json!({ "attempts": 3 })));
        world.clock.advance(86_400);
        other.tell_applications().await.expect("a round");
        assert!(heard(&world).is_empty(), "never again");
        running.stop().await;
    }

    /// Two processes at the same moment: one tells.
    async fn nobody_is_told_twice(world: World) {
        listening(&world).await;
        world.neighbours.listens(503);
        let tokens = sign_in(&world.shop(), &mut world.browser()).await;
        assert_eq!(world.shop().sign_out(&tokens).await, 200);
        hears(&world).await;
        world.neighbours.listens(200);
        world.clock.advance(6);
        let (other, running) = world.second_broker().await;
        let (one, two) = tokio::join!(world.broker.tell_applications(), other.tell_applications());
        one.and(two).expect("rounds");
        assert_eq!(receipt(&world).await.len(), 1);
        assert_eq!(heard(&world).len(), 1);
        running.stop().await;
    }

    /// Frames carry who speaks and which session ended; the page allows those origins only, and leads on.
    async fn the_browser_opens_the_addresses_of_applications_that_want_it(world: World) {
        let address = world.neighbours.at("/frame?x=1");
        world.client_with("shop", json!({ "frontchannelLogoutUri": address })).await;
        let mut browser = world.browser();
        let tokens = sign_in(&world.shop(), &mut browser).await;
        let sid = world.shop().verified(&tokens.id_token, SigningAlg::RS256).await["sid"].clone();
        browser.open(&logout_url(&world, &tokens)).await.expect("a page");
        let page = browser.page();
        assert_eq!(page.status, 200);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("iss", &world.url).append_pair("sid", sid.as_str().expect("text"));
        let frame = format!("{address}&{}", query.finish()).replace('&', "&#38;");
        assert!(page.text.contains(&format!("<iframe src=\"{frame}\"")), "{frame}\n{}", page.text);
        assert!(page.text.contains(&world.neighbours.at("/bye")), "{}", page.text);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains(&format!("frame-src {};", world.neighbours.base)), "{policy}");
    }
}

/// Both applications want to hear.
async fn listening(world: &World) {
    let address = json!(world.neighbours.at("/told"));
    for id in ["shop", "clinic"] {
        world.client_with(id, json!({ "backchannelLogoutUri": address })).await;
    }
}

async fn sign_in(application: &Application, browser: &mut Browser) -> Tokens {
    let code = application.sign_in(browser, "corporate").await;
    application.redeem(&code).await.expect("tokens")
}

fn logout_url(world: &World, tokens: &Tokens) -> String {
    let bye = world.neighbours.at("/bye");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("id_token_hint", &tokens.id_token);
    query.append_pair("post_logout_redirect_uri", &bye);
    format!("{}/oauth2/logout?{}", world.url, query.finish())
}

/// The logout tokens that came since the last look.
fn heard(world: &World) -> Vec<String> {
    std::mem::take(&mut *world.neighbours.logout_tokens.lock().expect("lock"))
}

/// The same, once something came: a broker may tell of its own accord a moment before it is asked to.
async fn hears(world: &World) -> Vec<String> {
    loop {
        let heard = heard(world);
        if !heard.is_empty() {
            return heard;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The receipts, once there is one.
async fn receipt(world: &World) -> Vec<Event> {
    loop {
        let receipts = receipts(world).await;
        if !receipts.is_empty() {
            return receipts;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn receipts(world: &World) -> Vec<Event> {
    let events = world.events().await;
    let events = events.into_iter();
    events.filter(|event| event.action == Action::ApplicationTold).collect()
}
