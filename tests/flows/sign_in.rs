//! The main job: a person signs in at a provider and lands in an application.

use medict::domain::resource::SigningAlg;
use serde_json::json;

use crate::world::{World, stories};

stories! {
    /// Over SAML, with attributes and a role; the second login finds the same user; a changed group
    /// changes the role.
    async fn a_person_signs_in_over_saml(world: World) {
        signs_in(&world, "corporate").await;
    }

    /// The same over OpenID Connect.
    async fn a_person_signs_in_over_openid_connect(world: World) {
        signs_in(&world, "openid").await;
    }

    /// A live session answers without asking, and only while it counts.
    async fn a_live_session_answers_at_once(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let first = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let first = shop.verified(&first.id_token, SigningAlg::RS256).await;

        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("silent");
        assert_eq!(browser.hops().len(), 2, "authorize and callback, nothing between");
        let again = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        let again = shop.verified(&again.id_token, SigningAlg::RS256).await;
        assert_eq!(first["sid"], again["sid"]);
        assert_eq!(first["auth_time"], again["auth_time"]);

        world.clock.advance(3_601);
        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("refused");
        assert!(browser.page().url.as_str().contains("error=login_required"), "{}", browser.page().url);
    }

    /// A silent request goes on to a provider that takes such, and comes back with a code or an error,
    /// never with a page.
    async fn a_silent_request_is_passed_on(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let silent = shop.authorize_url(&[("prompt", "none"), ("idp", "corporate")]);
        browser.open(&silent).await.expect("refused");
        assert_eq!(browser.hops().len(), 2, "the provider is not asked");

        let mut resources = world.neighbours.resources();
        resources.retain(|resource| resource["id"] == "corporate");
        resources[0]["configuration"]["isPassive"] = json!(true);
        world.apply(resources).await;
        world.person("", &[]);
        browser.open(&silent).await.expect("refused");
        let url = browser.page().url.clone();
        assert!(url.as_str().starts_with(&world.neighbours.callback()), "{url}");
        assert!(url.as_str().contains("error=login_required"), "{url}");

        world.person("ada", &["GG-Physicians"]);
        browser.open(&silent).await.expect("signed in");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    /// Signing out ends the session and every token that lives by it.
    async fn signing_out_ends_what_came_of_it(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let hint = tokens.id_token.as_str();
        let bye = world.neighbours.at("/bye");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("id_token_hint", hint), ("post_logout_redirect_uri", &bye), ("state", "s")]);
        let url = format!("{}/oauth2/logout?{}", world.url, query.finish());
        browser.open(&url).await.expect("signed out");
        assert_eq!(browser.page().url.as_str(), format!("{bye}?state=s"));
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("refused");
        assert!(browser.page().url.as_str().contains("error=login_required"));
    }

    /// A foreign page that opens the logout address signs nobody out, and leads nowhere unregistered.
    async fn a_bare_logout_asks_first(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let url = format!("{}/oauth2/logout?post_logout_redirect_uri=https://evil.example/", world.url);
        let page = browser.open(&url).await.expect("a page");
        assert!(page.text.contains("Sign out?"), "{}", page.text);
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
        let form = browser.form("/oauth2/logout").expect("a form");
        browser.submit(form).await.expect("signed out");
        assert!(browser.page().url.as_str().starts_with(&world.url), "{}", browser.page().url);
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
    }

    /// Without a word on the provider the person chooses; an address leads to its organization.
    async fn the_person_chooses(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[])).await.expect("a chooser");
        let page = browser.page();
        assert!(page.text.contains("Corporate SAML") && page.text.contains("OpenID"), "{}", page.text);
        let form = browser.form("/provider").expect("buttons").press("idp", "openid");
        browser.submit(form).await.expect("the way");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");

        browser.open(&shop.authorize_url(&[("prompt", "select_account")])).await.expect("a chooser");
        let cancel = browser.form("/cancel").expect("a way back");
        browser.submit(cancel).await.expect("back");
        assert!(browser.page().url.as_str().contains("error=access_denied"), "{}", browser.page().url);
    }

    /// A person whom the rules deny gets a bland page; the trace behind its reference names the rule.
    async fn a_refused_login_is_explained_to_the_administrator(world: World) {
        let shop = world.shop();
        world.person("eve", &["Blocked"]);
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        let page = browser.page();
        assert_eq!(page.status, 403);
        assert!(!page.text.contains("Blocked") && !page.text.contains("eve"), "{}", page.text);
        let reference = page.header("x-request-id").expect("a reference").to_owned();
        assert!(page.text.contains(&reference), "the page names its reference");

        let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
        let failure = trace.trace.failure().expect("a failed check");
        assert_eq!(failure.check, "deny rule 1");
        let kept = serde_json::to_string(&trace.trace).expect("JSON");
        assert!(!kept.contains("eve"), "values about people are not kept: {kept}");
        assert!(kept.contains("signature"), "the checks before are there: {kept}");
        let events = world.events().await;
        let found = events.iter().any(|event| {
            event.reference.as_ref().is_some_and(|r| r.as_str() == reference)
        });
        assert!(found, "one audit record with the reference");
    }

    /// An application of another organization is not offered this one's providers, nor its roles.
    async fn organizations_keep_apart(world: World) {
        world.apply(vec![
            json!({ "resourceType": "Organization", "id": "other", "name": "Other" }),
            json!({ "resourceType": "ClientApplication", "id": "elsewhere", "name": "Elsewhere",
                "redirectUris": [world.neighbours.callback()], "scopes": ["openid", "profile", "email", "roles"],
                "identityProviders": [{ "reference": "IdentityProvider/corporate" }],
                "organization": { "reference": "Organization/other" } }),
            json!({ "resourceType": "ClientApplication", "id": "stranger", "name": "Stranger",
                "redirectUris": [world.neighbours.callback()],
                "organization": { "reference": "Organization/other" } }),
        ]).await;
        let elsewhere = crate::world::Application::new(&world, "elsewhere", None);
        let mut browser = world.browser();
        let code = elsewhere.sign_in(&mut browser, "corporate").await;
        let tokens = elsewhere.redeem(&code).await.expect("tokens");
        let claims = elsewhere.verified(&tokens.access_token, SigningAlg::ES256).await;
        assert_eq!(claims["organization"], "other");
        assert_eq!(claims["roles"], json!([]), "never another organization's");

        let stranger = crate::world::Application::new(&world, "stranger", None);
        let url = stranger.authorize_url(&[("idp", "corporate"), ("scope", "openid")]);
        let page = browser.open(&url).await.expect("a page");
        assert!(!page.text.contains("Corporate SAML"), "{}", page.text);
    }

    /// `max_age` reaches the provider; one that answers from an older session of its own signs nobody in.
    async fn an_old_sign_in_is_not_passed_off_as_fresh(world: World) {
        let shop = world.shop();
        world.saml_says(|builder| builder.signed_in_before(7_200));
        let mut browser = world.browser();
        shop.sign_in(&mut browser, "corporate").await;
        let url = shop.authorize_url(&[("idp", "corporate"), ("max_age", "600")]);
        let page = browser.open(&url).await.expect("a page");
        assert_eq!(page.status, 400, "{}", page.text);
        let reference = page.header("x-request-id").expect("a reference").to_owned();
        let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
        assert_eq!(trace.outcome, "fresh sign-in");
        world.saml_says(|builder| builder);
        browser.open(&url).await.expect("asked again");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    /// Behind one proxy sits a whole hospital: only failures slow an address down.
    async fn many_who_know_their_passwords_share_an_address(world: World) {
        world.apply(vec![json!({ "resourceType": "User", "username": "ward", "password": "Correct-horse-1" })]).await;
        for number in 0..60 {
            let mut browser = world.browser();
            browser.open(&format!("{}/login?return_to=/account", world.url)).await.expect("a chooser");
            let form = browser.form("/identifier").expect("a form").with("identifier", "ward");
            browser.submit(form).await.expect("a password is asked");
            let right = browser.form("/password").expect("a form").with("password", "Correct-horse-1");
            assert_eq!(browser.submit(right).await.expect("in").status, 200, "{number}");
        }
    }

    /// Whoever has a password of ours signs in with it; mistakes slow down.
    async fn the_local_way_in(world: World) {
        world.apply(vec![json!({ "resourceType": "User", "email": "admin@local.example",
            "username": "root-of-all", "password": "Correct-horse-1" })]).await;
        let mut browser = world.browser();
        let start = format!("{}/login?return_to=/account", world.url);
        browser.open(&start).await.expect("a chooser");
        let form = browser.form("/identifier").expect("a form").with("identifier", "Admin@Local.example");
        browser.submit(form).await.expect("a password is asked");
        let wrong = browser.form("/password").expect("a form").with("password", "wrong-horse-2");
        let page = browser.submit(wrong).await.expect("a page");
        assert_eq!(page.status, 403);
        let right = browser.form("/password").expect("the form again").with("password", "Correct-horse-1");
        let page = browser.submit(right).await.expect("in");
        assert_eq!((page.status, page.url.path()), (200, "/account"), "{}", page.text);
        assert!(page.text.contains("admin@local.example") && page.text.contains("with a password"));

        let mut attacker = world.browser();
        let mut statuses = Vec::new();
        for _ in 0..8 {
            attacker.open(&start).await.expect("a chooser");
            let form = attacker.form("/identifier").expect("a form").with("identifier", "root-of-all");
            attacker.submit(form).await.expect("a password is asked");
            let wrong = attacker.form("/password").expect("a form").with("password", "guess");
            statuses.push(attacker.submit(wrong).await.expect("a page").status);
        }
        assert_eq!(statuses[..5], [403; 5]);
        assert!(statuses[5..].contains(&429), "{statuses:?}");

        world.clock.advance(1_000);
        let right = attacker.form("/password").expect("a form").with("password", "Correct-horse-1");
        assert_eq!(attacker.submit(right).await.expect("in").status, 200, "a delay, not a lock");
    }

    /// Deactivating an account ends its sessions and tokens at once, and lets nobody in again.
    async fn a_deactivated_account_is_out_at_once(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let sub = shop.userinfo(&tokens).await.1["sub"].as_str().expect("sub").to_owned();
        world.apply(vec![json!({ "resourceType": "User", "id": sub, "email": "ada@hospital.example",
            "active": false })]).await;
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
        let page = browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        assert_eq!(page.status, 403, "{}", page.text);
    }
}

