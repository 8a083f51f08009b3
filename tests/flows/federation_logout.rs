//! Signing out in a federation: all members come to one address, and each speaks of its own people only.

use std::sync::Arc;

use medict::{
    broker::resources::Author,
    domain::{
        audit::{Action, Outcome},
        words::IdpId,
    },
    samples::{
        browser::Browser,
        saml_idp::{LogoutBuilder, MetadataBuilder, SampleIdp},
    },
};

use super::federation::Federation;
use crate::world::stories;

/// What both members call somebody of theirs.
const NAME: &str = "opaque";

stories! {
    /// Both members have an "opaque", with the same index: the request of one ends his session there, and
    /// nothing that came from the other.
    async fn a_member_ends_the_sessions_of_its_own_people(it: Federation) {
        let [mut at_north, mut twice, mut at_south] = it.three_people().await;
        for (what, idp, signer) in [
            ("no member", it.stranger(), None),
            ("another's key", Arc::clone(&it.south), Some(&it.north)),
            ("the registrar's key", Arc::clone(&it.south), None),
        ] {
            let request = it.log_out(&idp, &[]);
            let signing = signer.map_or(it.registrar.signing(), |by| by.signing());
            let request = if what == "no member" { request } else { request.signed_with(signing) };
            let before = it.refused().await;
            let page = at_north.open(&it.slo(&request.by_redirect(None))).await.expect("a page");
            assert_eq!(page.status, 400, "{what}: {}", page.text);
            let reference = page.header("x-request-id").expect("a reference").to_owned();
            let trace = it.world.broker.find_trace(&reference).await.expect("database").expect("a trace");
            assert!(trace.trace.failure().expect("a failed check").mend.is_some(), "{what}");
            assert_eq!(it.refused().await, before + 1, "{what}: one record");
        }
        assert_eq!(it.alive([&mut at_north, &mut twice, &mut at_south]).await, [true; 3]);

        // By redirect one index of the north; by POST, from anywhere, the rest of the south.
        let query = it.log_out(&it.north, &["one"]).by_redirect(Some("their state"));
        at_north.open(&it.slo(&query)).await.expect("back at the member");
        assert_eq!(at_north.page().text, "the provider");
        assert_eq!(it.last_statuses(), ["Success"]);
        assert_eq!(it.alive([&mut at_north, &mut twice, &mut at_south]).await, [false, true, true]);
        let form = [("SAMLRequest", it.log_out(&it.south, &[]).by_post())];
        let answer = reqwest::Client::new().post(it.slo("")).form(&form).send().await;
        assert_eq!(answer.expect("an answer").text().await.expect("text"), "the provider");
        assert_eq!(it.alive([&mut at_north, &mut twice, &mut at_south]).await, [false, true, false]);

        // Whoever has left the federation is not heard any more.
        it.publishes(it.with_logout().split_off(1), it.registrar.signing());
        it.later().await;
        let page = twice.open(&it.slo(&it.log_out(&it.north, &[]).by_redirect(None))).await.expect("a page");
        assert_eq!(page.status, 400);
    }

    /// Signing out here asks the member that the person came from, by its name for him; only its own
    /// answer counts.
    async fn the_member_is_asked_to_follow(it: Federation) {
        let [mut at_north, _, mut at_south] = it.three_people().await;
        it.leave(&mut at_north).await;
        assert_eq!(at_north.page().text, "the provider");
        let heard = it.world.neighbours.last_logout.lock().expect("lock").clone().expect("a request");
        assert_eq!((heard.root.as_str(), heard.name_id.as_deref()), ("LogoutRequest", Some(NAME)));
        assert_eq!((heard.session_indexes, heard.destination), (vec!["one".to_owned()], Some(it.world.neighbours.slo_url())));
        let answer = |idp: &SampleIdp| {
            let response = idp.logged_out(&heard.id, &["Success"], &it.slo_address(), it.world.clock.now());
            it.slo(&response.by_redirect(None))
        };
        let page = at_north.open(&answer(&it.south)).await.expect("a page");
        assert_eq!(page.status, 400, "the other member cannot answer: {}", page.text);
        let page = at_north.open(&answer(&it.north)).await.expect("a page");
        assert!(page.text.contains("signed out of Medict and of North Hospital"), "{}", page.text);

        *it.world.neighbours.idp.lock().expect("lock") = Arc::clone(&it.south);
        it.world.logouts_end(&["Responder", "PartialLogout"], true);
        at_south.open(&format!("{}/account", it.world.url)).await.expect("the account");
        assert!(at_south.page().text.contains("South 100% Hospital"), "{}", at_south.page().text);
        it.leave(&mut at_south).await;
        assert!(at_south.page().text.contains("South 100% Hospital did not confirm"), "{}", at_south.page().text);
    }

    /// A member without a place for logout messages, and one that has left: the session here is over, and
    /// the page says who could not be asked.
    async fn who_cannot_be_asked_is_named(it: Federation) {
        let mut browser = it.world.browser();
        for (left, named) in [(false, "North Hospital"), (true, "Health federation")] {
            it.publishes(it.members(), it.registrar.signing());
            it.soon().await;
            it.signs_in(&mut browser, "north", &it.north, "one").await;
            if left {
                it.publishes(it.members().split_off(1), it.registrar.signing());
                it.soon().await;
            }
            it.leave(&mut browser).await;
            let page = browser.page();
            assert!(page.text.contains(&format!("{named} cannot be signed out")), "{}", page.text);
            browser.open(&format!("{}/account", it.world.url)).await.expect("a page");
            assert_ne!(browser.page().url.path(), "/account");
        }
    }
}

