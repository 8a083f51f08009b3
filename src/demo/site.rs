//! What the three sample sites have in common: an address, a look, headers, a login page.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::{StatusCode, header},
    middleware::DefaultHeaders,
    web,
};
use askama::Template;

use super::{
    Failure,
    people::{PASSWORD, Person},
};
use crate::crypto::Random;

/// A free port of this machine, bound, with nobody living there yet.
pub(super) struct Plot {
    listener: TcpListener,
    /// Without a trailing slash.
    pub(super) url: String,
}

/// A site that is open.
pub(super) struct Site {
    handle: ServerHandle,
    server: tokio::task::JoinHandle<io::Result<()>>,
}

/// Who lives there.
pub(super) trait Inhabitant: Send + Sync + 'static {
    /// Other origins that forms of this site lead to, by redirects that follow too.
    fn leads_to(&self) -> Vec<String>;

    /// Its paths; handlers find it as [`web::Data`].
    fn routes(app: &mut web::ServiceConfig);
}

impl Plot {
    pub(super) fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// Opens the site.
    pub(super) fn serve<I: Inhabitant>(self, inhabitant: I) -> Result<Site, Failure> {
        let policy = policy(&inhabitant);
        let inhabitant = web::Data::new(inhabitant);
        let factory = move || {
            App::new()
                .wrap(headers(&policy))
                .app_data(inhabitant.clone())
                .configure(I::routes)
                .configure(assets)
        };
        let server = HttpServer::new(factory).workers(1).disable_signals().shutdown_timeout(1);
        let server = server.listen(self.listener).map_err(Failure::Site)?.run();
        Ok(Site { handle: server.handle(), server: tokio::spawn(server) })
    }
}

impl Site {
    pub(super) async fn stop(self) {
        self.handle.stop(false).await;
        drop(self.server.await);
    }
}

fn policy(inhabitant: &impl Inhabitant) -> String {
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self' {}; \
         base-uri 'none'; frame-ancestors 'none'",
        inhabitant.leads_to().join(" ")
    )
}

fn headers(policy: &str) -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, policy))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "same-origin"))
        .add((header::CACHE_CONTROL, "no-store"))
}

fn assets(app: &mut web::ServiceConfig) {
    let asset = |kind: &'static str, text: &'static str| {
        web::get().to(move || async move { HttpResponse::Ok().content_type(kind).body(text) })
    };
    app.route("/demo.css", asset("text/css", include_str!("../../templates/demo/demo.css")))
        .route("/icon.svg", asset("image/svg+xml", include_str!("../../templates/assets/icon.svg")))
        .route("/demo.js", asset("text/javascript", include_str!("../../templates/demo/demo.js")));
}

/// A rendered page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

/// A redirect that is followed by GET.
pub(super) fn see_other(url: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, url)).finish()
}

/// A provider's login page.
#[derive(Template)]
#[template(path = "demo/login.html")]
pub(super) struct LoginPage<'a> {
    /// `saml` or `oidc`: its colour.
    pub(super) kind: &'static str,
    pub(super) provider: &'static str,
    pub(super) people: &'static [Person],
    /// Names what waits for the person.
    pub(super) ticket: &'a str,
    pub(super) username: &'a str,
    pub(super) wrong: bool,
}

impl LoginPage<'_> {
    pub(super) fn render(&self) -> HttpResponse {
        page(if self.wrong { StatusCode::FORBIDDEN } else { StatusCode::OK }, self)
    }

    const fn password(&self) -> &'static str {
        PASSWORD
    }
}

/// A filled login page.
#[derive(serde::Deserialize)]
pub(super) struct LoginForm {
    pub(super) ticket: String,
    pub(super) username: String,
    pub(super) password: String,
}

/// Nothing that a sample site can go on with.
#[derive(Template)]
#[template(path = "demo/problem.html")]
pub(super) struct ProblemPage<'a> {
    pub(super) kind: &'static str,
    pub(super) site: &'static str,
    pub(super) problem: &'a str,
    /// Where to begin again.
    pub(super) home: Option<&'a str>,
}

impl ProblemPage<'_> {
    pub(super) fn render(&self) -> HttpResponse {
        page(StatusCode::BAD_REQUEST, self)
    }
}

/// Things that wait under a ticket that nobody guesses.
pub(super) struct Cloakroom<T>(Mutex<HashMap<String, T>>);

/// More than this wait only when somebody plays; the rest is thrown away.
const MOST_WAITING: usize = 1_000;

impl<T> Default for Cloakroom<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cloakroom<T> {
    /// Keeps a thing; answers its ticket.
    pub(super) fn keep(&self, thing: T) -> String {
        let ticket = Random.token();
        let mut things = lock(&self.0);
        if things.len() >= MOST_WAITING {
            things.clear();
        }
        things.insert(ticket.clone(), thing);
        ticket
    }

    /// Looks at a thing that stays.
    pub(super) fn get(&self, ticket: &str) -> Option<T>
    where
        T: Clone,
    {
        lock(&self.0).get(ticket).cloned()
    }

    /// Hands a thing out; the ticket is good no more.
    pub(super) fn take(&self, ticket: &str) -> Option<T> {
        lock(&self.0).remove(ticket)
    }
}

/// What is inside; a thread that panicked has left it whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_memory_is_bounded() {
        let room = Cloakroom::default();
        let ticket = room.keep("coat");
        assert_eq!(room.get(&ticket), Some("coat"));
        assert_eq!((room.take(&ticket), room.take(&ticket)), (Some("coat"), None));
        for _ in 0..=MOST_WAITING {
            room.keep("coat");
        }
        assert_eq!(lock(&room.0).len(), 1);
    }
}
