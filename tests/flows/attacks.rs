//! What must not work, whoever tries it.

use medict::domain::audit::{Action, Event, Outcome};

use crate::world::{World, stories};

stories! {
    /// The attacker starts a login and lets the victim deliver the answer: neither is signed in.
    async fn a_response_delivered_by_another_browser_signs_nobody_in(world: World) {
        let shop = world.shop();
        let mut attacker = world.browser();
        *world.neighbours.hold.lock().expect("lock") = true;
        attacker.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("at the provider");
        let (response, relay_state) =
            world.neighbours.last_response.lock().expect("lock").clone().expect("a response");

        let mut victim = world.browser();
        victim.open(&format!("{}/login?return_to=/account", world.url)).await.expect("a cookie of its own");
        let page = deliver(&mut victim, &world, &response, &relay_state).await;
        assert_eq!(page, 400, "the victim's browser did not begin this login");
        victim.open(&format!("{}/account", world.url)).await.expect("a page");
        assert_ne!(victim.page().url.path(), "/account", "the victim is not signed in");
        attacker.open(&format!("{}/account", world.url)).await.expect("a page");
        assert_ne!(attacker.page().url.path(), "/account", "the attacker is not signed in");
    }

    /// The cookie alone is not enough either: the way back needs the handle.
    async fn the_cookie_alone_finishes_nothing(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        *world.neighbours.hold.lock().expect("lock") = true;
        browser.open(&shop.authorize_url(&[])).await.expect("the chooser");
        let login = browser.page().url.path().to_owned();
        let form = browser.form("/provider").expect("buttons").press("idp", "corporate");
        browser.submit(form).await.expect("at the provider");
        let (response, relay_state) =
            world.neighbours.last_response.lock().expect("lock").clone().expect("a response");
        let mut victim = world.browser();
        deliver(&mut victim, &world, &response, &relay_state).await;
        for handle in ["", "guess"] {
            let url = format!("{}{login}/continue?handle={handle}", world.url);
            assert_eq!(browser.open(&url).await.expect("a page").status, 400);
        }
    }

    /// What is no form, or too large a one, is refused with one record and its reason, as every message is.
    async fn what_is_no_form_is_on_record(world: World) {
        let client = reqwest::Client::new();
        let giant = format!("SAMLResponse={}", "x".repeat(1_100_000));
        let form = "application/x-www-form-urlencoded";
        for (end, action) in [("acs", Action::SignIn), ("slo", Action::SignOut)] {
            for (kind, body, status) in [
                ("application/json", "{}", 415),
                (form, giant.as_str(), 413),
                (form, "SAMLResponse=a&SAMLResponse=b", 400),
            ] {
                let refused = async || {
                    let events = world.events().await;
                    let refused = |event: &Event| event.action == action && event.outcome == Outcome::Refused;
                    events.into_iter().filter(refused).collect::<Vec<_>>()
                };
                let before = refused().await.len();
                let url = format!("{}/saml/corporate/{end}", world.url);
                let post = client.post(url).header("content-type", kind).body(body.to_owned());
                let answer = post.send().await.expect("an answer");
                assert_eq!(answer.status().as_u16(), status, "{end}");
                let reference = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
                let events = refused().await;
                assert_eq!(events.len(), before + 1, "{end}, {status}");
                let of_it = events.iter().find(|event| event.reference.as_ref().is_some_and(|r| r.0 == reference));
                assert!(of_it.expect("its record").detail.is_some());
                let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
                assert!(trace.trace.failure().expect("a failed check").mend.is_some());
            }
        }
    }

    /// An assertion counts once, whoever sends it again, at whichever process.
    async fn a_replayed_response_is_refused(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        shop.sign_in(&mut browser, "corporate").await;
        let (response, relay_state) =
            world.neighbours.last_response.lock().expect("lock").clone().expect("a response");
        for mut again in [browser, world.browser()] {
            assert_eq!(deliver(&mut again, &world, &response, &relay_state).await, 400);
        }
        let (second, running) = world.second_broker().await;
        let client = reqwest::Client::new();
        let answer = client
            .post(format!("http://{}/saml/corporate/acs", running.address))
            .form(&[("SAMLResponse", response), ("RelayState", relay_state)])
            .send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 400);
        drop(second);
        running.stop().await;
    }

    /// A response that is not what it should be signs nobody in, and is one audit record with its reason.
    async fn deviating_responses_sign_nobody_in(world: World) {
        let shop = world.shop();
        for (name, check) in [
            ("unsigned", "signature"),
            ("expired", "time"),
            ("audience", "audience"),
            ("recipient", "recipient"),
            ("request", "in response to"),
        ] {
            world.saml_says(move |builder| match name {
                "unsigned" => builder.unsigned(),
                "expired" => builder.expired_by(3_600),
                "audience" => builder.for_audience("https://other.example/"),
                "recipient" => builder.for_recipient("https://other.example/acs"),
                _ => builder.in_response_to(Some("_other")),
            });
            let mut browser = world.browser();
            let page = browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
            assert_eq!(page.status, 400, "{name}: {}", page.text);
            let reference = page.header("x-request-id").expect("a reference").to_owned();
            let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
            let failure = trace.trace.failure().expect("a failed check");
            assert!(failure.mend.is_some(), "{name} ({check}): {failure:?}");
            browser.open(&format!("{}/account", world.url)).await.expect("a page");
            assert_ne!(browser.page().url.path(), "/account", "{name}");
        }
        let events = world.events().await;
        let refused = events.iter().filter(|event| {
            event.outcome == medict::domain::audit::Outcome::Refused && event.idp.is_some()
        });
        assert_eq!(refused.count(), 5);
    }

    /// Bad input gets the standard's error: never a 5xx, never a redirect to a URI that is not registered.
    async fn bad_input_is_answered_as_the_standards_say(world: World) {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        let shop = world.shop();
        let callback = world.neighbours.callback();
        let authorize = |extra: &[(&str, &str)]| shop.authorize_url(extra);
        for (what, url, status) in [
            ("unknown client", authorize(&[("client_id", "nobody")]), 400),
            ("no client", authorize(&[("client_id", "")]), 400),
            ("foreign redirect", authorize(&[("redirect_uri", "https://evil.example/")]), 400),
            ("no redirect", authorize(&[("redirect_uri", "")]), 400),
            ("twice", format!("{}&client_id=shop", authorize(&[])), 400),
            ("no login", format!("{}/login/none", world.url), 400),
            ("odd login", format!("{}/login/%ff%fe", world.url), 400),
            ("NUL in a path", format!("{}/login/%00", world.url), 404),
            ("NUL in a parameter", format!("{}&state=%00", authorize(&[("state", "")])), 400),
            ("NUL from a provider", format!("{}/oidc/openid/callback?code=x&state=%00", world.url), 400),
            ("no continue", format!("{}/login/none/continue?handle=x", world.url), 400),
            ("callback without state", format!("{}/oidc/openid/callback", world.url), 400),
            ("callback with wrong state", format!("{}/oidc/openid/callback?code=x&state=y", world.url), 400),
            ("callback of nobody", format!("{}/oidc/nobody/callback?code=x&state=y", world.url), 400),
            ("metadata of nobody", format!("{}/saml/nobody/metadata", world.url), 404),
            ("nothing here", format!("{}/wp-admin.php", world.url), 404),
            ("no link", format!("{}/account/set-password?link=x", world.url), 410),
        ] {
            let answer = client.get(&url).send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status, "{what}");
            assert!(answer.headers().get("location").is_none(), "{what}");
            let dressed = answer.headers().contains_key("content-security-policy");
            assert!(dressed || status == 404, "{what}");
        }
        for (what, extra, error) in [
            ("no challenge", ("code_challenge", ""), "invalid_request"),
            ("plain", ("code_challenge_method", "plain"), "invalid_request"),
            ("implicit", ("response_type", "token"), "unsupported_response_type"),
            ("prompt", ("prompt", "none"), "login_required"),
            ("object", ("request", "x"), "request_not_supported"),
        ] {
            let answer = client.get(authorize(&[extra])).send().await.expect("an answer");
            let location = answer.headers()["location"].to_str().expect("text").to_owned();
            assert!(location.starts_with(&callback), "{what}: {location}");
            assert!(location.contains(&format!("error={error}")), "{what}: {location}");
            assert!(location.contains("state=the-state") && location.contains("iss="), "{what}: {location}");
        }
    }

    /// Bodies: too large, of the wrong type, broken.
    async fn bodies_are_bounded(world: World) {
        let client = reqwest::Client::new();
        let post = async |path: &str, kind: &str, body: Vec<u8>| {
            let url = format!("{}{path}", world.url);
            let answer = client.post(url).header("content-type", kind).body(body).send().await;
            answer.map_or(0, |answer| answer.status().as_u16())
        };
        let form = "application/x-www-form-urlencoded";
        let large = |size: usize| [b"SAMLResponse=".to_vec(), vec![b'A'; size]].concat();
        assert_eq!(post("/oauth2/token", form, large(65 * 1024)).await, 413);
        assert_eq!(post("/oauth2/token", "application/json", b"{}".to_vec()).await, 400);
        assert_eq!(post("/oauth2/token", form, b"grant_type=a&grant_type=b".to_vec()).await, 400);
        assert_eq!(post("/oauth2/token", form, vec![0xff; 10]).await, 401);
        assert_eq!(post("/saml/corporate/acs", form, large(900 * 1024)).await, 400);
        // The server answers and closes while the client still writes: either is a refusal.
        assert!([413, 0].contains(&post("/saml/corporate/acs", form, large(1_100 * 1024)).await));
        assert_eq!(post("/saml/corporate/acs", "text/xml", b"<x/>".to_vec()).await, 415);
        assert_eq!(post("/saml/corporate/acs", form, b"SAMLResponse=%%%&RelayState=x".to_vec()).await, 400);
        assert_eq!(post("/login/none/password", form, vec![b'%'; 100]).await, 400);
    }

    /// Whoever knocks all day fills no disk: beyond a rate refusals are counted.
    async fn knocking_is_counted(world: World) {
        let client = reqwest::Client::new();
        for _ in 0..100 {
            let url = format!("{}/oauth2/authorize?client_id=nobody", world.url);
            client.get(url).send().await.expect("an answer");
        }
        let refused = world.events().await.into_iter().filter(|event| {
            event.action == medict::domain::audit::Action::Authorize
        }).count();
        assert!((59..=61).contains(&refused), "{refused} records for 100 knocks");
    }

    /// No other site can post a form of the account pages.
    async fn account_forms_carry_a_secret(world: World) {
        let mut browser = world.browser();
        world.shop().sign_in(&mut browser, "corporate").await;
        browser.open(&format!("{}/account", world.url)).await.expect("the account");
        let form = browser.form("/account/sign-out").expect("a form").with("csrf", "guess");
        assert_eq!(browser.submit(form).await.expect("a page").status, 403);
        browser.open(&format!("{}/account", world.url)).await.expect("the account");
        assert_eq!(browser.page().url.path(), "/account", "still signed in");
    }
}

async fn deliver(
    browser: &mut medict::samples::browser::Browser,
    world: &World,
    response: &str,
    relay_state: &str,
) -> u16 {
    let action = format!("{}/saml/corporate/acs", world.url);
    let page = format!(
        "{}/forged?action={}&response={}&state={}",
        world.neighbours.base,
        encode(&action),
        encode(response),
        encode(relay_state)
    );
    browser.open(&page).await.expect("delivered").status
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