impl Federation {
    fn with_logout(&self) -> Vec<MetadataBuilder> {
        let slo = self.world.neighbours.slo_url();
        self.members().into_iter().map(|member| member.logout_at(&slo)).collect()
    }

    /// At the north with two indexes, and at the south.
    async fn three_people(&self) -> [Browser; 3] {
        self.publishes(self.with_logout(), self.registrar.signing());
        self.later().await;
        let mut browsers = [(); 3].map(|()| self.world.browser());
        let [first, second, third] = &mut browsers;
        self.signs_in(first, "north", &self.north, "one").await;
        self.signs_in(second, "north", &self.north, "two").await;
        self.signs_in(third, "south", &self.south, "one").await;
        browsers
    }

    async fn signs_in(&self, browser: &mut Browser, name: &str, idp: &Arc<SampleIdp>, index: &str) {
        let (index, subject) = (index.to_owned(), format!("ada@{name}.example"));
        self.world.saml_says(move |response| {
            let attributes =
                [("urn:oasis:names:tc:SAML:attribute:subject-id", &[subject.as_str()][..])];
            response.person(NAME, &attributes).session_index(&index)
        });
        assert_eq!(self.goes_to(browser, name, idp).await, "/account", "{name}");
    }

    /// An administrator fetches the feed at once.
    async fn soon(&self) {
        let (id, author) = (IdpId("federation".into()), Author::operator());
        self.world.broker.renew_metadata(&id, &author).await.expect("fetched");
    }

    async fn leave(&self, browser: &mut Browser) {
        browser.open(&format!("{}/account", self.world.url)).await.expect("the account");
        let form = browser.form("/account/sign-out").expect("a form");
        browser.submit(form).await.expect("the way round");
    }

    async fn alive(&self, browsers: [&mut Browser; 3]) -> [bool; 3] {
        let mut alive = [false; 3];
        for (alive, browser) in alive.iter_mut().zip(browsers) {
            let page = browser.open(&format!("{}/account", self.world.url)).await.expect("a page");
            *alive = page.url.path() == "/account";
        }
        alive
    }

    fn stranger(&self) -> Arc<SampleIdp> {
        let sso = self.world.neighbours.sso_url();
        let now = self.world.clock.now();
        Arc::new(SampleIdp::new("https://stranger.example/idp", &sso, now).expect("keys"))
    }

    fn log_out(&self, idp: &SampleIdp, indexes: &[&str]) -> LogoutBuilder {
        idp.log_out(NAME, indexes, &self.slo_address(), self.world.clock.now())
    }

    fn slo_address(&self) -> String {
        format!("{}/saml/federation/slo", self.world.url)
    }

    fn slo(&self, query: &str) -> String {
        format!("{}?{query}", self.slo_address())
    }

    fn last_statuses(&self) -> Vec<String> {
        let heard = self.world.neighbours.last_logout.lock().expect("lock").take();
        heard.expect("an answer").statuses
    }

    async fn refused(&self) -> usize {
        let outs = self.events(Action::SignOut).await;
        outs.iter().filter(|event| event.outcome == Outcome::Refused).count()
    }
}
