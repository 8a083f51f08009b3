//! Sign-ins that begin at the provider: nobody here asked, and nobody is signed in by surprise.

use medict::{
    broker::Clock,
    domain::{
        audit::{Action, Outcome},
        resource,
    },
    samples::{
        browser::{Browser, Page},
        saml_idp::{ResponseBuilder, SampleIdp},
    },
};
use serde_json::{Value, json};

use crate::world::{World, stories};

stories! {
    /// As long as it is not allowed, such a response is refused with its reason.
    async fn off_it_is_refused(world: World) {
        let mut browser = world.browser();
        let page = deliver(&world, &mut browser, &unsolicited(&world, "ada").build(), "shop").await;
        assert_eq!(page.status, 400);
        let reference = page.header("x-request-id").expect("a reference").to_owned();
        let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
        let mend = trace.trace.failure().and_then(|step| step.mend.clone()).expect("a way to mend it");
        assert!(mend.contains("IdP-initiated"), "{mend}");
        assert_eq!(refusals(&world).await, 1);
        nobody(&world, &mut browser).await;
    }

    /// Bounced it proves nothing, whatever it says: the person is whoever signs in at the provider now. He
    /// lands at an application of the list, which signs him in without asking again.
    async fn bounced_it_is_only_a_reason_to_ask(world: World) {
        allow(&world, json!({ "clients": [client("shop"), client("clinic")] })).await;
        let shop = world.shop();
        for (relay_state, landing) in [
            ("", "/start"), ("shop", "/start"), ("clinic", "/begin?here=1"), ("nobody", "/start"),
            ("https://evil.example/", "/start"), ("//evil.example", "/start"),
        ] {
            let mut browser = world.browser();
            let forged = unsolicited(&world, "mallory").unsigned().build();
            let page = deliver(&world, &mut browser, &forged, relay_state).await;
            let (url, iss) = (page.url.to_string(), encode(&world.url));
            let joint = if landing.contains('?') { '&' } else { '?' };
            assert_eq!(url, format!("{}{joint}iss={iss}", world.neighbours.at(landing)), "{relay_state}");
            browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("silent");
            let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
            let email = shop.userinfo(&tokens).await.1["email"].clone();
            assert_eq!(email, "ada@hospital.example", "who sits at the provider");
        }
    }

    /// Without an application that can be led to, people come to their own page; an answer to some request
    /// is no beginning; what cannot be read is refused.
    async fn bounced_without_a_landing_it_leads_home(world: World) {
        allow(&world, json!({})).await;
        let mut browser = world.browser();
        let page = deliver(&world, &mut browser, &unsolicited(&world, "ada").build(), "shop").await;
        assert_eq!((page.status, page.url.path()), (200, "/account"));
        for (what, response) in [
            ("an answer", unsolicited(&world, "ada").in_response_to(Some("_old")).build()),
            ("nonsense", "%%%".to_owned()),
            ("no response", encode_base64("<x/>")),
        ] {
            let mut browser = world.browser();
            assert_eq!(deliver(&world, &mut browser, &response, "").await.status, 400, "{what}");
            nobody(&world, &mut browser).await;
        }
        assert_eq!(refusals(&world).await, 3);
    }

    /// A provider that drops what its answers are known by would send the browser round and round: the second
    /// bounce a moment later is refused and explained. Each bounce is on record. Whoever signed in meanwhile,
    /// or waited, or comes from another provider, may come again.
    async fn nobody_is_bounced_in_a_circle(world: World) {
        allow(&world, json!({ "clients": [client("shop")] })).await;
        let bounced = async || {
            let events = world.events().await;
            events.into_iter().filter(|event| event.action == Action::Bounced).count()
        };
        let response = unsolicited(&world, "ada").build();
        let mut browser = world.browser();
        *world.neighbours.hold.lock().expect("lock") = true;
        assert_eq!(deliver(&world, &mut browser, &response, "").await.text, "kept");
        assert_eq!(bounced().await, 1);
        world.clock.advance(5);
        let page = deliver(&world, &mut browser, &response, "").await;
        assert_eq!(page.status, 400, "{}", page.text);
        let reference = page.header("x-request-id").expect("a reference").to_owned();
        let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
        let mend = trace.trace.failure().and_then(|step| step.mend.clone()).expect("a way to mend it");
        assert!(mend.contains("RelayState"), "{mend}");
        assert_eq!((refusals(&world).await, bounced().await), (1, 2));

        let mut stranger = world.browser();
        assert_eq!(deliver(&world, &mut stranger, &response, "").await.text, "kept", "another browser");
        world.clock.advance(20);
        assert_eq!(deliver(&world, &mut browser, &response, "").await.text, "kept", "later");
        world.clock.advance(20);
        *world.neighbours.hold.lock().expect("lock") = false;
        for time in 1..=2 {
            let page = deliver(&world, &mut browser, &response, "").await;
            assert!(page.url.as_str().starts_with(&world.neighbours.at("/start")), "{time}: {}", page.url);
        }
    }

    /// Consumed it becomes a session once the page has named the person and he agrees.
    async fn consumed_it_asks_whether_the_person_is_meant(world: World) {
        allow(&world, json!({ "policy": "consume", "clients": [client("shop")] })).await;
        let mut browser = world.browser();
        let page = deliver(&world, &mut browser, &unsolicited(&world, "ada").build(), "shop").await;
        for word in ["Continue as Ada Lovelace (ada@hospital.example)?", "Corporate SAML", "Shop"] {
            assert!(page.text.contains(word), "{word}: {}", page.text);
        }
        let asked = browser.form("/arrival").expect("a question");
        browser.open(&format!("{}/account", world.url)).await.expect("a page");
        assert_ne!(browser.page().url.path(), "/account", "nobody yet");
        let page = browser.submit(asked.press("answer", "yes")).await.expect("the application");
        let landing = format!("{}?iss={}", world.neighbours.at("/start"), encode(&world.url));
        assert_eq!(page.url.as_str(), landing);
        let shop = world.shop();
        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("silent");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");

        let mut other = world.browser();
        deliver(&world, &mut other, &unsolicited(&world, "ada").build(), "").await;
        let asked = other.form("/arrival").expect("a question");
        let page = other.submit(asked.clone().press("answer", "no")).await.expect("the start");
        assert_eq!((page.status, page.url.path()), (200, "/"));
        assert_eq!(other.submit(asked.press("answer", "yes")).await.expect("a page").status, 400);
        nobody(&world, &mut other).await;
    }

    /// An attacker's own response, delivered by the victim's browser: the victim is asked, by the attacker's
    /// name, and nothing that another page or browser sends answers for him.
    async fn a_victim_is_never_signed_in_as_the_attacker(world: World) {
        allow(&world, json!({ "policy": "consume", "clients": [client("shop")] })).await;
        let response = unsolicited(&world, "mallory").build();
        let mut victim = world.browser();
        let page = deliver(&world, &mut victim, &response, "shop").await;
        assert!(page.text.contains("mallory@hospital.example"), "{}", page.text);
        let asked = victim.form("/arrival").expect("a question").press("answer", "yes");
        nobody(&world, &mut victim).await;

        // The attacker's page posts the form for him: the cookie does not come along.
        let crossing = format!("{}/forged?action={}&response=x&state=x", world.neighbours.base,
            encode(asked.action.as_str()));
        assert_eq!(victim.open(&crossing).await.expect("a page").status, 400);
        // Without the page's own secret, and from the attacker's browser with it.
        let guessed = asked.clone().with("csrf", "guess");
        assert_eq!(victim.submit(guessed).await.expect("a page").status, 400);
        let mut attacker = world.browser();
        attacker.open(&format!("{}/", world.url)).await.expect("a page");
        assert_eq!(attacker.submit(asked.clone()).await.expect("a page").status, 400);
        nobody(&world, &mut victim).await;
        nobody(&world, &mut attacker).await;

        // The handle was good for one page; and it is no way around the question.
        let hops: Vec<_> = { deliver(&world, &mut attacker, &unsolicited(&world, "eve").build(), "").await; attacker.hops().to_vec() };
        let page = hops.last().expect("the page").url.clone();
        assert_eq!(victim.open(page.as_str()).await.expect("a page").status, 400);
        let around = page.as_str().replace("/arrival?", "/continue?");
        assert_eq!(attacker.open(&around).await.expect("a page").status, 400);
        nobody(&world, &mut attacker).await;
    }

    /// What would be refused as an answer is refused here too; each assertion counts once.
    async fn hostile_responses_are_not_consumed(world: World) {
        allow(&world, json!({ "policy": "consume" })).await;
        let now = Clock::default().now();
        let rival = SampleIdp::new("https://rival.example/", "https://rival.example/sso", now).expect("keys");
        let mut configured = world.neighbours.resources().into_iter();
        let mut twin = configured.find(|one| one["id"] == "corporate").expect("the provider");
        twin["id"] = json!("twin");
        twin["configuration"]["allowIdpInitiated"] = json!(true);
        twin["configuration"]["idpInitiated"] = json!({ "policy": "consume" });
        world.apply(vec![twin]).await;
        let at_twin = |path: &str| format!("{}/saml/twin/{path}", world.url);
        let elsewhere = rival.respond_to("", &acs(&world), &entity(&world), now).in_response_to(None);
        let for_twin = world.neighbours.idp().respond_to("", &at_twin("acs"), &at_twin("metadata"), now);
        for (what, builder) in [
            ("unsigned", unsolicited(&world, "ada").unsigned()),
            ("expired", unsolicited(&world, "ada").expired_by(600)),
            ("of another provider", elsewhere.person("ada", &[])),
            ("with another provider's key", unsolicited(&world, "ada").signed_with(rival.signing())),
            ("for another connection", for_twin.in_response_to(None).person("ada", &[])),
            ("that answers inside", unsolicited(&world, "ada").confirmed_in_response_to(Some("_x"))),
        ] {
            let before = refusals(&world).await;
            let mut browser = world.browser();
            assert_eq!(deliver(&world, &mut browser, &builder.build(), "").await.status, 400, "{what}");
            assert_eq!(refusals(&world).await, before + 1, "{what}");
            nobody(&world, &mut browser).await;
        }
        let response = unsolicited(&world, "ada").build();
        let mut browser = world.browser();
        assert_eq!(deliver(&world, &mut browser, &response, "").await.status, 200);
        let mut thief = world.browser();
        assert_eq!(deliver(&world, &mut thief, &response, "").await.status, 400, "a replay");
        let (second, running) = world.second_broker().await;
        let form = [("SAMLResponse", response)];
        let url = format!("http://{}/saml/corporate/acs", running.address);
        let answer = reqwest::Client::new().post(url).form(&form).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 400, "a replay at another process");
        drop(second);
        running.stop().await;
    }

    /// An application of another organization is no landing: not when it is written, and not when it moves.
    async fn landings_stay_in_the_organization(world: World) {
        let other = json!({ "reference": "Organization/other" });
        let mut elsewhere = application(&world, "elsewhere", "/elsewhere");
        elsewhere["organization"] = other.clone();
        elsewhere["identityProviders"] = json!([{ "reference": "IdentityProvider/corporate" }]);
        world.apply(vec![
            json!({ "resourceType": "Organization", "id": "other", "name": "Other" }), elsewhere,
        ]).await;
        let provider = corporate(&world, json!({ "clients": [client("elsewhere")] }));
        let provider = resource::parse(provider).expect("well-formed");
        let refused = world.broker.apply(vec![provider]).await.expect_err("refused").error.to_string();
        assert!(refused.contains("configuration.idpInitiated.clients[0]"), "{refused}");

        allow(&world, json!({ "clients": [client("shop"), client("clinic")] })).await;
        let mut moved = application(&world, "shop", "/start");
        moved["organization"] = other;
        world.apply(vec![moved]).await;
        let mut browser = world.browser();
        let page = deliver(&world, &mut browser, &unsolicited(&world, "ada").build(), "shop").await;
        assert!(page.url.as_str().starts_with(&world.neighbours.at("/begin")), "{}", page.url);
    }
}