async fn signs_in(world: &World, idp: &str) {
    let shop = world.shop();
    let mut browser = world.browser();
    let code = shop.sign_in(&mut browser, idp).await;
    let tokens = shop.redeem(&code).await.expect("tokens");

    let id = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
    assert_eq!(id["iss"], world.url.as_str());
    assert_eq!(id["aud"], "shop");
    assert_eq!(id["nonce"], "the-nonce");
    assert_eq!(id["roles"], json!(["physician"]));
    let access = shop.verified(&tokens.access_token, SigningAlg::ES256).await;
    assert_eq!(access["roles"], json!(["physician"]));
    assert_eq!(access["organization"], "general");
    assert_eq!(access["login_id"], id["sid"]);
    assert_eq!(access["client_id"], "shop");

    let (status, info) = shop.userinfo(&tokens).await;
    assert_eq!(status, 200);
    assert_eq!(info["sub"], id["sub"]);
    assert_eq!(info["given_name"], "Ada");
    assert_eq!(info["family_name"], "Lovelace");
    assert_eq!(info["email"], "ada@hospital.example");

    world.person("ada", &["GG-Nurses"]);
    let code = shop.sign_in(&mut world.browser(), idp).await;
    let tokens = shop.redeem(&code).await.expect("tokens");
    let again = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
    assert_eq!(again["sub"], id["sub"], "the same user");
    assert_eq!(again["roles"], json!(["nurse"]), "the changed group changes the role");

    world.person("grace", &[]);
    let code = shop.sign_in(&mut world.browser(), idp).await;
    let tokens = shop.redeem(&code).await.expect("tokens");
    let other = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
    assert_ne!(other["sub"], id["sub"], "another person");
    assert_eq!(other["roles"], json!([]));
}
