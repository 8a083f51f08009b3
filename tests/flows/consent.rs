//! Consent: asked once for each scope, refused without harm, taken back at once.

use medict::{
    domain::audit::{Action, Outcome},
    samples::browser::Browser,
};
use serde_json::json;

use super::response_modes::answer;
use crate::world::{Application, Tokens, World, stories};

stories! {
    /// The first time there is a page that names everybody and everything; the second time there is none.
    async fn consent_is_asked_once(world: World) {
        let shop = asking(&world).await;
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        let page = browser.page();
        for words in ["Allow Shop?", "General Hospital", "Ada Lovelace (ada@hospital.example)",
            "see your name", "see your e-mail address", "which roles you have"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        answer_page(&mut browser, "yes").await;
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
        for (browser, url) in [
            (&mut browser, shop.authorize_url(&[("prompt", "none")])),
            (&mut world.browser(), shop.authorize_url(&[("idp", "corporate")])),
        ] {
            browser.open(&url).await.expect("no page");
            shop.redeem(&shop.code(browser)).await.expect("tokens");
        }
        assert_eq!(events(&world, Action::Consent, Outcome::Success).await, 1);
    }

    /// Only what is more than before asks again; what is less does not.
    async fn only_more_than_before_asks_again(world: World) {
        let shop = asking(&world).await;
        let mut browser = world.browser();
        let narrow = shop.authorize_url(&[("idp", "corporate"), ("scope", "openid email")]);
        browser.open(&narrow).await.expect("a page");
        answer_page(&mut browser, "yes").await;
        shop.code(&browser);
        browser.open(&shop.authorize_url(&[("scope", "openid")])).await.expect("no page");
        shop.code(&browser);
        let claims = r#"{"userinfo":{"name":null}}"#;
        for (scope, claims) in [("openid email profile", ""), ("openid email", claims)] {
            let wider = [("scope", scope), ("claims", claims), ("prompt", "none")];
            let silent = shop.authorize_url(&wider);
            browser.open(&silent).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], "consent_required", "{wider:?}");
        }
        browser.open(&shop.authorize_url(&[("scope", "openid email profile")])).await.expect("a page");
        assert!(browser.page().text.contains("you allowed this before"), "{}", browser.page().text);
        answer_page(&mut browser, "yes").await;
        shop.code(&browser);
        browser.open(&narrow).await.expect("no page: the union is remembered");
        shop.code(&browser);
    }

    /// Whoever says no is signed in all the same; the application hears `access_denied`, and may ask again.
    async fn refusing_is_an_answer(world: World) {
        let shop = asking(&world).await;
        let mut browser = world.browser();
        let silent = shop.authorize_url(&[("prompt", "none")]);
        for _ in 0..2 {
            let url = shop.authorize_url(&[("idp", "corporate"), ("response_mode", "form_post")]);
            browser.open(&url).await.expect("a page");
            answer_page(&mut browser, "no").await;
            assert_eq!(answer(&mut browser, &shop, "form_post")["error"], "access_denied");
            browser.open(&silent).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], "consent_required");
        }
        assert_eq!(browser.open(&format!("{}/account", world.url)).await.expect("a page").url.path(), "/account");
        assert_eq!(events(&world, Action::Consent, Outcome::Refused).await, 2);
        assert_eq!(events(&world, Action::Consent, Outcome::Success).await, 0);
    }

    /// `prompt=consent` asks whoever has agreed before, and also for an application of the house.
    async fn it_can_be_asked_anew(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        for _ in 0..2 {
            let url = shop.authorize_url(&[("idp", "corporate"), ("prompt", "consent")]);
            browser.open(&url).await.expect("a page");
            answer_page(&mut browser, "yes").await;
            shop.redeem(&shop.code(&browser)).await.expect("tokens");
        }
        browser.open(&shop.authorize_url(&[])).await.expect("no page");
        shop.code(&browser);
    }

    /// The answer counts from that page, in that browser, of that session, and once.
    async fn nobody_else_can_answer(world: World) {
        let shop = asking(&world).await;
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        let url = browser.page().url.clone();
        let form = browser.form("/consent").expect("a form").press("answer", "yes");
        let forged = form.clone().without("csrf").with("csrf", "guess");
        assert_eq!(browser.submit(forged).await.expect("a page").status, 403);

        let mut other = world.browser();
        shop_of_the_house(&world).await.sign_in(&mut other, "corporate").await;
        assert_eq!(other.open(url.as_str()).await.expect("a page").status, 400, "another browser");

        browser.open(url.as_str()).await.expect("still there");
        let tokens = second_session(&world, &mut browser).await;
        assert_eq!(browser.open(url.as_str()).await.expect("a page").status, 400, "another session");
        drop(tokens);
        assert_eq!(events(&world, Action::Consent, Outcome::Success).await, 0);

        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        let url = browser.page().url.clone();
        answer_page(&mut browser, "yes").await;
        shop.code(&browser);
        assert_eq!(browser.open(url.as_str()).await.expect("a page").status, 400, "answered");
    }

    /// Taking it back ends what the application has of that person, on every process; nobody else's.
    async fn taking_it_back_ends_everything(world: World) {
        let shop = asking(&world).await;
        let (_second, running) = world.second_broker().await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));
        let mut browser = world.browser();
        let bound = agreed(&shop, &mut browser, "openid profile email roles").await;
        let offline = agreed(&shop, &mut browser, "openid offline_access").await;
        browser.open(&shop.authorize_url(&[])).await.expect("no page");
        let pending = shop.code(&browser);
        let house = shop_of_the_house(&world).await;
        browser.open(&house.authorize_url(&[])).await.expect("no page");
        let untouched = house.redeem(&house.code(&browser)).await.expect("tokens");
        world.person("grace", &[]);
        let other = agreed(&shop, &mut world.browser(), "openid profile email roles").await;
        assert_eq!(elsewhere.userinfo(&bound).await.0, 200);

        let page = browser.open(&format!("{}/account", world.url)).await.expect("the account");
        assert!(page.text.contains("Applications that you allowed") && page.text.contains("Shop"), "{}", page.text);
        let form = browser.form("/account/applications").expect("a form");
        let forged = form.clone().with("csrf", "guess").press("client", "shop");
        assert_eq!(browser.submit(forged).await.expect("a page").status, 403);
        browser.open(&format!("{}/account", world.url)).await.expect("the account");
        browser.submit(form.press("client", "shop")).await.expect("the account again");
        assert!(!browser.page().text.contains("Applications that you allowed"));

        for tokens in [&bound, &offline] {
            assert_eq!(shop.userinfo(tokens).await.0, 401);
            assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant");
        }
        assert_eq!(shop.redeem(&pending).await.unwrap_err(), "invalid_grant");
        for tokens in [&untouched, &other] {
            assert_eq!(shop.userinfo(tokens).await.0, 200);
        }
        world.a_second().await;
        assert_eq!(elsewhere.userinfo(&bound).await.0, 401, "there within a second");
        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("an answer");
        assert_eq!(answer(&mut browser, &shop, "query")["error"], "consent_required");
        assert_eq!(events(&world, Action::ConsentWithdrawn, Outcome::Success).await, 1);
        running.stop().await;
    }
}

