//! Signing in again at the same browser, and what a sign-out then reaches.

use medict::samples::browser::Browser;
use reqwest::{StatusCode, header};

use super::refresh::refreshing;
use crate::world::{Application, Tokens, World, stories};

stories! {
    /// An application that wants a fresh sign-in gets it in the same session, so that either's sign-out is
    /// the other's too; the cookie from before is good no more.
    async fn who_signs_in_again_keeps_his_session(world: World) {
        let (shop, clinic) = (refreshing(&world, "shop").await, refreshing(&world, "clinic").await);
        let mut browser = world.browser();
        let first = sign_in(&shop, &mut browser, &[]).await;
        let before = session_cookie(&mut browser);
        world.a_second().await;
        let second = sign_in(&clinic, &mut browser, &[("prompt", "login")]).await;
        assert_ne!(session_cookie(&mut browser), before);
        assert_eq!(account(&world, &before).await, StatusCode::SEE_OTHER, "the old cookie");
        assert_eq!(account(&world, &session_cookie(&mut browser)).await, StatusCode::OK);
        let first = shop.refresh(&first.refresh_token).await.expect("the shop noticed nothing");
        browser.open(&logout_url(&world, &second, &[])).await.expect("signed out");
        for (application, tokens) in [(&shop, &first), (&clinic, &second)] {
            assert_eq!(application.userinfo(tokens).await.0, 401);
            let refreshed = application.refresh(&tokens.refresh_token).await;
            assert_eq!(refreshed.unwrap_err(), "invalid_grant");
        }
    }

    /// The first application's hint names the session that is there, so nobody has to be asked.
    async fn the_first_application_still_signs_out(world: World) {
        let (shop, clinic) = (refreshing(&world, "shop").await, refreshing(&world, "clinic").await);
        let mut browser = world.browser();
        let first = sign_in(&shop, &mut browser, &[]).await;
        let second = sign_in(&clinic, &mut browser, &[("prompt", "login")]).await;
        browser.open(&logout_url(&world, &first, &[])).await.expect("signed out");
        assert!(browser.page().url.as_str().ends_with("/bye"), "{}", browser.page().text);
        assert_eq!(clinic.userinfo(&second).await.0, 401);
    }

    /// Somebody else, or another provider: what was there before does not linger behind it.
    async fn a_session_that_is_replaced_ends(world: World) {
        let shop = refreshing(&world, "shop").await;
        let mut browser = world.browser();
        let first = sign_in(&shop, &mut browser, &[]).await;
        let second = sign_in(&shop, &mut browser, &[("prompt", "login"), ("idp", "openid")]).await;
        assert_eq!(shop.refresh(&first.refresh_token).await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.userinfo(&second).await.0, 200);
    }

    /// A form of another site comes without cookies: nothing is known yet, so nothing is done. With them the
    /// person is asked.
    async fn a_foreign_form_signs_nobody_out(world: World) {
        let shop = refreshing(&world, "shop").await;
        let mut browser = world.browser();
        let tokens = sign_in(&shop, &mut browser, &[]).await;
        let foreign = world.neighbours.posting_page(&format!("{}/oauth2/logout?foo=1", world.url));
        browser.open(&foreign).await.expect("a foreign page");
        let form = browser.form("/oauth2/logout").expect("a form");
        browser.submit(form).await.expect("a page");
        assert!(browser.page().text.contains("Sign out?"), "{}", browser.page().text);
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
    }

    /// `client_id` and hint have to name the same application (RP-Initiated Logout §2). By `client_id` alone
    /// the person's own word leads back.
    async fn the_application_of_a_sign_out_is_the_one_that_the_hint_names(world: World) {
        let (shop, clinic) = (refreshing(&world, "shop").await, refreshing(&world, "clinic").await);
        let mut browser = world.browser();
        let tokens = sign_in(&shop, &mut browser, &[]).await;
        browser.open(&logout_url(&world, &tokens, &[("client_id", &clinic.client_id)])).await.expect("a page");
        assert!(browser.page().text.contains("Sign out?"), "{}", browser.page().text);
        let bare = Tokens { id_token: String::new(), ..tokens };
        browser.open(&logout_url(&world, &bare, &[("client_id", &shop.client_id)])).await.expect("a page");
        let form = browser.form("/oauth2/logout").expect("a form");
        browser.submit(form).await.expect("signed out");
        assert!(browser.page().url.as_str().ends_with("/bye"), "{}", browser.page().url);
    }
}

async fn sign_in(shop: &Application, browser: &mut Browser, extra: &[(&str, &str)]) -> Tokens {
    let idp = [("idp", "corporate")];
    let others = idp.iter().filter(|(name, _)| extra.iter().all(|(other, _)| other != name));
    let all: Vec<_> = extra.iter().chain(others).copied().collect();
    browser.open(&shop.authorize_url(&all)).await.expect("the callback");
    shop.redeem(&shop.code(browser)).await.expect("tokens")
}

fn session_cookie(browser: &mut Browser) -> String {
    let mut cookies = browser.jar().of("localhost");
    cookies.find(|cookie| cookie.name == "medict_session").expect("signed in").value.clone()
}

/// What the account page answers to this cookie.
async fn account(world: &World, session: &str) -> StatusCode {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let request = client.expect("a client").get(format!("{}/account", world.url));
    let request = request.header(header::COOKIE, format!("medict_session={session}"));
    request.send().await.expect("an answer").status()
}

fn logout_url(world: &World, tokens: &Tokens, extra: &[(&str, &str)]) -> String {
    let bye = world.neighbours.at("/bye");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("id_token_hint", &tokens.id_token);
    query.append_pair("post_logout_redirect_uri", &bye);
    query.extend_pairs(extra);
    format!("{}/oauth2/logout?{}", world.url, query.finish())
}
