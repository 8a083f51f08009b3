//! The sample application: a relying party of the broker, as its developers would write one.

mod sign_in;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    http::StatusCode,
    web,
};
use askama::Template;

use super::{
    Failure, Places,
    resources::{OIDC, SAML},
    site::{Cloakroom, Inhabitant, ProblemPage, page, see_other},
};
use crate::broker::Clock;
use sign_in::{Begun, NotSignedIn, RelyingParty, Visitor};

/// The application, who has begun to sign in, and who is signed in.
pub(super) struct AppSite {
    broker: String,
    /// Where signing out leads as well.
    saml: String,
    rp: RelyingParty,
    begun: Cloakroom<Begun>,
    visitors: Cloakroom<Visitor>,
}

/// Names the sign-in that this browser has begun.
const LOGIN_COOKIE: &str = "demo_app_login";
/// Names who is signed in.
const SESSION_COOKIE: &str = "demo_app_session";

#[derive(Template)]
#[template(path = "demo/home.html")]
struct HomePage {
    saml: &'static str,
    oidc: &'static str,
}

#[derive(Template)]
#[template(path = "demo/signed_in.html")]
struct SignedInPage<'a> {
    visitor: &'a Visitor,
    broker: &'a str,
}

/// `GET /sign-in?idp=…`.
#[derive(serde::Deserialize)]
struct Wish {
    idp: Option<String>,
}

impl AppSite {
    /// # Errors
    /// [`Failure`] when the client for calls to the broker cannot be made.
    pub(super) fn new(places: &Places, clock: Clock) -> Result<Self, Failure> {
        Ok(Self {
            broker: places.broker.clone(),
            saml: places.saml.clone(),
            rp: RelyingParty::new(places, clock)?,
            begun: Cloakroom::default(),
            visitors: Cloakroom::default(),
        })
    }

    /// The sign-in that this browser began; what is taken is over, however it ends.
    async fn finish(&self, request: &HttpRequest) -> Result<Visitor, NotSignedIn> {
        let ticket = request.cookie(LOGIN_COOKIE).ok_or(NotSignedIn::NotBegun)?;
        let begun = self.begun.take(ticket.value()).ok_or(NotSignedIn::NotBegun)?;
        self.rp.finish(begun, request.query_string()).await
    }
}

impl Inhabitant for AppSite {
    fn leads_to(&self) -> Vec<String> {
        vec![self.broker.clone(), self.saml.clone()]
    }

    fn routes(app: &mut web::ServiceConfig) {
        app.route("/", web::get().to(home))
            .route("/sign-in", web::get().to(begin))
            .route("/callback", web::get().to(callback))
            .route("/sign-out", web::post().to(sign_out));
    }
}

async fn home(site: web::Data<AppSite>, request: HttpRequest) -> HttpResponse {
    let session = request.cookie(SESSION_COOKIE);
    match session.and_then(|session| site.visitors.get(session.value())) {
        Some(visitor) => {
            page(StatusCode::OK, &SignedInPage { visitor: &visitor, broker: &site.broker })
        }
        None => page(StatusCode::OK, &HomePage { saml: SAML, oidc: OIDC }),
    }
}

async fn begin(site: web::Data<AppSite>, web::Query(wish): web::Query<Wish>) -> HttpResponse {
    match site.rp.begin(wish.idp.as_deref()).await {
        Ok((url, begun)) => with_cookie(see_other(&url), LOGIN_COOKIE, site.begun.keep(begun)),
        Err(reason) => problem(&reason),
    }
}

async fn callback(site: web::Data<AppSite>, request: HttpRequest) -> HttpResponse {
    match site.finish(&request).await {
        Ok(visitor) => with_cookie(see_other("/"), SESSION_COOKIE, site.visitors.keep(visitor)),
        Err(reason) => problem(&reason),
    }
}

/// Ends the session here, then the one at the broker.
async fn sign_out(site: web::Data<AppSite>, request: HttpRequest) -> HttpResponse {
    let session = request.cookie(SESSION_COOKIE);
    match session.and_then(|session| site.visitors.take(session.value())) {
        Some(visitor) => see_other(&site.rp.sign_out_url(&visitor)),
        None => see_other("/"),
    }
}

fn with_cookie(mut response: HttpResponse, name: &'static str, value: String) -> HttpResponse {
    let cookie = Cookie::build(name, value).path("/").http_only(true).same_site(SameSite::Lax);
    match response.add_cookie(&cookie.finish()) {
        Ok(()) => response,
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

fn problem(reason: &NotSignedIn) -> HttpResponse {
    let (site, problem) = ("Sample application", &*reason.to_string());
    ProblemPage { kind: "app", site, problem, home: Some("/") }.render()
}

#[cfg(test)]
mod tests;
