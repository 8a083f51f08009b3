//! Signing out together: the provider ends what it names, and is asked to follow us.

use medict::{
    broker::Clock,
    domain::audit::{Action, Event, Outcome},
    samples::{browser::Browser, saml_idp::SampleIdp},
};
use serde_json::{Value, json};

use crate::world::{Tokens, World, stories};

stories! {
    /// A request with an index ends one session of several; one without ends the rest of that person at
    /// that connection. Another index, another person and another connection survive.
    async fn a_provider_ends_exactly_the_sessions_it_names(world: World) {
        with_slo(&world).await;
        world.apply(vec![twin(&world)]).await;
        let [mut first, mut second, mut bob, mut at_twin, mut at_openid] =
            [(); 5].map(|()| world.browser());
        let first_tokens = sign_in(&world, &mut first, "corporate", "ada", "one").await;
        let second_tokens = sign_in(&world, &mut second, "corporate", "ada", "two").await;
        let bobs = sign_in(&world, &mut bob, "corporate", "bob", "one").await;
        let at_twin = sign_in(&world, &mut at_twin, "twin", "ada", "one").await;
        let at_openid = sign_in(&world, &mut at_openid, "openid", "ada", "one").await;

        let query = log_out(&world, "ada", &["one"]).by_redirect(Some("their state"));
        first.open(&slo(&world, "corporate", &query)).await.expect("back at the provider");
        assert_eq!(first.page().text, "the provider");
        let heard = world.neighbours.last_logout.lock().expect("lock").clone().expect("an answer");
        assert_eq!((heard.root.as_str(), heard.statuses), ("LogoutResponse", vec!["Success".to_owned()]));
        assert_eq!(heard.relay_state.as_deref(), Some("their state"));
        let alive = async |all: [&Tokens; 5]| {
            let mut alive = Vec::new();
            for tokens in all {
                alive.push(world.shop().userinfo(tokens).await.0 == 200);
            }
            alive
        };
        let all = [&first_tokens, &second_tokens, &bobs, &at_twin, &at_openid];
        assert_eq!(alive(all).await, [false, true, true, true, true], "one index");
        silent_fails(&world, &mut first).await;

        // By POST no cookie comes along; whose browser carries the request decides nothing.
        let form = [("SAMLRequest", log_out(&world, "ada", &[]).by_post())];
        let answer = reqwest::Client::new().post(slo(&world, "corporate", "")).form(&form).send().await;
        assert_eq!(answer.expect("an answer").text().await.expect("text"), "the provider");
        assert_eq!(alive(all).await, [false, false, true, true, true], "no index: all of that person");

        let ended = sign_outs(&world, Outcome::Success).await;
        assert_eq!(ended.iter().filter(|event| event.session.is_some()).count(), 2);
        assert!(ended.iter().all(|event| event.idp.as_ref().is_some_and(|idp| idp.as_str() == "corporate")));
    }

    /// What is not the provider's word about its own people ends nothing; each refusal leaves one record.
    async fn hostile_logout_requests_end_nothing(world: World) {
        with_slo(&world).await;
        let now = Clock::default().now();
        let rival = SampleIdp::new("https://rival.example/", "https://rival.example/sso", now).expect("keys");
        world.apply(vec![json!({ "resourceType": "IdentityProvider", "id": "rival", "type": "saml",
            "name": "Rival", "configuration": { "entityId": rival.entity_id(), "ssoUrl": rival.sso_url(),
                "x509Certificate": rival.certificate() } })]).await;
        let mut browser = world.browser();
        let tokens = sign_in(&world, &mut browser, "corporate", "ada", "one").await;

        let unsigned = log_out(&world, "ada", &[]).unsigned().by_redirect(None);
        let wrong_key = log_out(&world, "ada", &[]).signed_with(rival.signing()).by_redirect(None);
        let at = |idp: &str| slo_address(&world, idp);
        let theirs = rival.log_out("ada", &[], &at("corporate"), now).by_redirect(None);
        let doubled = log_out(&world, "ada", &[]).by_redirect(None);
        let doubled = format!("{doubled}&RelayState=a&RelayState=b");
        for (what, query) in [
            ("unsigned", unsigned), ("wrong key", wrong_key), ("another issuer", theirs),
            ("repeated", doubled), ("empty", String::new()),
        ] {
            let before = sign_outs(&world, Outcome::Refused).await.len();
            let page = browser.open(&slo(&world, "corporate", &query)).await.expect("a page");
            assert_eq!(page.status, 400, "{what}: {}", page.text);
            let reference = page.header("x-request-id").expect("a reference").to_owned();
            assert!(page.text.contains(&reference), "{what}");
            assert_eq!(sign_outs(&world, Outcome::Refused).await.len(), before + 1, "{what}");
            let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
            assert!(trace.trace.failure().expect("a failed check").mend.is_some(), "{what}");
        }
        // The rival speaks for its own people only, whatever they are called.
        let own = rival.log_out("ada", &[], &at("rival"), now).by_redirect(None);
        assert_eq!(browser.open(&slo(&world, "rival", &own)).await.expect("a page").status, 200);
        assert_eq!(browser.open(&slo(&world, "nobody", &own)).await.expect("a page").status, 404);
        assert_eq!(world.shop().userinfo(&tokens).await.0, 200, "nothing has ended");

        // Its sender is certain, so a request that is refused is answered.
        let elsewhere = log_out(&world, "ada", &[]).to_destination(Some("https://x.example/")).by_redirect(None);
        browser.open(&slo(&world, "corporate", &elsewhere)).await.expect("at the provider");
        assert_eq!(last_statuses(&world), ["Requester", "RequestDenied"]);
        assert_eq!(world.shop().userinfo(&tokens).await.0, 200);

        let honest = log_out(&world, "ada", &[]).by_redirect(None);
        browser.open(&slo(&world, "corporate", &honest)).await.expect("at the provider");
        assert_eq!((last_statuses(&world), world.shop().userinfo(&tokens).await.0), (vec!["Success".to_owned()], 401));
        let again = sign_in(&world, &mut browser, "corporate", "ada", "one").await;
        let (second, running) = world.second_broker().await;
        let elsewhere = format!("http://{}/saml/corporate/slo?{honest}", running.address);
        reqwest::get(elsewhere).await.expect("an answer");
        assert_eq!(last_statuses(&world), ["Requester", "RequestDenied"], "a replay, at another process");
        assert_eq!(world.shop().userinfo(&again).await.0, 200);
        drop(second);
        running.stop().await;
    }

    /// A Response is taken by POST only.
    async fn a_response_by_redirect_is_refused(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        *world.neighbours.hold.lock().expect("lock") = true;
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("at the provider");
        let (response, state) = world.neighbours.last_response.lock().expect("lock").clone().expect("a response");
        use base64::{Engine, prelude::BASE64_STANDARD};
        let xml = String::from_utf8(BASE64_STANDARD.decode(response).expect("base64")).expect("text");
        let now = Clock::default().now();
        let carrier = world.neighbours.idp().logged_out("_x", &["Success"], "https://x.example/", now);
        let query = carrier.redirecting(&xml, Some(&state));
        let at_acs = format!("{}/saml/corporate/acs?{query}", world.url);
        assert_eq!(browser.open(&at_acs).await.expect("a page").status, 405);
        assert_eq!(browser.open(&slo(&world, "corporate", &query)).await.expect("a page").status, 400);
        browser.open(&format!("{}/account", world.url)).await.expect("a page");
        assert_ne!(browser.page().url.path(), "/account", "nobody is signed in");
    }

    /// The application signs its person out: the provider is told under the name it gave, answers by
    /// either binding, and the browser lands where the application registered.
    async fn signing_out_goes_up_and_comes_back(world: World) {
        with_slo(&world).await;
        let bye = world.neighbours.at("/bye");
        for by_post in [false, true] {
            world.logouts_end(&["Success"], by_post);
            let mut browser = world.browser();
            let tokens = sign_in(&world, &mut browser, "corporate", "ada", "seven").await;
            browser.open(&rp_logout(&world, &tokens)).await.expect("the way round");
            assert_eq!(browser.page().url.as_str(), format!("{bye}?state=s"), "by POST: {by_post}");
            let heard = world.neighbours.last_logout.lock().expect("lock").clone().expect("a request");
            assert_eq!((heard.root.as_str(), heard.name_id.as_deref()), ("LogoutRequest", Some("ada")));
            assert_eq!(heard.name_id_format.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"));
            assert_eq!(heard.session_indexes, ["seven"]);
            assert_eq!(world.shop().userinfo(&tokens).await.0, 401);
            silent_fails(&world, &mut browser).await;
        }
    }

    /// From the account page, and after the question of a bare logout: the page says who is signed out.
    async fn the_person_signs_out_everywhere(world: World) {
        with_slo(&world).await;
        world.logouts_end(&["Success"], false);
        let mut browser = world.browser();
        for way in ["/account", "/oauth2/logout"] {
            let tokens = sign_in(&world, &mut browser, "corporate", "ada", "one").await;
            browser.open(&format!("{}{way}", world.url)).await.expect("a page");
            let form = if way == "/account" { "/account/sign-out" } else { way };
            let form = browser.form(form).expect("a form");
            let page = browser.submit(form).await.expect("the way round");
            assert!(page.text.contains("signed out of Medict and of Corporate SAML"), "{}", page.text);
            assert_eq!(world.shop().userinfo(&tokens).await.0, 401);
        }
    }

    /// A provider that could not end everything: the person is told, and may go on.
    async fn a_provider_that_fails_is_told_honestly(world: World) {
        with_slo(&world).await;
        for statuses in [&["Responder", "PartialLogout"][..], &["Success", "PartialLogout"], &["Requester"]] {
            world.logouts_end(statuses, false);
            let mut browser = world.browser();
            let tokens = sign_in(&world, &mut browser, "corporate", "ada", "one").await;
            browser.open(&rp_logout(&world, &tokens)).await.expect("the way round");
            let page = browser.page();
            assert!(page.text.contains("Corporate SAML did not confirm"), "{statuses:?}: {}", page.text);
            assert_eq!(world.shop().userinfo(&tokens).await.0, 401);
            browser.click("/bye").await.expect("the application");
            assert!(browser.page().url.as_str().ends_with("/bye?state=s"), "{}", browser.page().url);
        }
    }

    /// A provider that never answers, and one that cannot be asked: the session here is over all the same.
    async fn nothing_of_ours_waits_for_a_provider(world: World) {
        let mut browser = world.browser();
        let tokens = sign_in(&world, &mut browser, "corporate", "ada", "one").await;
        browser.open(&format!("{}/account", world.url)).await.expect("the account");
        let form = browser.form("/account/sign-out").expect("a form");
        let page = browser.submit(form).await.expect("signed out");
        assert!(page.text.contains("Corporate SAML cannot be signed out from here"), "{}", page.text);
        assert_eq!(world.shop().userinfo(&tokens).await.0, 401);

        with_slo(&world).await;
        let tokens = sign_in(&world, &mut browser, "corporate", "ada", "one").await;
        browser.open(&rp_logout(&world, &tokens)).await.expect("at the provider");
        assert_eq!(browser.page().text, "the provider");
        assert_eq!(world.shop().userinfo(&tokens).await.0, 401);
        silent_fails(&world, &mut browser).await;
    }

    /// The provider's answer counts once, for a request of ours, in the browser that was signed out.
    async fn answers_are_taken_once_and_where_they_belong(world: World) {
        with_slo(&world).await;
        let mut browser = world.browser();
        let tokens = sign_in(&world, &mut browser, "corporate", "ada", "one").await;
        browser.open(&rp_logout(&world, &tokens)).await.expect("at the provider");
        let request = world.neighbours.last_logout.lock().expect("lock").clone().expect("a request").id;
        let answer = |id: &str| {
            let now = Clock::default().now();
            let response = world.neighbours.idp().logged_out(id, &["Success"], &slo_address(&world, "corporate"), now);
            slo(&world, "corporate", &response.by_redirect(None))
        };
        world.apply(vec![twin(&world)]).await;
        let at_twin = slo_address(&world, "twin");
        let now = Clock::default().now();
        let mixed_up = world.neighbours.idp().logged_out(&request, &["Success"], &at_twin, now).by_redirect(None);
        assert_eq!(browser.open(&slo(&world, "twin", &mixed_up)).await.expect("a page").status, 400);
        assert_eq!(browser.open(&answer("_unknown")).await.expect("a page").status, 400);

        // Delivered in another browser it leads nowhere, and it was the one time.
        let mut stranger = world.browser();
        let page = stranger.open(&answer(&request)).await.expect("a page");
        assert_eq!((page.status, page.url.path()), (200, "/account/signed-out"));
        assert_eq!(browser.open(&answer(&request)).await.expect("a page").status, 400);
    }
}

async fn with_slo(world: &World) {
    world.saml_with(json!({ "sloUrl": world.neighbours.slo_url() })).await;
}

/// The same provider once more, under another connection.
fn twin(world: &World) -> Value {
    let mut all = world.neighbours.resources().into_iter();
    let mut twin = all.find(|one| one["id"] == "corporate").expect("the provider");
    (twin["id"], twin["name"]) = (json!("twin"), json!("Twin"));
    twin
}

async fn sign_in(
    world: &World,
    browser: &mut Browser,
    idp: &str,
    who: &str,
    index: &str,
) -> Tokens {
    world.person(who, &["GG-Physicians"]);
    let index = index.to_owned();
    world.saml_says(move |builder| builder.session_index(&index));
    let shop = world.shop();
    let code = shop.sign_in_anew(browser, idp).await;
    shop.redeem(&code).await.expect("tokens")
}

fn log_out(world: &World, who: &str, indexes: &[&str]) -> medict::samples::saml_idp::LogoutBuilder {
    let now = Clock::default().now();
    world.neighbours.idp().log_out(who, indexes, &slo_address(world, "corporate"), now)
}

fn slo_address(world: &World, idp: &str) -> String {
    format!("{}/saml/{idp}/slo", world.url)
}

fn slo(world: &World, idp: &str, query: &str) -> String {
    format!("{}?{query}", slo_address(world, idp))
}

fn rp_logout(world: &World, tokens: &Tokens) -> String {
    let bye = world.neighbours.at("/bye");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", &bye),
        ("state", "s"),
    ]);
    format!("{}/oauth2/logout?{}", world.url, query.finish())
}

async fn silent_fails(world: &World, browser: &mut Browser) {
    browser.open(&world.shop().authorize_url(&[("prompt", "none")])).await.expect("an answer");
    let url = browser.page().url.as_str();
    assert!(url.contains("error=login_required"), "{url}");
}

fn last_statuses(world: &World) -> Vec<String> {
    let heard = world.neighbours.last_logout.lock().expect("lock").take();
    heard.expect("an answer").statuses
}

async fn sign_outs(world: &World, outcome: Outcome) -> Vec<Event> {
    let events = world.events().await;
    let events = events.into_iter();
    events.filter(|event| event.action == Action::SignOut && event.outcome == outcome).collect()
}
