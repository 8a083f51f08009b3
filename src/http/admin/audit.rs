//! `GET /admin/audit`: the newest records of the audit log.

use actix_web::{HttpRequest, http::StatusCode, web};
use askama::Template;
use serde_json::{Map, Value};

use super::{Admin, Answer, Frame, Moment, Section, frame::show};
use crate::domain::audit::{Actor, Event, Outcome};

/// Longer details are cut; the whole record is in `medict audit export`.
const LONGEST: usize = 160;

pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin/audit", web::get().to(newest));
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct Audit {
    frame: Frame,
    rows: Vec<Row>,
}

struct Row {
    at: Moment,
    action: String,
    refused: bool,
    actor: String,
    /// The account of the actor, where he has one.
    actor_account: Option<String>,
    user: Option<String>,
    provider: String,
    application: String,
    reference: String,
    detail: String,
}

async fn newest(admin: Admin, request: HttpRequest) -> Answer {
    admin.may("AuditEvent", "read")?;
    let events = admin.broker().newest_events().await.map_err(|error| admin.failed(error))?;
    let rows = events.into_iter().map(|(_, event)| Row::new(event)).collect();
    let frame = Frame::new(&admin, Section::Audit, &request);
    Ok(show(StatusCode::OK, &Audit { frame, rows }))
}

impl Row {
    fn new(event: Event) -> Self {
        let (actor, actor_account) = actor(event.actor);
        Self {
            at: Moment::new(event.at),
            action: words(&event.action),
            refused: event.outcome == Outcome::Refused,
            actor,
            actor_account,
            user: event.user.map(|id| id.0),
            provider: event.idp.map(|id| id.0).unwrap_or_default(),
            application: event.client.map(|id| id.0).unwrap_or_default(),
            reference: event.reference.map(|reference| reference.0).unwrap_or_default(),
            detail: event.detail.as_ref().map(shorten).unwrap_or_default(),
        }
    }
}

fn actor(actor: Actor) -> (String, Option<String>) {
    match actor {
        Actor::Anonymous => ("nobody known".to_owned(), None),
        Actor::User(id) => ("a person".to_owned(), Some(id.0)),
        Actor::Client(id) => (format!("application {id}"), None),
        Actor::Operator => ("command line".to_owned(), None),
        Actor::Broker => ("Medict".to_owned(), None),
    }
}

/// `sign-in` becomes `sign in`.
fn words(action: &crate::domain::audit::Action) -> String {
    let name = serde_json::to_value(action).unwrap_or_default();
    name.as_str().unwrap_or_default().replace('-', " ")
}

/// A change as what was changed; anything else as it is.
fn shorten(detail: &Value) -> String {
    let text = match (detail["resource"].as_str(), detail) {
        (Some(resource), detail) => change(resource, &detail["before"], &detail["after"]),
        (None, Value::String(text)) => text.clone(),
        (None, Value::Object(fields)) => pairs(fields),
        (None, other) => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn change(resource: &str, before: &Value, after: &Value) -> String {
    // Whose account it was stands in a column of its own.
    let resource = if resource.starts_with("User/") { "User" } else { resource };
    let empty = Map::new();
    let (Some(before), after) = (before.as_object(), after.as_object().unwrap_or(&empty)) else {
        return resource.to_owned();
    };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let changed: Vec<_> = names.filter(|name| before.get(*name) != after.get(*name)).collect();
    let changed = changed.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    format!("{resource}: {}", if changed.is_empty() { "secret" } else { &changed })
}

fn pairs(fields: &Map<String, Value>) -> String {
    let shown = fields.iter().filter(|(_, value)| !value.is_null());
    let pair = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name} {text}")
    };
    shown.map(pair).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn details_say_what_changed() {
        let before = json!({ "name": "A", "scopes": [], "enabled": true });
        let after = json!({ "name": "B", "scopes": [], "x": 1 });
        let with = |before: Value| {
            shorten(&json!({ "resource": "Role/r", "before": before, "after": after }))
        };
        assert_eq!(with(before), "Role/r: enabled, name, x");
        assert_eq!(with(after.clone()), "Role/r: secret");
        assert_eq!(with(Value::Null), "Role/r");
        assert_eq!(shorten(&json!({ "role": "r", "organization": null })), "role r");
        assert_eq!(shorten(&json!("ä".repeat(200))).chars().count(), LONGEST + 1);
    }
}