fn client(id: &str) -> Value {
    json!({ "reference": format!("ClientApplication/{id}") })
}

fn application(world: &World, id: &str, start: &str) -> Value {
    let mut all = world.neighbours.resources().into_iter();
    let known = all.find(|one| one["id"] == id && one["resourceType"] == "ClientApplication");
    let mut application = known.unwrap_or_else(|| {
        json!({ "resourceType": "ClientApplication", "id": id, "name": id,
            "redirectUris": [world.neighbours.callback()] })
    });
    application["initiateLoginUri"] = json!(world.neighbours.at(start));
    application
}

fn corporate(world: &World, initiated: Value) -> Value {
    let mut all = world.neighbours.resources().into_iter();
    let mut corporate = all.find(|one| one["id"] == "corporate").expect("the provider");
    corporate["configuration"]["allowIdpInitiated"] = json!(true);
    corporate["configuration"]["idpInitiated"] = initiated;
    corporate
}

async fn allow(world: &World, initiated: Value) {
    let shop = application(world, "shop", "/start");
    let clinic = application(world, "clinic", "/begin?here=1");
    world.apply(vec![shop, clinic, corporate(world, initiated)]).await;
}

fn acs(world: &World) -> String {
    format!("{}/saml/corporate/acs", world.url)
}

