//! A screen without a keyboard is let in by a person at a telephone (RFC 8628).

use medict::{
    domain::audit::{Action, Outcome},
    samples::browser::Browser,
};
use serde_json::{Value, json};

use crate::world::{Application, Tokens, World, stories};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

stories! {
    /// From the code on the screen to tokens that last as long as the screen's own session.
    async fn a_screen_is_let_in_and_lives_by_itself(world: World) {
        let screen = screen(&world).await;
        let asked = ask(&screen, &[("scope", "openid profile")]).await;
        assert_eq!((&asked["expires_in"], &asked["interval"]), (&json!(600), &json!(5)));
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "authorization_pending");

        let mut phone = world.browser();
        world.shop().sign_in(&mut phone, "corporate").await;
        let uri = asked["verification_uri_complete"].as_str().expect("an address");
        phone.open(uri).await.expect("the question");
        let text = &phone.page().text;
        let code = asked["user_code"].as_str().expect("a code");
        assert!(text.contains("Screen") && text.contains(code) && text.contains("Ada Lovelace"), "{text}");
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "authorization_pending", "asked is not answered");
        answer(&mut phone, "yes").await;

        let tokens = poll(&world, &screen, &asked).await.expect("let in");
        assert_eq!(tokens.body["scope"], "openid profile");
        let (status, person) = screen.userinfo(&tokens).await;
        assert_eq!((status, &person["name"]), (200, &json!("Ada Lovelace")));
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "invalid_grant", "told once");

        phone.open(&format!("{}/account", world.url)).await.expect("the account");
        let out = phone.form("/account/sign-out").expect("a form");
        phone.submit(out).await.expect("out");
        assert_eq!(screen.userinfo(&tokens).await.0, 200, "the screen has a session of its own");
        phone.open(&format!("{}/account", world.url)).await.expect("a page");
        world.shop().sign_in(&mut phone, "corporate").await;
        phone.open(&format!("{}/account", world.url)).await.expect("the account");
        assert!(phone.page().text.contains("Screen"), "what was agreed to can be taken back");
        let next = screen.refresh(&tokens.refresh_token).await.expect("and refreshes");
        assert_eq!(screen.sign_out(&next).await, 200);
        assert_eq!(screen.userinfo(&next).await.0, 401);
    }

    /// Who was asked may say no; the screen hears it once.
    async fn a_refusal_is_told(world: World) {
        let screen = screen(&world).await;
        let asked = ask(&screen, &[]).await;
        let mut phone = signed_in(&world).await;
        open(&mut phone, &world, asked["user_code"].as_str().expect("a code")).await;
        answer(&mut phone, "no").await;
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "access_denied");
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "invalid_grant");
        let events = world.events().await;
        let decided = events.iter().filter(|event| event.action == Action::DeviceDecided);
        let outcomes: Vec<_> = decided.map(|event| event.outcome).collect();
        assert_eq!(outcomes, [Outcome::Refused]);
    }

    /// Too fast, too late, another application's, unknown: each has its word, and no error of ours.
    async fn polls_that_are_out_of_order_hear_why(world: World) {
        let screen = screen(&world).await;
        let asked = ask(&screen, &[]).await;
        assert_eq!(poll_now(&screen, &asked).await.unwrap_err(), "authorization_pending", "the first at once");
        assert_eq!(poll_now(&screen, &asked).await.unwrap_err(), "slow_down");
        let code = asked["device_code"].as_str().expect("a code");
        let form = [("grant_type", GRANT), ("device_code", code), ("client_id", "shop")];
        assert_eq!(world.shop().token(&form).await.unwrap_err(), "unauthorized_client");
        world.client_with("shop", json!({ "grantTypes": ["authorization_code", GRANT] })).await;
        assert_eq!(world.shop().token(&form).await.unwrap_err(), "invalid_grant");
        let form = [("grant_type", GRANT), ("device_code", "unknown"), ("client_id", "screen")];
        assert_eq!(screen.token(&form).await.unwrap_err(), "invalid_grant");
        assert_eq!(screen.token(&[form[0], form[2]]).await.unwrap_err(), "invalid_request");
        let code_form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "x"),
            ("client_id", "shop")];
        assert_eq!(world.shop().token(&code_form).await.unwrap_err(), "invalid_grant", "no code of that kind");
        world.clock.advance(601);
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "expired_token");
    }

    /// Asking for what is not the application's, or as one that may not.
    async fn only_registered_applications_begin(world: World) {
        let screen = screen(&world).await;
        for (extra, error) in [
            (vec![("scope", "email")], "invalid_scope"),
            (vec![("resource", "https://else.example")], "invalid_target"),
        ] {
            let (status, body) = screen.post("/oauth2/device_authorization", &extra).await;
            assert!(status == 400 && body.contains(error), "{status} {body}");
        }
        let (status, body) = world.shop().post("/oauth2/device_authorization", &[]).await;
        assert!(status == 400 && body.contains("unauthorized_client"), "{status} {body}");
        let nobody = Application::new(&world, "nobody", None);
        let (status, body) = nobody.post("/oauth2/device_authorization", &[]).await;
        assert!(status == 401 && body.contains("invalid_client"), "{status} {body}");
    }

    /// Guessing is slowed down, decisions come from our own page, and the page needs a person.
    async fn codes_cannot_be_guessed_or_decided_from_elsewhere(world: World) {
        let screen = screen(&world).await;
        let asked = ask(&screen, &[]).await;
        let code = asked["user_code"].as_str().expect("a code");
        let mut stranger = world.browser();
        stranger.open(&format!("{}/device?user_code={code}", world.url)).await.expect("a page");
        assert!(stranger.page().url.path().starts_with("/login"), "{}", stranger.page().url);

        let mut phone = signed_in(&world).await;
        for guess in 0..10 {
            open(&mut phone, &world, "BBBB-BBBB").await;
            assert_eq!(phone.page().status, 404, "{guess}");
            if guess == 8 {
                open(&mut phone, &world, code).await;
                assert_eq!(phone.page().status, 200, "a code of his own buys no further guesses");
            }
        }
        open(&mut phone, &world, code).await;
        assert_eq!(phone.page().status, 429, "the right one too");
        world.clock.advance(61);
        open(&mut phone, &world, &code.to_lowercase()).await;
        let form = phone.form("/device").expect("a form").with("csrf", "guessed");
        phone.submit(form.press("answer", "yes")).await.expect("a page");
        assert_eq!(phone.page().status, 403);
        assert_eq!(poll(&world, &screen, &asked).await.unwrap_err(), "authorization_pending");
    }

    /// A person of another organization's provider cannot let a device in.
    async fn the_application_has_to_be_for_the_person(world: World) {
        let screen = screen(&world).await;
        world.apply(vec![json!({ "resourceType": "ClientApplication", "id": "screen", "name": "Screen",
            "organization": { "reference": "Organization/general" },
            "grantTypes": [GRANT], "scopes": ["openid"],
            "identityProviders": [{ "reference": "IdentityProvider/openid" }] })]).await;
        let asked = ask(&screen, &[]).await;
        let mut phone = signed_in(&world).await;
        open(&mut phone, &world, asked["user_code"].as_str().expect("a code")).await;
        assert_eq!(phone.page().status, 403, "{}", phone.page().text);
    }
}

