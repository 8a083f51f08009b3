//! `GET /admin/audit?action=…&user=…`: the audit log, newest first, page by page.

mod detail;

use actix_web::{HttpRequest, http::StatusCode, web};
use askama::Template;

use super::{
    Admin, Answer, Frame, Moment, Section,
    frame::{query, show},
};
use crate::{
    broker::records::{Filter, Page, Place, Start},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        words::UserId,
    },
    op::Parameters,
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin/audit", web::get().to(page));
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct Audit {
    frame: Frame,
    filter: Asked,
    /// The word of every action, and how it reads.
    actions: Vec<(String, String)>,
    rows: Vec<Row>,
    /// The addresses of the neighbouring pages.
    newer: Option<String>,
    older: Option<String>,
}

/// What the address asked for; empty: everything.
struct Asked {
    action: String,
    user: String,
    /// What that person is called.
    name: String,
}

struct Row {
    at: Moment,
    action: String,
    refused: bool,
    actor: String,
    /// The account of the actor, where he has one.
    actor_account: Option<String>,
    /// The account that it happened to, and what the person is called.
    user: Option<(String, String)>,
    provider: String,
    application: String,
    reference: String,
    /// Whether the reference leads to a trace.
    traced: bool,
    detail: String,
}

async fn page(admin: Admin, request: HttpRequest) -> Answer {
    admin.may("AuditEvent", "read")?;
    let query = query(&request);
    let mut filter = Asked {
        action: query.get("action").unwrap_or_default().to_owned(),
        user: query.get("user").unwrap_or_default().to_owned(),
        name: String::new(),
    };
    let found = admin.broker().audit_page(start(&query), filter.read()).await;
    let mut found = found.map_err(|error| admin.failed(error))?;
    // Whoever may read what happened need not be told who people are.
    if !admin.can("User", "read") {
        found.names.clear();
    }
    filter.name = called(&found, &UserId(filter.user.clone()));
    let page = Audit {
        frame: Frame::new(&admin, Section::Audit, &request),
        actions: Action::ALL.iter().map(|action| (word(action), words(action))).collect(),
        newer: found.newer.as_ref().map(|place| filter.address("newer", place)),
        older: found.older.as_ref().map(|place| filter.address("older", place)),
        rows: found.events.iter().map(|event| Row::new(event, &found)).collect(),
        filter,
    };
    Ok(show(StatusCode::OK, &page))
}

/// Where the page begins; an address that makes no sense begins at the newest.
fn start(query: &Parameters) -> Start {
    let place = |name: &str| read_place(query.get(name)?);
    match (place("older"), place("newer")) {
        (Some(place), _) => Start::OlderThan(place),
        (None, Some(place)) => Start::NewerThan(place),
        (None, None) => Start::Newest,
    }
}

fn read_place(text: &str) -> Option<Place> {
    let mut parts = text.splitn(3, '.');
    let (at, sequence) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Place { at, sequence, node: parts.next()?.to_owned() })
}

impl Asked {
    fn read(&self) -> Filter {
        let action = Action::ALL.into_iter().find(|action| word(action) == self.action);
        let user = Some(&self.user).filter(|user| !user.is_empty());
        Filter { action, user: user.map(|user| UserId(user.clone())) }
    }

    fn is_open(&self) -> bool {
        self.action.is_empty() && self.user.is_empty()
    }

    /// The same records from a place on.
    fn address(&self, direction: &str, Place { at, sequence, node }: &Place) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let asked = [("action", &self.action), ("user", &self.user)];
        query.extend_pairs(asked.into_iter().filter(|(_, value)| !value.is_empty()));
        query.append_pair(direction, &format!("{at}.{sequence}.{node}"));
        format!("/admin/audit?{}", query.finish())
    }
}

impl Row {
    fn new(event: &Event, page: &Page) -> Self {
        let (actor, actor_account) = actor(&event.actor, page);
        let reference = event.reference.as_ref().map(|reference| reference.0.clone());
        let reference = reference.unwrap_or_default();
        Self {
            at: Moment::new(event.at),
            action: words(&event.action),
            refused: event.outcome == Outcome::Refused,
            actor,
            actor_account,
            user: event.user.as_ref().map(|id| (id.0.clone(), called(page, id))),
            provider: event.idp.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
            application: event.client.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
            traced: page.traced.contains(&reference),
            reference,
            detail: event.detail.as_ref().map(detail::shorten).unwrap_or_default(),
        }
    }
}

fn actor(actor: &Actor, page: &Page) -> (String, Option<String>) {
    match actor {
        Actor::Anonymous => ("nobody known".to_owned(), None),
        Actor::User(id) => (called(page, id), Some(id.0.clone())),
        Actor::Client(id) => (format!("application {id}"), None),
        Actor::Operator => ("command line".to_owned(), None),
        Actor::Broker => ("Medict".to_owned(), None),
    }
}

/// The name of a person; of one who is not known (any more), or whom nobody may name here, that.
fn called(page: &Page, id: &UserId) -> String {
    page.names.get(id.as_str()).cloned().unwrap_or_else(|| "a person".to_owned())
}

/// `sign-in`.
fn word(action: &Action) -> String {
    let name = serde_json::to_value(action).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

/// `sign in`.
fn words(action: &Action) -> String {
    word(action).replace('-', " ")
}