fn entity(world: &World) -> String {
    format!("{}/saml/corporate/metadata", world.url)
}

/// A response of the provider that nobody asked for.
fn unsolicited(world: &World, who: &str) -> ResponseBuilder {
    let now = Clock::default().now();
    let idp = world.neighbours.idp();
    let email = format!("{who}@hospital.example");
    idp.respond_to("", &acs(world), &entity(world), now).in_response_to(None).person(
        who,
        &[("givenName", &["Ada"]), ("sn", &["Lovelace"]), ("mail", &[&email]), ("uid", &[who])],
    )
}

/// The provider's page posts it, from another site.
async fn deliver(world: &World, browser: &mut Browser, response: &str, state: &str) -> Page {
    let page = format!(
        "{}/forged?action={}&response={}&state={}",
        world.neighbours.base,
        encode(&acs(world)),
        encode(response),
        encode(state)
    );
    browser.open(&page).await.expect("delivered").clone()
}

async fn nobody(world: &World, browser: &mut Browser) {
    let shop = world.shop();
    browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("an answer");
    let url = browser.page().url.as_str();
    assert!(url.contains("error=login_required"), "{url}");
}

async fn refusals(world: &World) -> usize {
    let events = world.events().await;
    let refused = events
        .iter()
        .filter(|event| event.action == Action::SignIn && event.outcome == Outcome::Refused);
    refused.count()
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn encode_base64(text: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(text)
}