async fn screen(world: &World) -> Application {
    world
        .apply(vec![json!({ "resourceType": "ClientApplication", "id": "screen", "name": "Screen",
            "organization": { "reference": "Organization/general" },
            "grantTypes": [GRANT, "refresh_token"], "scopes": ["openid", "profile"] })])
        .await;
    Application::new(world, "screen", None)
}

async fn ask(screen: &Application, extra: &[(&str, &str)]) -> Value {
    let (status, body) = screen.post("/oauth2/device_authorization", extra).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

/// One poll, at its pace.
async fn poll(world: &World, screen: &Application, asked: &Value) -> Result<Tokens, String> {
    world.clock.advance(asked["interval"].as_i64().expect("seconds"));
    poll_now(screen, asked).await
}

async fn poll_now(screen: &Application, asked: &Value) -> Result<Tokens, String> {
    let code = asked["device_code"].as_str().expect("a code");
    let form = [("grant_type", GRANT), ("device_code", code), ("client_id", "screen")];
    screen.token(&form).await
}

async fn signed_in(world: &World) -> Browser {
    let mut phone = world.browser();
    world.shop().sign_in(&mut phone, "corporate").await;
    phone
}

async fn open(phone: &mut Browser, world: &World, code: &str) {
    phone.open(&format!("{}/device?user_code={code}", world.url)).await.expect("a page");
}

async fn answer(phone: &mut Browser, answer: &str) {
    let form = phone.form("/device").expect("the question");
    phone.submit(form.press("answer", answer)).await.expect("a page");
    assert_eq!(phone.page().status, 200, "{}", phone.page().text);
}
