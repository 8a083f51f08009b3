//! Organizations, providers, applications and roles: documents with a version.

use serde_json::{Value, json};

use super::{Change, Mode, Prepared, WriteError, Written, references::check_references, written};
use crate::{
    broker::{Error, resources::Author},
    domain::{
        audit::{Action, Event},
        resource::Resource,
        words::UnixTime,
    },
    store::{self, Tx, resources::Document},
};

pub(super) fn write_document(
    tx: &mut Tx<'_>,
    prepared: &Prepared,
    author: &Author,
    template: &Event,
) -> Result<Written, WriteError> {
    let (kind, id) = (prepared.resource.kind(), prepared.id.as_str());
    check_references(tx, &prepared.resource, author)?;
    let body = body_of(&prepared.resource)?;
    let before = store::resources::find(tx, kind, id)?;
    let secret = prepared.secret.as_deref();
    let change = match (&before, prepared.mode) {
        (Some(_), Mode::Create) => return Err(WriteError::Exists(format!("{kind}/{id}"))),
        (None, Mode::Update { .. }) => return Err(WriteError::Missing(format!("{kind}/{id}"))),
        (None, _) => {
            // Another process may have made it since we looked.
            if !store::resources::create(tx, kind, id, &body, secret, template.at)? {
                return Err(WriteError::Conflict(format!("{kind}/{id}")));
            }
            Change::Created
        }
        (Some(before), mode) => update_document(tx, before, &body, secret, mode, template.at)?,
    };
    if change != Change::Unchanged {
        let previous = before.as_ref().map(|document| document.body.as_str());
        tx.audit(change_of(template, kind, id, previous, &body));
    }
    Ok(written(prepared, id, change))
}

pub(super) fn update_document(
    tx: &mut Tx<'_>,
    before: &Document,
    body: &str,
    secret: Option<&str>,
    mode: Mode,
    now: UnixTime,
) -> Result<Change, WriteError> {
    let secret = secret.filter(|_| mode != Mode::Apply);
    let conflict = || WriteError::Conflict(format!("{}/{}", before.kind, before.id));
    if let Mode::Update { version } = mode
        && version != before.version
    {
        return Err(conflict());
    }
    if before.body == body && secret.is_none() {
        return Ok(Change::Unchanged);
    }
    if store::resources::update(tx, before, body, secret, now)? {
        Ok(Change::Updated)
    } else {
        Err(conflict())
    }
}

/// The document without its name, which is the key of its row.
pub(super) fn body_of(resource: &Resource) -> Result<String, WriteError> {
    let mut value = match resource {
        Resource::Organization(organization) => serde_json::to_value(organization),
        Resource::IdentityProvider(provider) => serde_json::to_value(provider),
        Resource::ClientApplication(client) => serde_json::to_value(client),
        Resource::Role(role) => serde_json::to_value(role),
        Resource::User(user) => serde_json::to_value(user),
        Resource::UserRole(user_role) => serde_json::to_value(user_role),
    }
    .map_err(|error| Error::Broken(error.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("id");
    }
    Ok(value.to_string())
}

pub(super) fn change_of(
    template: &Event,
    kind: &str,
    id: &str,
    before: Option<&str>,
    after: &str,
) -> Event {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let action = if before.is_some() { Action::Update } else { Action::Create };
    let detail = json!({
        "resource": format!("{kind}/{id}"), "before": before.map(parse), "after": parse(after),
    });
    Event { action, ..template.clone() }.detail(detail)
}
