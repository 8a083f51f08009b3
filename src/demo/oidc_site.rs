//! The sample OpenID provider as a site: discovery, keys, a login page, token and UserInfo.

use std::sync::Mutex;

use actix_web::{HttpRequest, HttpResponse, http::header::AUTHORIZATION, web};
use serde_json::{Value, json};

use super::{
    Places,
    people::{self, GUESTS, Person},
    resources::{CLIENT_AT_OIDC, OIDC},
    site::{Cloakroom, Inhabitant, LoginForm, LoginPage, ProblemPage, lock, see_other},
};
use crate::{
    broker::Clock,
    crypto::{Failure, Random},
    samples::oidc_provider::{OAuthError, SampleClient, SampleOp, SamplePerson, SampleRequest},
};

/// The provider, and the requests that wait for a person.
pub(super) struct OidcSite {
    op: Mutex<SampleOp>,
    /// Of the broker, and of the application that it leads on to.
    origins: Vec<String>,
    waiting: Cloakroom<SampleRequest>,
    clock: Clock,
}

impl OidcSite {
    /// `secret` is the broker's.
    ///
    /// # Errors
    /// [`Failure`] when no key can be made.
    pub(super) fn new(places: &Places, secret: &str, clock: Clock) -> Result<Self, Failure> {
        let client = SampleClient {
            client_id: CLIENT_AT_OIDC.to_owned(),
            client_secret: Some(secret.to_owned()),
            redirect_uri: format!("{}/oidc/{OIDC}/callback", places.broker),
        };
        Ok(Self {
            op: Mutex::new(SampleOp::new(&places.oidc, client)?),
            origins: vec![places.broker.clone(), places.app.clone()],
            waiting: Cloakroom::default(),
            clock,
        })
    }

    /// Where the browser goes with a code.
    fn signed_in(&self, request: &SampleRequest, person: &Person) -> String {
        let mut op = lock(&self.op);
        let code = op.code_for(request, &claims(person), Random, self.clock.now());
        op.callback_url(request, &code)
    }
}

fn claims(person: &Person) -> SamplePerson {
    let Person { username, given_name, family_name, email, .. } = person;
    SamplePerson::new(&format!("sample-{username}"), given_name, family_name, email)
        .with("preferred_username", json!(username))
        .with("groups", json!([person.group]))
}

impl Inhabitant for OidcSite {
    fn leads_to(&self) -> Vec<String> {
        self.origins.clone()
    }

    fn routes(app: &mut web::ServiceConfig) {
        app.route("/.well-known/openid-configuration", web::get().to(discovery))
            .route("/jwks", web::get().to(jwks))
            .route("/authorize", web::get().to(authorize))
            .route("/login", web::post().to(login))
            .route("/token", web::post().to(token))
            .route("/userinfo", web::get().to(userinfo));
    }
}

async fn discovery(site: web::Data<OidcSite>) -> HttpResponse {
    HttpResponse::Ok().json(lock(&site.op).discovery())
}

async fn jwks(site: web::Data<OidcSite>) -> HttpResponse {
    match lock(&site.op).jwks() {
        Ok(keys) => HttpResponse::Ok().json(keys),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

/// `GET /authorize` (OIDC Core §3.1.2.1).
async fn authorize(site: web::Data<OidcSite>, request: HttpRequest) -> HttpResponse {
    let asked = lock(&site.op).authorize(request.query_string());
    match asked {
        Ok(asked) => login_page(&site.waiting.keep(asked), "", false),
        Err(error) => problem(&format!("this request is refused with the error {error}")),
    }
}

async fn login(site: web::Data<OidcSite>, web::Form(form): web::Form<LoginForm>) -> HttpResponse {
    let Some(person) = people::find(GUESTS, &form.username, &form.password) else {
        return login_page(&form.ticket, &form.username, true);
    };
    match site.waiting.take(&form.ticket) {
        Some(asked) => see_other(&site.signed_in(&asked, person)),
        None => problem("this sign-in has been answered already; begin again at the application"),
    }
}

/// `POST /token` (RFC 6749 §4.1.3).
async fn token(site: web::Data<OidcSite>, request: HttpRequest, form: String) -> HttpResponse {
    let now = site.clock.now();
    answer(lock(&site.op).token(&form, authorization(&request), Random, now))
}

async fn userinfo(site: web::Data<OidcSite>, request: HttpRequest) -> HttpResponse {
    answer(lock(&site.op).userinfo(authorization(&request)))
}

fn authorization(request: &HttpRequest) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok()
}

/// RFC 6749 §5.2, RFC 6750 §3.1.
fn answer(outcome: Result<Value, OAuthError>) -> HttpResponse {
    match outcome {
        Ok(json) => HttpResponse::Ok().json(json),
        Err(OAuthError(error @ ("invalid_client" | "invalid_token"))) => {
            HttpResponse::Unauthorized().json(json!({ "error": error }))
        }
        Err(OAuthError(error)) => HttpResponse::BadRequest().json(json!({ "error": error })),
    }
}

fn login_page(ticket: &str, username: &str, wrong: bool) -> HttpResponse {
    let provider = "Sample OpenID provider";
    LoginPage { kind: "oidc", provider, people: GUESTS, ticket, username, wrong }.render()
}

fn problem(problem: &str) -> HttpResponse {
    let site = "Sample OpenID provider";
    ProblemPage { kind: "oidc", site, problem, home: None }.render()
}
