//! A federation: one signed feed, many institutions, and none may speak for another.

use std::sync::Arc;

use medict::{
    domain::{
        audit::{Action, Event},
        words::IdpId,
    },
    samples::{
        browser::Browser,
        saml_idp::{MetadataBuilder, SampleIdp, aggregate},
    },
};
use serde_json::{Value, json};

use crate::world::{World, stories};

const SUBJECT_ID: &str = "urn:oasis:names:tc:SAML:attribute:subject-id";

/// A federation with its registrar and two hospitals that know nothing of each other.
pub(super) struct Federation {
    pub(super) world: World,
    pub(super) registrar: SampleIdp,
    pub(super) north: Arc<SampleIdp>,
    pub(super) south: Arc<SampleIdp>,
}

impl Federation {
    pub(super) async fn on(database: crate::world::Temporary) -> Self {
        let world = World::on(database).await;
        let now = world.clock.now();
        let sso = world.neighbours.sso_url();
        let sample = |name: &str| SampleIdp::new(name, &sso, now).expect("keys");
        let (north, south) =
            (sample("https://north.example/idp"), sample("https://south.example/idp"));
        let registrar = sample("https://registrar.example");
        let it = Self { world, registrar, north: Arc::new(north), south: Arc::new(south) };
        it.publishes(it.members(), it.registrar.signing());
        it.configure(json!({})).await;
        it.world.broker.refresh_metadata().await.expect("database");
        it
    }

    pub(super) async fn configure(&self, more: Value) {
        let mut configuration = json!({ "metadataUrl": self.world.neighbours.metadata_url(),
            "metadataCertificate": self.registrar.certificate(), "federation": true });
        for (name, value) in more.as_object().into_iter().flatten() {
            configuration[name] = value.clone();
        }
        self.world
            .apply(vec![json!({ "resourceType": "IdentityProvider", "id": "federation",
            "type": "saml", "name": "Health federation", "configuration": configuration,
            "mapping": { "attributes": { "subject": SUBJECT_ID } } })])
            .await;
    }

    pub(super) fn members(&self) -> Vec<MetadataBuilder> {
        vec![
            self.north.describe().called("North Hospital").scope("north.example"),
            self.south.describe().called("South 100% Hospital").scope("south.example"),
        ]
    }

    pub(super) fn publishes(
        &self,
        members: Vec<MetadataBuilder>,
        signer: &medict::samples::saml_idp::Signing,
    ) {
        let members = members.iter().map(MetadataBuilder::build);
        self.world.neighbours.publishes(Some(aggregate(members, None, Some(signer))));
    }

    pub(super) async fn later(&self) {
        self.world.clock.advance(86_401);
        self.world.broker.refresh_metadata().await.expect("database");
    }

    /// Picks `name` on our page; `idp` answers and says `subject`. Answers the path where it ends.
    pub(super) async fn picks(
        &self,
        browser: &mut Browser,
        name: &str,
        idp: &Arc<SampleIdp>,
        subject: &str,
    ) -> String {
        let subject = subject.to_owned();
        self.world.saml_says(move |response| {
            response.person("opaque", &[(SUBJECT_ID, &[subject.as_str()])]).session_index("one")
        });
        self.goes_to(browser, name, idp).await
    }

    /// The same, and `idp` says what it says.
    pub(super) async fn goes_to(
        &self,
        browser: &mut Browser,
        name: &str,
        idp: &Arc<SampleIdp>,
    ) -> String {
        *self.world.neighbours.idp.lock().expect("lock") = Arc::clone(idp);
        let url = format!("{}/login?idp=federation&return_to=/account", self.world.url);
        browser.open(&url).await.expect("a page");
        let found = self.world.broker.find_members(&IdpId("federation".into()), name, 2).await;
        let entity = found.expect("members").remove(0).0;
        let form = browser.form("/institution").expect("a form");
        let pick =
            browser.page().forms().into_iter().rfind(|form| form.method == http::Method::POST);
        let pick = pick.unwrap_or(form).press("entity", &entity);
        browser.submit(pick).await.expect("a page");
        browser.page().url.path().to_owned()
    }

    pub(super) async fn events(&self, action: Action) -> Vec<Event> {
        let newest = self.world.events().await;
        newest.into_iter().filter(|event| event.action == action).collect()
    }
}

