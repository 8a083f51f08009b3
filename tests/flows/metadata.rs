//! Providers change their metadata: keys roll over, servers are down, somebody lies.

use std::sync::Arc;

use medict::{
    broker::{
        Broker, Caller,
        metadata::{MetadataState, Refreshed},
        resources::{Author, Written},
    },
    domain::{
        audit::{Action, Event, Outcome},
        words::{IdpId, UserId},
    },
    http::Running,
    samples::{browser::Browser, saml_idp::SampleIdp},
};
use serde_json::{Value, json};

use crate::world::{World, stories};

const WEEK: i64 = 7 * 86_400;

fn id() -> IdpId {
    IdpId("published".into())
}

/// A provider that is known by its metadata address alone, with `more` in its configuration.
async fn publish(world: &World, more: Value) -> Written {
    let mut configuration = json!({ "metadataUrl": world.neighbours.metadata_url() });
    for (name, value) in more.as_object().into_iter().flatten() {
        configuration[name] = value.clone();
    }
    let provider = json!({ "resourceType": "IdentityProvider", "id": "published", "type": "saml",
        "name": "Published", "configuration": configuration });
    world.apply(vec![provider]).await.remove(0)
}

/// A sign-in fails; answers of what, as its trace has it.
async fn fails(world: &World) -> String {
    let mut browser = world.browser();
    assert!(!signs_in_with(world, &mut browser).await);
    assert_eq!(browser.page().status, 502, "{}", browser.page().text);
    let reference = browser.page().header("x-request-id").expect("a reference").to_owned();
    let trace = world.broker.find_trace(&reference).await.expect("database").expect("a trace");
    let failure = trace.trace.failure().expect("a failed check");
    assert!(failure.mend.is_some());
    json!(failure).to_string()
}

/// Whoever signed in last administers from now on.
async fn made_administrator(world: &World) -> UserId {
    let user = events(world, Action::SignIn).await.remove(0).user.expect("a user");
    world
        .apply(vec![json!({ "resourceType": "UserRole",
            "user": { "reference": format!("User/{user}") },
            "role": { "reference": "Role/administrator" } })])
        .await;
    user
}

async fn signs_in(world: &World) -> bool {
    signs_in_with(world, &mut world.browser()).await
}

async fn signs_in_with(world: &World, browser: &mut Browser) -> bool {
    let url = format!("{}/login?idp=published&return_to=/account", world.url);
    browser.open(&url).await.expect("a page");
    browser.page().status == 200 && browser.page().url.path() == "/account"
}

/// The provider signs with a fresh key from now on.
fn roll(world: &World) -> Arc<SampleIdp> {
    let before = world.neighbours.idp();
    let now = world.clock.now();
    let idp = Arc::new(SampleIdp::new(before.entity_id(), before.sso_url(), now).expect("keys"));
    *world.neighbours.idp.lock().expect("lock") = Arc::clone(&idp);
    idp
}

/// So long that whatever was fetched is due again.
async fn later(world: &World) {
    world.clock.advance(86_401);
    world.broker.refresh_metadata().await.expect("database");
}

async fn state(world: &World) -> MetadataState {
    world.broker.metadata_state(&id()).await.expect("database").expect("metadata by URL")
}

async fn events(world: &World, action: Action) -> Vec<Event> {
    let newest = world.events().await;
    newest.into_iter().filter(|event| event.action == action).collect()
}

async fn a_second_process(world: &World) -> (Arc<Broker>, Running) {
    world.second_broker().await
}

fn nobody() -> Caller {
    Caller { reference: "R".into(), address: String::new(), agent: String::new() }
}

