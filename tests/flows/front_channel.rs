//! What passes through the browser: headers of pages, cookies, and what a person at the keyboard can change.

use reqwest::{Client, redirect::Policy};

use super::{consent::asking, response_modes::answer};
use crate::world::{Temporary, World, stories};

/// The broker behind a proxy that speaks https.
struct Https(World);

impl Https {
    async fn on(database: Temporary) -> Self {
        let https = |settings: &mut medict::broker::Settings| {
            settings.public_url = settings.public_url.replace("http://", "https://");
        };
        Self(World::with(database, https).await)
    }
}

stories! {
    /// No page can be framed, none has foreign or inline script, none tells where the person came from, none
    /// is kept.
    async fn every_page_is_dressed(world: World) {
        let shop = asking(&world).await;
        let mut browser = world.browser();
        let chooser = shop.authorize_url(&[]);
        let consent = shop.authorize_url(&[("idp", "corporate")]);
        let form_post = shop.authorize_url(&[("response_mode", "form_post"), ("prompt", "none")]);
        let mistake = shop.authorize_url(&[("client_id", "nobody")]);
        let (account, logout) = (format!("{}/account", world.url), format!("{}/oauth2/logout", world.url));
        for url in [&chooser, &consent, &form_post, &mistake, &account, &logout] {
            let page = browser.open(url).await.expect("a page");
            let policy = page.header("content-security-policy").expect("a policy");
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
            for (name, value) in [
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(page.header(name), Some(value), "{name} at {url}");
            }
        }
    }

    /// Over https cookies have the prefix and what it promises; browsers are told to stay with https.
    async fn cookies_are_for_this_host_alone(https: Https) {
        let world = &https.0;
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client");
        let url = world.shop().authorize_url(&[]).replace("https://", "http://");
        let answer = client.get(url).send().await.expect("an answer");
        let cookie = answer.headers()["set-cookie"].to_str().expect("ASCII").to_owned();
        assert!(cookie.starts_with("__Host-medict_browser="), "{cookie}");
        for attribute in ["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(attribute), "{attribute}: {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert!(answer.headers()["strict-transport-security"].to_str().expect("ASCII").starts_with("max-age="));
    }

    /// What is in a cookie is looked up only where it can be the name of a session.
    async fn a_cookie_that_names_nothing_is_no_session(world: World) {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.no_proxy().build().expect("a client");
        for cookie in ["%00.secret", "a%00b.secret", ".", "", "%C3%A4.%00", "nobody.secret"] {
            let account = client.get(format!("{}/account", world.url));
            let account = account.header("cookie", format!("medict_session={cookie}"));
            assert_eq!(account.send().await.expect("an answer").status(), 303, "{cookie}");
        }
    }

    /// A session cookie that somebody planted is not the one that a sign-in leaves, nor is an older one.
    async fn each_sign_in_has_a_cookie_of_its_own(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let mut seen = vec!["planted".to_owned()];
        for _ in 0..3 {
            shop.sign_in_anew(&mut browser, "corporate").await;
            let cookie = browser.jar().of("localhost").find(|cookie| cookie.name == "medict_session");
            let value = cookie.expect("signed in").value.clone();
            let (_, secret) = value.split_once('.').expect("the session's name and a secret");
            assert!(secret.len() == 43 && !seen.contains(&value), "{value}");
            seen.push(value);
        }
    }

    /// Whoever goes back and chooses again, with whatever in the form, changes nothing of what was asked.
    async fn going_back_changes_nothing_of_the_request(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        shop.sign_in(&mut browser, "corporate").await;
        let asked = [("scope", "openid"), ("prompt", "login"), ("response_mode", "fragment")];
        browser.open(&shop.authorize_url(&asked)).await.expect("a chooser");
        let chooser = browser.page().url.to_string();
        let plain = browser.form("/provider").expect("buttons").press("idp", "corporate");
        *world.neighbours.hold.lock().expect("lock") = true;
        browser.submit(plain.clone()).await.expect("at the provider");
        *world.neighbours.hold.lock().expect("lock") = false;
        let query = "?scope=openid+email+roles&prompt=none&redirect_uri=https://evil.example/";
        browser.open(&format!("{chooser}{query}")).await.expect("the chooser again");
        let changed = plain
            .with("scope", "openid email roles")
            .with("prompt", "none")
            .with("redirect_uri", "https://evil.example/")
            .with("client_id", "clinic");
        browser.submit(changed).await.expect("an answer");
        let found = answer(&mut browser, &shop, "fragment");
        let tokens = shop.redeem(&found["code"]).await.expect("tokens");
        assert_eq!(tokens.body["scope"], "openid");
    }
}
