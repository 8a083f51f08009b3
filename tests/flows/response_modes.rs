//! How an answer travels to the application: in the query, in the fragment, by a form.

use std::collections::BTreeMap;

use medict::samples::browser::Browser;
use serde_json::json;

use crate::world::{Application, World, stories};

stories! {
    /// Each mode brings the code, also of a session that is there already, and the code is good.
    async fn each_mode_brings_a_code(world: World) {
        let shop = world.shop();
        for mode in ["query", "fragment", "form_post"] {
            let mut browser = world.browser();
            for _ in ["signing in", "signed in"] {
                let url = shop.authorize_url(&[("idp", "corporate"), ("response_mode", mode)]);
                browser.open(&url).await.expect("an answer");
                let answer = answer(&mut browser, &shop, mode);
                assert_eq!(answer["iss"], world.url, "{mode}");
                assert_eq!(answer["state"], "the-state", "{mode}");
                shop.redeem(&answer["code"]).await.expect("tokens");
            }
        }
    }

    /// So do errors: those of the request, those of a silent one, and giving up.
    async fn each_mode_brings_an_error(world: World) {
        let shop = world.shop();
        for mode in ["query", "fragment", "form_post"] {
            let mut browser = world.browser();
            for (name, value, error) in [
                ("scope", "openid offline_access roles phone", "invalid_scope"),
                ("prompt", "none", "login_required"),
                ("response_type", "token", "unsupported_response_type"),
            ] {
                let url = shop.authorize_url(&[(name, value), ("response_mode", mode)]);
                browser.open(&url).await.expect("an answer");
                let answer = answer(&mut browser, &shop, mode);
                assert_eq!((answer["error"].as_str(), &answer["iss"]), (error, &world.url), "{mode}");
            }
            browser.open(&shop.authorize_url(&[("response_mode", mode)])).await.expect("a chooser");
            let cancel = browser.form("/cancel").expect("a way back");
            browser.submit(cancel).await.expect("back");
            assert_eq!(answer(&mut browser, &shop, mode)["error"], "access_denied", "{mode}");
        }
    }

    /// The page of a form works with scripts switched off, leads to the application, and is kept by nobody. What the application put into `state` stays text.
    async fn the_form_leads_to_the_application(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        shop.sign_in(&mut browser, "corporate").await;
        let state = "\"><script>alert(1)</script>";
        let url = shop.authorize_url(&[("response_mode", "form_post"), ("state", state)]);
        let page = browser.open(&url).await.expect("a page");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none';") && policy.contains("script-src 'self';"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
        let form = browser.form("/callback").expect("a form");
        assert_eq!(form.value("state"), Some(state));
        assert_eq!(form.buttons.len(), 1, "for browsers without scripts");
        browser.submit(form).await.expect("at the application");
        assert_eq!(browser.page().url.as_str(), world.neighbours.callback());
    }

    /// A callback may lead on to another origin, whatever form of ours led there; forms that lead nobody away
    /// stay with us.
    async fn a_callback_leads_on(world: World) {
        world.client_with("shop", json!({ "redirectUris": [world.neighbours.at("/onward")], "consent": "explicit" })).await;
        world.apply(vec![json!({ "resourceType": "User", "username": "ward", "password": "Correct-horse-1" })]).await;
        let mut shop = world.shop();
        shop.redirect_uri = world.neighbours.at("/onward");
        let (mut browser, onward) = (world.browser(), world.neighbours.base.replace("127.0.0.1", "localhost"));
        browser.open(&shop.authorize_url(&[])).await.expect("a chooser");
        let cancel = browser.form("/cancel").expect("a way back");
        assert!(browser.submit(cancel).await.expect("led on").url.as_str().starts_with(&onward));
        browser.open(&shop.authorize_url(&[])).await.expect("a chooser");
        let name = browser.form("/identifier").expect("a field").with("identifier", "ward");
        browser.submit(name.press("way", "password")).await.expect("a password is asked");
        let password = browser.form("/password").expect("a field").with("password", "Correct-horse-1");
        browser.submit(password).await.expect("the question");
        let agreed = browser.form("/consent").expect("a question").press("answer", "yes");
        assert!(browser.submit(agreed).await.expect("led on").url.as_str().starts_with(&onward));
        browser.open(&shop.authorize_url(&[("response_mode", "form_post")])).await.expect("a form");
        let form = browser.form("/onward").expect("a form for the application");
        assert!(browser.submit(form).await.expect("led on").url.as_str().starts_with(&onward));

        let account = browser.open(&format!("{}/account", world.url)).await.expect("a page");
        let policy = account.header("content-security-policy").expect("a policy");
        assert!(policy.contains("form-action 'self';"), "{policy}");
    }

    /// A request by POST from the application's own page comes without the session's cookie; it is not lost.
    async fn a_request_by_post_finds_the_session(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        shop.sign_in(&mut browser, "corporate").await;
        let url = shop.authorize_url(&[("prompt", "none")]);
        browser.open(&world.neighbours.posting_page(&url)).await.expect("the application's page");
        let form = browser.form("/oauth2/authorize").expect("a form");
        browser.submit(form).await.expect("an answer");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    /// A mode that is none is an error, told in the query.
    async fn an_unknown_mode_is_an_error(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        for mode in ["web_message", "jwt", "FORM_POST"] {
            browser.open(&shop.authorize_url(&[("response_mode", mode)])).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], "invalid_request", "{mode}");
        }
    }

    /// What is registered counts byte for byte, and keeps its query.
    async fn a_registered_query_stays(world: World) {
        let callback = format!("{}?tenant=a%20b", world.neighbours.callback());
        world.client_with("shop", json!({ "redirectUris": [callback] })).await;
        let shop = world.shop();
        let mut browser = world.browser();
        for mode in ["query", "fragment", "form_post"] {
            let extra = [("prompt", "none"), ("redirect_uri", callback.as_str()), ("response_mode", mode)];
            browser.open(&shop.authorize_url(&extra)).await.expect("an answer");
            let page = browser.page();
            let target = match mode {
                "form_post" => browser.form("/callback").expect("a form").action.to_string(),
                _ => page.url.to_string(),
            };
            assert!(target.starts_with(&callback), "{mode}: {target}");
        }
    }
}

/// What came to the application.
pub fn answer(browser: &mut Browser, shop: &Application, mode: &str) -> BTreeMap<String, String> {
    let page = browser.page();
    let parse = |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    if mode == "form_post" {
        let form = browser.form(&shop.redirect_uri).expect("a form for the application");
        let names = ["code", "state", "iss", "error", "error_description"];
        let sent = |name: &&str| Some(((*name).to_owned(), form.value(name)?.to_owned()));
        return names.iter().filter_map(sent).collect();
    }
    assert!(page.url.as_str().starts_with(&shop.redirect_uri), "at {}: {}", page.url, page.text);
    match mode {
        "fragment" => {
            assert_eq!(page.url.query(), None);
            parse(page.url.fragment().expect("a fragment"))
        }
        _ => parse(page.url.query().expect("a query")),
    }
}