stories! {
    /// One process sends the person away and fetches the metadata for that; another, which has not heard of it
    /// yet, receives the answer.
    async fn what_another_process_fetched_counts_at_once(world: World) {
        publish(&world, json!({})).await;
        let (_second, running) = world.second_broker().await;
        *world.neighbours.hold.lock().expect("lock") = true;
        let url = world.shop().authorize_url(&[("idp", "published")]);
        world.browser().open(&url).await.expect("the provider");
        let kept = world.neighbours.last_response.lock().expect("lock").clone();
        let (response, state) = kept.expect("a response");
        let client = reqwest::Client::builder().no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let answer = client
            .post(format!("http://{}/saml/published/acs", running.address))
            .form(&[("SAMLResponse", response), ("RelayState", state)])
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 303);
        running.stop().await;
    }

    /// New key beside the old one, then alone: nobody notices, and the old one ends after its grace.
    async fn a_provider_rolls_its_key_over(world: World) {
        publish(&world, json!({})).await;
        assert!(signs_in(&world).await);
        let old = world.neighbours.idp();
        let next = roll(&world);
        *world.neighbours.idp.lock().expect("lock") = Arc::clone(&old);
        world.neighbours.publishes(Some(old.describe().with_key(&next.certificate()).build()));
        later(&world).await;
        assert!(signs_in(&world).await, "by the old key");
        *world.neighbours.idp.lock().expect("lock") = Arc::clone(&next);
        assert!(signs_in(&world).await, "by the new key");

        world.neighbours.publishes(Some(next.metadata()));
        later(&world).await;
        let keys = state(&world).await.keys;
        assert_eq!(keys.iter().filter(|key| key.draining.is_some()).count(), 1);
        assert!(signs_in(&world).await, "by the new key");
        *world.neighbours.idp.lock().expect("lock") = Arc::clone(&old);
        assert!(signs_in(&world).await, "by the old key, which drains");
        world.clock.advance(WEEK);
        world.broker.refresh_metadata().await.expect("database");
        assert!(!signs_in(&world).await, "by the old key, which drained");
        assert_eq!(events(&world, Action::MetadataKeyEnded).await.len(), 1);
        *world.neighbours.idp.lock().expect("lock") = next;
        assert!(signs_in(&world).await, "by the new key");
        assert_eq!(state(&world).await.keys.len(), 1);
        assert_eq!(events(&world, Action::MetadataChanged).await.len(), 3, "first, added, removed");
    }

    /// The provider changes its key and publishes it in the same moment: the login that meets it waits
    /// for one fetch. A stranger's key costs at most one fetch a minute.
    async fn a_key_that_nobody_knows_is_looked_up_once(world: World) {
        publish(&world, json!({})).await;
        assert!(signs_in(&world).await);
        world.clock.advance(61);
        let next = roll(&world);
        world.neighbours.publishes(Some(next.metadata()));
        assert!(signs_in(&world).await, "no failed login");
        roll(&world);
        assert!(!signs_in(&world).await, "a key that nobody publishes");
        let checked = state(&world).await.checked;
        assert!(!signs_in(&world).await);
        assert_eq!(state(&world).await.checked, checked, "not asked again within the minute");
    }

    /// The metadata server is down for days, and we restart meanwhile: people sign in all the same.
    async fn an_outage_stops_nobody(world: World) {
        publish(&world, json!({})).await;
        assert!(signs_in(&world).await);
        world.neighbours.publishes(None);
        for _ in 0..3 {
            later(&world).await;
            assert!(signs_in(&world).await);
        }
        let (second, _running) = a_second_process(&world).await;
        second.refresh_metadata().await.expect("database");
        let provider = second.configuration();
        let provider = provider.provider(&id()).expect("a provider");
        let medict::broker::Upstream::Saml(side) = &provider.upstream else { panic!("SAML") };
        assert!(side.idp.is_ok(), "the last good document is there after a restart");
        let state_now = state(&world).await;
        assert!(state_now.error.is_some_and(|error| error.contains("503")));
        world.neighbours.publishes(Some(world.neighbours.idp().metadata()));
        later(&world).await;
        assert_eq!(state(&world).await.error, None);
        assert_eq!(events(&world, Action::MetadataChanged).await.len(), 1, "only the first");
    }

    /// What ends by itself ends all the same: an outage does not prolong `validUntil`.
    async fn metadata_that_ended_is_not_believed(world: World) {
        let end = world.clock.now().plus(2 * 86_400);
        let metadata = world.neighbours.idp().describe().valid_until(end).build();
        world.neighbours.publishes(Some(metadata));
        publish(&world, json!({})).await;
        assert!(signs_in(&world).await);
        world.neighbours.publishes(None);
        later(&world).await;
        assert!(signs_in(&world).await);
        later(&world).await;
        assert!(!signs_in(&world).await);
    }

    /// People would be sent to another host: a person decides, and until then nothing moves.
    async fn another_host_waits_for_a_person(world: World) {
        publish(&world, json!({})).await;
        assert!(signs_in(&world).await);
        let moved = world.neighbours.idp().describe().at("https://elsewhere.example/sso").build();
        world.neighbours.publishes(Some(moved));
        later(&world).await;
        later(&world).await;
        assert!(signs_in(&world).await, "the old place is in force");
        let held = state(&world).await.held.expect("held");
        assert_eq!(held.changes.len(), 2, "both bindings");
        assert_eq!(events(&world, Action::MetadataHeld).await.len(), 1, "told once");

        let (author, caller) = (Author::operator(), nobody());
        let other = world.broker.accept_metadata(&id(), "another", &author, &caller).await;
        assert!(other.is_err(), "only the one that was shown");
        world.broker.reject_metadata(&id(), &held.digest, &author, &caller).await.expect("rejected");
        later(&world).await;
        assert!(state(&world).await.held.is_none(), "the same is not held again");
        assert_eq!(events(&world, Action::MetadataRefused).await.len(), 1);

        let here = world.neighbours.sso_url().replace("127.0.0.1", "localhost");
        world.neighbours.publishes(Some(world.neighbours.idp().describe().at(&here).build()));
        later(&world).await;
        let held = state(&world).await.held.expect("another one is");
        world.broker.accept_metadata(&id(), &held.digest, &author, &caller).await.expect("accepted");
        let mut browser = world.browser();
        assert!(signs_in_with(&world, &mut browser).await, "{}", browser.page().text);
        assert!(browser.hops().iter().any(|hop| hop.url.as_str().starts_with(&here)), "the new place");
        assert_eq!(events(&world, Action::MetadataChanged).await.len(), 2);
    }

    /// The signer that an administrator pinned vouches for another host; nobody vouches for another name.
    async fn a_pinned_signer_moves_endpoints_and_never_names(world: World) {
        let now = world.clock.now();
        let registrar = SampleIdp::new("https://registrar.example", "https://x.example", now).expect("keys");
        let idp = world.neighbours.idp();
        let signed = |builder: medict::samples::saml_idp::MetadataBuilder| {
            Some(builder.signed_by(registrar.signing()).build())
        };
        world.neighbours.publishes(signed(idp.describe()));
        publish(&world, json!({ "metadataCertificate": registrar.certificate() })).await;
        assert!(signs_in(&world).await);
        let here = world.neighbours.sso_url().replace("127.0.0.1", "localhost");
        world.neighbours.publishes(signed(idp.describe().at(&here)));
        later(&world).await;
        assert!(state(&world).await.held.is_none());
        let told = json!(events(&world, Action::MetadataChanged).await);
        assert!(told.to_string().contains("\"policy\":\"signed\""), "{told}");
        world.neighbours.publishes(signed(idp.describe().at(&here).named("https://other.example")));
        later(&world).await;
        assert!(state(&world).await.held.is_some());
        assert!(signs_in(&world).await, "the old name is in force");
    }

    /// Whatever cannot be used is told once and never takes the place of what is good.
    async fn poison_is_told_once_and_changes_nothing(world: World) {
        let idp = world.neighbours.idp();
        publish(&world, json!({ "entityId": idp.entity_id() })).await;
        assert!(signs_in(&world).await);
        let ended = world.clock.now();
        for (poison, reason) in [
            (idp.describe().named("https://evil.example").build(), "entityId"),
            (idp.describe().valid_until(ended).build(), "ended on"),
            (idp.describe().without_keys().build(), "no usable signing certificate"),
            (idp.describe().for_encryption().build(), "no usable signing certificate"),
            ("<!DOCTYPE a><a/>".to_owned(), "document type"),
            ("garbage".to_owned(), "well-formed"),
        ] {
            let before = events(&world, Action::MetadataRefused).await.len();
            world.neighbours.publishes(Some(poison));
            later(&world).await;
            later(&world).await;
            let told = events(&world, Action::MetadataRefused).await;
            assert_eq!(told.len(), before + 1, "{reason}: one record");
            assert!(told.iter().all(|event| event.outcome == Outcome::Refused));
            assert!(json!(told).to_string().contains(reason), "{reason}: {told:?}");
            assert!(signs_in(&world).await, "{reason}: the last good document is in force");
        }
    }

    /// Unsigned, or signed by somebody else, where a signer is pinned.
    async fn a_pin_keeps_strangers_out(world: World) {
        let now = world.clock.now();
        let sample = || SampleIdp::new("https://registrar.example", "https://x.example", now).expect("keys");
        let (registrar, stranger) = (sample(), sample());
        let idp = world.neighbours.idp();
        world.neighbours.publishes(Some(idp.describe().signed_by(registrar.signing()).build()));
        publish(&world, json!({ "metadataCertificate": registrar.certificate() })).await;
        assert!(signs_in(&world).await);
        let evil = SampleIdp::new(idp.entity_id(), idp.sso_url(), now).expect("keys");
        let signed = evil.describe().signed_by(stranger.signing()).build();
        let edited = idp.describe().signed_by(registrar.signing()).build()
            .replace(&idp.certificate(), &evil.certificate());
        for poison in [evil.metadata(), signed, edited] {
            world.neighbours.publishes(Some(poison));
            later(&world).await;
            assert_eq!(state(&world).await.keys.len(), 1);
            assert!(signs_in(&world).await);
        }
        assert_eq!(events(&world, Action::MetadataRefused).await.len(), 3);
    }

    /// A dead address costs one try, not one for each sign-in; the trace says when the next one is. Whoever
    /// corrects the configuration does not wait for it.
    async fn a_dead_address_is_tried_at_intervals(world: World) {
        world.neighbours.publishes(None);
        publish(&world, json!({})).await;
        world.clock.advance(2);
        for later in [false, true, true] {
            let refusal = fails(&world).await;
            assert!(refusal.contains("answered 503"), "{refusal}");
            assert_eq!(refusal.contains("the next try is at"), later, "{refusal}");
            assert_eq!(world.neighbours.metadata_fetches(), 1);
        }
        world.clock.advance(61);
        fails(&world).await;
        assert_eq!(world.neighbours.metadata_fetches(), 2, "its time has come");

        world.neighbours.publishes(Some(world.neighbours.idp().metadata()));
        assert!(fails(&world).await.contains("the next try is at"), "still pausing");
        world.clock.advance(2);
        publish(&world, json!({ "clockSkewSeconds": 61 })).await;
        assert!(signs_in(&world).await, "changed since");
    }

    /// A binding that the metadata does not offer: said when it is written, as far as the metadata is
    /// known, and where a sign-in fails of it.
    async fn a_binding_that_is_not_offered_is_named(world: World) {
        let by_redirect = world.neighbours.idp().describe().sign_on_by(&["HTTP-Redirect"]).build();
        world.neighbours.publishes(Some(by_redirect));
        let wanted = json!({ "ssoBinding": "post" });
        publish(&world, wanted.clone()).await;
        let refusal = fails(&world).await;
        assert!(refusal.contains("the metadata offers sign-in by redirect only"), "{refusal}");
        world.clock.advance(2);
        publish(&world, json!({})).await;
        let mut browser = world.browser();
        assert!(signs_in_with(&world, &mut browser).await);
        made_administrator(&world).await;

        let written = publish(&world, wanted).await;
        let warning = written.warning.expect("a warning");
        assert!(warning.contains("configuration.ssoBinding: is post"), "{warning}");
        browser.open(&format!("{}/admin/providers/published", world.url)).await.expect("the page");
        let page = browser.page();
        assert!(page.text.contains("Not usable") && page.text.contains("by redirect only"), "{}", page.text);
        world.neighbours.publishes(Some(world.neighbours.idp().describe().sign_on_by(&[]).build()));
        later(&world).await;
        let state = state(&world).await;
        assert!(state.error.as_deref().is_some_and(|error| error.contains("no SingleSignOnService")), "{:?}", state.error);
    }

    /// Two processes, one fetch: whoever claims it first.
    async fn one_process_fetches(world: World) {
        publish(&world, json!({})).await;
        let (second, _running) = a_second_process(&world).await;
        world.clock.advance(86_401);
        let (one, other) = tokio::join!(world.broker.refresh_metadata(), second.refresh_metadata());
        one.and(other).expect("database");
        assert_eq!(events(&world, Action::MetadataChanged).await.len(), 1);
        let author = Author::operator();
        let asked = second.renew_metadata(&id(), &author).await.expect("fetched");
        assert_eq!(asked, Refreshed::Unchanged);
    }

    /// What administrators see and press.
    async fn administrators_decide_on_the_page(world: World) {
        publish(&world, json!({})).await;
        let mut browser = world.browser();
        assert!(signs_in_with(&world, &mut browser).await);
        let user = made_administrator(&world).await;
        world.neighbours.publishes(Some(
            world.neighbours.idp().describe().at("https://elsewhere.example/sso").build(),
        ));
        later(&world).await;
        assert!(signs_in_with(&world, &mut browser).await);
        let page = format!("{}/admin/providers/published", world.url);
        let shown = browser.open(&page).await.expect("a page");
        assert!(shown.text.contains("A change waits for you"), "{}", shown.text);
        assert!(shown.text.contains("https://elsewhere.example/sso"), "{}", shown.text);
        let form = browser.form("/metadata/held").expect("a form").press("decision", "accept");
        let shown = browser.submit(form).await.expect("a page");
        assert!(shown.text.contains("the new metadata is in force"), "{}", shown.text);
        let changed = events(&world, Action::MetadataChanged).await;
        assert!(json!(changed).to_string().contains(&user.0), "who decided is on record");
    }
}