/// An application that is not of the house.
pub async fn asking(world: &World) -> Application {
    let scopes = ["openid", "profile", "email", "roles", "offline_access"];
    let settings = json!({ "consent": "explicit", "scopes": scopes,
        "grantTypes": ["authorization_code", "refresh_token"] });
    world.client_with("shop", settings).await;
    world.shop()
}

async fn shop_of_the_house(world: &World) -> Application {
    world
        .apply(vec![json!({ "resourceType": "ClientApplication", "id": "house", "name": "House",
        "redirectUris": [world.neighbours.callback()],
        "organization": { "reference": "Organization/general" },
        "scopes": ["openid", "profile", "email", "roles"] })])
        .await;
    Application::new(world, "house", None)
}

/// Somebody else signs in at the same browser.
async fn second_session(world: &World, browser: &mut Browser) -> Tokens {
    let house = shop_of_the_house(world).await;
    world.person("grace", &[]);
    let code = house.sign_in_anew(browser, "corporate").await;
    world.person("ada", &["GG-Physicians"]);
    house.redeem(&code).await.expect("tokens")
}

/// Presses a button of the page that asks.
pub async fn answer_page(browser: &mut Browser, answer: &str) {
    let form = browser.form("/consent").expect("the page that asks").press("answer", answer);
    browser.submit(form).await.expect("an answer");
}

async fn agreed(shop: &Application, browser: &mut Browser, scope: &str) -> Tokens {
    let url = shop.authorize_url(&[("idp", "corporate"), ("scope", scope)]);
    browser.open(&url).await.expect("a page");
    answer_page(browser, "yes").await;
    shop.redeem(&shop.code(browser)).await.expect("tokens")
}

async fn events(world: &World, action: Action, outcome: Outcome) -> usize {
    let events = world.events().await;
    events.iter().filter(|e| e.action == action && e.outcome == outcome).count()
}
