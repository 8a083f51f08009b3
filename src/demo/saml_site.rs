//! The sample SAML identity provider as a site: metadata, requests by redirect or POST, a login page, and
//! logout. It keeps no session of its own, so signing out there is an answer and nothing more.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use openssl::error::ErrorStack;

use super::{
    Places,
    people::{self, Person, STAFF},
    resources::SAML,
    site::{Cloakroom, Inhabitant, LoginForm, LoginPage, ProblemPage, page, see_other},
};
use crate::{
    broker::Clock,
    samples::saml_idp::{AskedFor, NotARequest, SampleIdp},
};

/// The provider, the one service provider it knows, and the requests that wait for a person.
pub(super) struct SamlSite {
    idp: SampleIdp,
    /// The broker's entityID, and the only address that answers go to.
    sp_entity_id: String,
    acs_url: String,
    slo_url: String,
    /// Of the broker, and of the application that it leads on to.
    origins: Vec<String>,
    waiting: Cloakroom<AskedFor>,
    clock: Clock,
}

/// Why a request is not heard. Each variant is one fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unheard {
    #[error("this address needs a SAMLRequest that can be read")]
    Unreadable,
    #[error("the request comes from a service provider that is not registered here")]
    Stranger,
    #[error("the request wants its answer at an address that is not registered here")]
    ElsewhereAcs,
}

impl From<NotARequest> for Unheard {
    fn from(_: NotARequest) -> Self {
        Self::Unreadable
    }
}

/// The page that carries the answer back, by script or by button.
#[derive(Template)]
#[template(path = "demo/answer.html")]
struct AnswerPage<'a> {
    acs_url: &'a str,
    saml_response: &'a str,
    relay_state: Option<&'a str>,
}

impl SamlSite {
    /// # Errors
    /// [`ErrorStack`] when no key can be made.
    pub(super) fn new(places: &Places, clock: Clock) -> Result<Self, ErrorStack> {
        let entity_id = format!("{}/metadata", places.saml);
        let endpoint = |name: &str| format!("{}/saml/{SAML}/{name}", places.broker);
        Ok(Self {
            idp: SampleIdp::new(&entity_id, &format!("{}/sso", places.saml), clock.now())?
                .with_slo(&format!("{}/slo", places.saml)),
            sp_entity_id: endpoint("metadata"),
            acs_url: endpoint("acs"),
            slo_url: endpoint("slo"),
            origins: vec![places.broker.clone(), places.app.clone()],
            waiting: Cloakroom::default(),
            clock,
        })
    }

    /// Checks who asks, and where the answer is to go; a request's signature is not looked at.
    fn check(&self, asked: AskedFor) -> Result<AskedFor, Unheard> {
        match () {
            () if asked.issuer != self.sp_entity_id => Err(Unheard::Stranger),
            () if asked.acs_url != self.acs_url => Err(Unheard::ElsewhereAcs),
            () => Ok(asked),
        }
    }

    fn ask_person(&self, asked: Result<AskedFor, Unheard>) -> HttpResponse {
        match asked.and_then(|asked| self.check(asked)) {
            Ok(asked) => login_page(&self.waiting.keep(asked), "", false),
            Err(unheard) => problem(&unheard.to_string()),
        }
    }

    /// A signed response about a person (SAML Profiles §4.1.4.2).
    fn respond(&self, asked: &AskedFor, person: &Person) -> String {
        self.idp
            .respond_to(&asked.id, &self.acs_url, &self.sp_entity_id, self.clock.now())
            .person(
                person.username,
                &[
                    ("uid", &[person.username]),
                    ("mail", &[person.email]),
                    ("givenName", &[person.given_name]),
                    ("sn", &[person.family_name]),
                    ("groups", &[person.group]),
                ],
            )
            .build()
    }
}

impl Inhabitant for SamlSite {
    fn leads_to(&self) -> Vec<String> {
        self.origins.clone()
    }

    fn routes(app: &mut web::ServiceConfig) {
        app.route("/metadata", web::get().to(metadata))
            .route("/sso", web::get().to(by_redirect))
            .route("/sso", web::post().to(by_post))
            .route("/slo", web::get().to(log_out))
            .route("/login", web::post().to(login));
    }
}

async fn metadata(site: web::Data<SamlSite>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/samlmetadata+xml").body(site.idp.metadata())
}

/// `GET /sso` (SAML Bindings §3.4).
async fn by_redirect(site: web::Data<SamlSite>, request: HttpRequest) -> HttpResponse {
    site.ask_person(site.idp.read_redirect(request.query_string()).map_err(Unheard::from))
}

/// `POST /sso` (SAML Bindings §3.5).
async fn by_post(site: web::Data<SamlSite>, form: String) -> HttpResponse {
    site.ask_person(site.idp.read_form(&form).map_err(Unheard::from))
}

/// `GET /slo`: whoever asks to be signed out is, and goes back with a signed answer.
async fn log_out(site: web::Data<SamlSite>, request: HttpRequest) -> HttpResponse {
    let heard = match site.idp.read_logout_redirect(request.query_string()) {
        Ok(heard) if heard.issuer == site.sp_entity_id && heard.root == "LogoutRequest" => heard,
        Ok(_) => return problem(&Unheard::Stranger.to_string()),
        Err(unread) => return problem(&Unheard::from(unread).to_string()),
    };
    let answer = site.idp.logged_out(&heard.id, &["Success"], &site.slo_url, site.clock.now());
    see_other(&format!("{}?{}", site.slo_url, answer.by_redirect(heard.relay_state.as_deref())))
}

async fn login(site: web::Data<SamlSite>, web::Form(form): web::Form<LoginForm>) -> HttpResponse {
    let Some(person) = people::find(STAFF, &form.username, &form.password) else {
        return login_page(&form.ticket, &form.username, true);
    };
    match site.waiting.take(&form.ticket) {
        Some(asked) => answer_page(&site, &asked, person),
        None => problem("this sign-in has been answered already; begin again at the application"),
    }
}

fn login_page(ticket: &str, username: &str, wrong: bool) -> HttpResponse {
    let provider = "Sample SAML identity provider";
    LoginPage { kind: "saml", provider, people: STAFF, ticket, username, wrong }.render()
}

fn answer_page(site: &SamlSite, asked: &AskedFor, person: &Person) -> HttpResponse {
    let saml_response = &site.respond(asked, person);
    let relay_state = asked.relay_state.as_deref();
    page(StatusCode::OK, &AnswerPage { acs_url: &site.acs_url, saml_response, relay_state })
}

fn problem(problem: &str) -> HttpResponse {
    let site = "Sample SAML identity provider";
    ProblemPage { kind: "saml", site, problem, home: None }.render()
}

#[cfg(test)]
mod tests;
