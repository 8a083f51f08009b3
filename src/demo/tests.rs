use super::*;
use crate::samples::browser::Browser;

impl Places {
    /// Addresses where nobody listens.
    pub(super) fn unbuilt() -> Self {
        Self {
            broker: "http://localhost:1".into(),
            app: "http://127.0.0.1:2".into(),
            saml: "http://127.0.0.1:3".into(),
            oidc: "http://127.0.0.1:4".into(),
        }
    }
}

#[actix_web::test]
async fn both_ways_end_in_a_verified_id_token() {
    run(Options { port: 0, check: true }).await.expect("both ways");
}

#[actix_web::test]
async fn a_port_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let failure = run(Options { port, check: true }).await.expect_err("taken").to_string();
    assert!(failure.contains(&port.to_string()) && failure.contains("--port"), "{failure}");
}

/// A visitor of the demonstration.
struct Visitor {
    browser: Browser,
    places: Places,
}

impl Visitor {
    fn of(demonstration: &Demonstration) -> Self {
        let browser = Browser::new().expect("a browser");
        Self { browser, places: demonstration.places.clone() }
    }

    async fn opens_the_application(&mut self) {
        let url = format!("{}/", self.places.app);
        self.browser.open(&url).await.expect("the application");
    }

    async fn clicks(&mut self, link: &str) {
        self.browser.click(link).await.expect("a page");
    }

    async fn types(&mut self, username: &str, password: &str) {
        let form = self.browser.form("/login").expect("a login page");
        let form = form.with("username", username).with("password", password);
        self.browser.submit(form).await.expect("a page");
    }

    async fn presses(&mut self, form: &str, name: &str, value: &str) {
        let form = self.browser.form(form).expect("a form").press(name, value);
        self.browser.submit(form).await.expect("a page");
    }

    /// At whose door the browser stands.
    fn is_at(&self, place: &str) -> bool {
        self.browser.page().url.as_str().starts_with(place)
    }

    fn sees(&self, id: &str) -> String {
        self.browser.page().text_of(id).unwrap_or_default()
    }
}

#[actix_web::test]
async fn the_chooser_leads_to_either_provider() {
    let demonstration = Demonstration::start(0).await.expect("started");
    let mut ada = Visitor::of(&demonstration);
    let plain = format!("{}/sign-in", ada.places.app);
    ada.browser.open(&plain).await.expect("the chooser");
    assert!(ada.is_at(&ada.places.broker));
    ada.presses("/provider", "idp", resources::OIDC).await;
    assert!(ada.is_at(&ada.places.oidc));

    ada.browser.open(&plain).await.expect("the chooser");
    let form = ada.browser.form("/identifier").expect("a field for the address");
    ada.browser.submit(form.with("identifier", "ada@hospital.example")).await.expect("a page");
    assert!(ada.is_at(&ada.places.saml), "the domain is the hospital's");
    ada.types("ada", "wrong").await;
    assert_eq!((ada.browser.page().status, ada.is_at(&ada.places.saml)), (403, true));
    ada.types("ada", "demo").await;
    assert_eq!(ada.sees("name"), "Ada Lovelace");
    demonstration.stop().await;
}

#[actix_web::test]
async fn one_session_until_signing_out_ends_it_everywhere() {
    let demonstration = Demonstration::start(0).await.expect("started");
    let mut grace = Visitor::of(&demonstration);
    grace.browser = grace.browser.without_scripts();
    grace.opens_the_application().await;
    grace.clicks("idp=sample-saml").await;
    grace.types("grace", "demo").await;
    assert_eq!(grace.browser.page().status, 200);
    let answer = grace.browser.form("/acs").expect("a form to send by hand");
    grace.browser.submit(answer).await.expect("a page");
    assert_eq!((grace.sees("name"), grace.sees("roles")), ("Grace Hopper".into(), "nurse".into()));

    let again = format!("{}/sign-in", grace.places.app);
    grace.browser.open(&again).await.expect("a page");
    assert_eq!(grace.sees("name"), "Grace Hopper", "nobody was asked");

    let sign_out = grace.browser.form("/sign-out").expect("a button");
    grace.browser.submit(sign_out).await.expect("a page");
    assert!(grace.is_at(&grace.places.app), "{}", grace.browser.page().url);
    let slo = format!("{}/slo", grace.places.saml);
    let asked = grace.browser.hops().iter().any(|hop| hop.url.as_str().starts_with(&slo));
    assert!(asked, "the provider was asked to follow");
    assert_eq!(grace.sees("name"), "");
    grace.clicks("idp=sample-saml").await;
    assert!(grace.is_at(&grace.places.saml), "asked again");
    demonstration.stop().await;
}