stories! {
    /// The same subject at two institutions is two people, and each stays who he is.
    async fn two_institutions_are_two_worlds(it: Federation) {
        let north = it.picks(&mut it.world.browser(), "north", &it.north, "ada@north.example").await;
        assert_eq!(north, "/account");
        it.publishes(vec![
            it.members().remove(0),
            it.south.describe().called("South 100% Hospital").scope("north.example").scope("south.example"),
        ], it.registrar.signing());
        it.later().await;
        let south = it.picks(&mut it.world.browser(), "south", &it.south, "ada@north.example").await;
        assert_eq!(south, "/account");
        let again = it.picks(&mut it.world.browser(), "north", &it.north, "ada@north.example").await;
        assert_eq!(again, "/account");
        let users: Vec<_> = it.events(Action::SignIn).await.into_iter().filter_map(|e| e.user).collect();
        assert_eq!(users.len(), 3);
        assert_eq!(users[0], users[2], "the same person at the same institution");
        assert_ne!(users[0], users[1], "another person at another one");
    }

    /// The page finds by parts of names, remembers the last choice, and offers members only.
    async fn the_person_searches_and_picks(it: Federation) {
        let mut browser = it.world.browser();
        let url = format!("{}/login?idp=federation&return_to=/account", it.world.url);
        browser.open(&url).await.expect("a page");
        let page = browser.page();
        assert!(page.text.contains("North Hospital") && page.text.contains("South 100% Hospital"), "{}", page.text);
        for (typed, north, south) in [
            ("NORTH", true, false),
            ("hospital sou", false, true),
            ("100%", false, true),
            ("south.example", false, true),
            ("'; DROP TABLE entities; --", false, false),
            ("%", true, true),
        ] {
            let search = browser.form("/institution").expect("a form").with("q", typed);
            let page = browser.submit(search).await.expect("a page");
            assert_eq!(page.text.contains("North Hospital"), north, "{typed}");
            assert_eq!(page.text.contains("South 100% Hospital"), south, "{typed}");
        }
        let path = it.picks(&mut browser, "north", &it.north, "ada@north.example").await;
        assert_eq!(path, "/account");
        browser.open(&format!("{url}&again=1")).await.expect("a page");
        assert!(browser.page().text.contains("or another one"), "{}", browser.page().text);

        let forged = browser.form("/institution").expect("a form").with("entity", "https://evil.example");
        browser.submit(forged).await.expect("a page");
        assert_ne!(browser.page().url.path(), "/account");
    }

    /// A member answers for itself only: not for another's login, not for another's scope.
    async fn nobody_speaks_for_another(it: Federation) {
        let mixed = it.picks(&mut it.world.browser(), "north", &it.south, "ada@south.example").await;
        assert_ne!(mixed, "/account", "another member's answer");
        let foreign = it.picks(&mut it.world.browser(), "north", &it.north, "ada@south.example").await;
        assert_ne!(foreign, "/account", "another member's scope");
        let traces = it.world.broker.newest_traces().await.expect("traces");
        let told = json!(traces.iter().map(|trace| &trace.trace).collect::<Vec<_>>()).to_string();
        assert!(told.contains("not a scope of this provider"), "{told}");
        assert_eq!(it.events(Action::Create).await.iter().filter(|e| e.user.is_some()).count(), 0);
    }

    /// A member rolls its key over in the feed; one leaves; a poisoned feed changes nothing.
    async fn the_feed_moves_and_is_believed_only_signed(it: Federation) {
        let now = it.world.clock.now();
        let next = SampleIdp::new(it.north.entity_id(), it.north.sso_url(), now).expect("keys");
        let rolled = vec![
            next.describe().called("North Hospital").scope("north.example"),
            it.members().remove(1),
        ];
        let next = Arc::new(next);
        it.publishes(rolled, it.registrar.signing());
        it.later().await;
        let mut ends = vec![];
        for idp in [&next, &it.north] {
            ends.push(it.picks(&mut it.world.browser(), "north", idp, "ada@north.example").await);
        }
        assert_eq!(ends, ["/account", "/account"], "the new key, and the old one that drains");

        it.publishes(it.members(), it.south.signing());
        it.later().await;
        it.later().await;
        assert_eq!(it.events(Action::MetadataRefused).await.len(), 1, "told once");
        it.world.neighbours.publishes(None);
        it.later().await;
        let path = it.picks(&mut it.world.browser(), "north", &next, "ada@north.example").await;
        assert_eq!(path, "/account", "the last good set");
        for _ in 0..7 {
            it.world.clock.advance(86_400);
        }
        let path = it.picks(&mut it.world.browser(), "north", &it.north, "ada@north.example").await;
        assert_ne!(path, "/account", "the old key has drained");

        it.publishes(vec![it.members().remove(1)], it.registrar.signing());
        it.later().await;
        let found = it.world.broker.find_members(&IdpId("federation".into()), "", 9).await;
        assert_eq!(found.expect("members").len(), 1);
        let told = json!(it.events(Action::MetadataChanged).await).to_string();
        assert!(told.contains("\"removed\":1") && told.contains("\"policy\":\"drain\""), "{told}");
        let state = it.world.broker.metadata_state(&IdpId("federation".into())).await;
        assert_eq!(state.expect("database").and_then(|state| state.members), Some((1, 0)));
    }

    /// A member signs with a new key before we look again: its first person makes us look, and nobody else
    /// for a quarter of an hour.
    async fn an_unknown_key_of_a_member_is_looked_up_once(it: Federation) {
        let now = it.world.clock.now();
        let rolled = |of: &SampleIdp| Arc::new(SampleIdp::new(of.entity_id(), of.sso_url(), now).expect("keys"));
        let [next, forger] = [rolled(&it.north), rolled(&it.north)];
        let members = || vec![
            next.describe().called("North Hospital").scope("north.example"),
            it.members().remove(1),
        ];
        let fetches = || it.world.neighbours.metadata_fetches();
        it.world.clock.advance(60);
        let early = it.picks(&mut it.world.browser(), "north", &forger, "ada@north.example").await;
        assert_ne!(early, "/account");
        assert_eq!(fetches(), 1, "the feed was fetched less than a quarter of an hour before");
        it.world.clock.advance(900);
        it.publishes(members(), it.registrar.signing());
        let path = it.picks(&mut it.world.browser(), "north", &next, "ada@north.example").await;
        assert_eq!((path.as_str(), fetches()), ("/account", 2), "no sign-in is lost");
        for _ in 0..3 {
            let path = it.picks(&mut it.world.browser(), "north", &forger, "ada@north.example").await;
            assert_ne!(path, "/account");
        }
        assert_eq!(fetches(), 2, "forged answers do not make us fetch");
    }

    /// What ends is told of the members that people come from, and the feed's own end once; not of all that
    /// are published.
    async fn ends_are_told_of_members_in_use(it: Federation) {
        let own = it.world.broker.forecast().await.expect("terms").len();
        let path = it.picks(&mut it.world.browser(), "north", &it.north, "ada@north.example").await;
        assert_eq!(path, "/account");
        let ends = it.world.clock.now().plus(10 * 86_400);
        let members = it.members().into_iter().map(|member| member.valid_until(ends).build());
        let feed = aggregate(members, None, Some(it.registrar.signing()));
        it.world.neighbours.publishes(Some(feed));
        it.later().await;
        let terms = it.world.broker.forecast().await.expect("terms");
        let of_members: Vec<_> = terms.iter().filter_map(|term| term.member.as_ref()).collect();
        assert_eq!(of_members.len(), 1, "its certificate: {of_members:?}");
        assert_eq!((of_members[0].entity_id.as_str(), of_members[0].name.as_str()),
            (it.north.entity_id(), "North Hospital"));
        assert_eq!(terms.len(), own + 2, "and the feed's end, once");
        it.world.broker.tell_of_ends().await.expect("told");
        let told = json!(it.events(Action::TermNear).await).to_string();
        assert!(told.contains("\"what\":\"metadata\""), "{told}");

        it.world.clock.advance(91 * 86_400);
        let terms = it.world.broker.forecast().await.expect("terms");
        assert!(terms.iter().all(|term| term.member.is_none()), "nobody came for three months");
        it.configure(json!({ "entityId": it.south.entity_id() })).await;
        it.publishes(it.members(), it.registrar.signing());
        it.later().await;
        let terms = it.world.broker.forecast().await.expect("terms");
        let of_members: Vec<_> = terms.iter().filter_map(|term| term.member.as_ref()).collect();
        assert_eq!(of_members.len(), 1, "the one that is named: {of_members:?}");
    }

    /// With an entity ID there is nothing to pick.
    async fn one_member_of_a_feed_is_a_provider_like_any_other(it: Federation) {
        it.configure(json!({ "entityId": it.south.entity_id() })).await;
        it.later().await;
        *it.world.neighbours.idp.lock().expect("lock") = Arc::clone(&it.south);
        it.world.saml_says(|response| {
            response.person("opaque", &[(SUBJECT_ID, &["ada@south.example"])])
        });
        let mut browser = it.world.browser();
        browser.open(&format!("{}/login?idp=federation&return_to=/account", it.world.url)).await.expect("a page");
        assert_eq!(browser.page().url.path(), "/account", "{}", browser.page().text);
        let found = it.world.broker.find_members(&IdpId("federation".into()), "", 9).await;
        assert_eq!(found.expect("members").len(), 1, "only this one is kept");
    }
}
