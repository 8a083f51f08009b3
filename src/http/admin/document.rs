//! Documents on forms: organizations, identity providers, client applications.

use serde_json::{Value, json};

use super::{
    Admin,
    sheet::{Choice, Input, Kind, Sheet},
};
use crate::{
    broker::{
        Configuration,
        resources::{Mode, WriteError, Written},
    },
    domain::{
        collation,
        resource::{Invalid, parse},
        words::OrganizationId,
    },
};

/// A document as it is stored, complete with its name.
pub struct Stored {
    pub value: Value,
    pub version: i64,
}

/// The document to edit; `None`: there is none.
pub fn find(admin: &Admin, kind: &str, id: &str) -> Option<Stored> {
    let configuration = admin.broker().configuration();
    let document = configuration.document(kind, id)?;
    let mut value: Value = serde_json::from_str(&document.body).ok()?;
    value["resourceType"] = json!(kind);
    value["id"] = json!(id);
    Some(Stored { value, version: document.version })
}

/// Creates what the form says, on top of `blank`; without an id it gets one from its name.
///
/// # Errors
/// [`WriteError`]; then nothing was written.
pub async fn create(admin: &Admin, sheet: &Sheet, blank: Value) -> Result<Written, WriteError> {
    let mut value = sheet.over(blank)?;
    if value.get("id").is_none() {
        let id = propose_id(value["name"].as_str().unwrap_or_default());
        if id.is_empty() {
            return Err(Invalid::new("id", "cannot be made from this name; choose one").into());
        }
        value["id"] = json!(id);
    }
    write(admin, value, Mode::Create).await
}

/// Makes the stored document as the form says, if nobody changed it meanwhile.
///
/// # Errors
/// [`WriteError`]; then nothing was written.
pub async fn update(admin: &Admin, sheet: &Sheet, stored: Value) -> Result<Written, WriteError> {
    write(admin, sheet.over(stored)?, Mode::Update { version: sheet.version }).await
}

/// Writes a resource as it stands.
///
/// # Errors
/// [`WriteError`]; then nothing was written.
pub async fn write(admin: &Admin, value: Value, mode: Mode) -> Result<Written, WriteError> {
    let (author, caller) = (admin.author(), &admin.context.caller);
    admin.broker().write_resource(parse(value)?, mode, author, Some(caller)).await
}

/// Where a resource belongs; nowhere means everywhere.
pub fn organization_input(configuration: &Configuration, nowhere: &str) -> Input {
    let mut choices = vec![Choice::new("", nowhere)];
    choices.extend(organizations(configuration));
    let kind = Kind::One { of: Some("Organization"), choices };
    Input::new("organization", "Organization", kind)
}

/// The organizations to choose from.
pub fn organizations(configuration: &Configuration) -> Vec<Choice> {
    let ids = configuration.organizations().into_iter().filter_map(|organization| {
        let id = organization.id.as_ref()?;
        Some(Choice::new(id.as_str(), &organization.name))
    });
    ids.collect()
}

/// The organization's name; empty: none.
pub fn organization_name(configuration: &Configuration, id: Option<&OrganizationId>) -> String {
    let Some(id) = id else { return String::new() };
    configuration.organization(id).map_or_else(|| id.0.clone(), |found| found.name.clone())
}

/// The input of an id, on forms for something new.
pub fn id_input(hint: &'static str) -> Input {
    Input::text("id", "Id").hint(hint)
}

/// The longest id.
const LONGEST: usize = 64;

/// `General Hospital (Site 2)` becomes `general-hospital-site-2`, `Ärztehaus Süd` `aerztehaus-sued`. Of a
/// long name as many words as there is room for.
fn propose_id(name: &str) -> String {
    let spelt = [("ä", "ae"), ("ö", "oe"), ("ü", "ue")]
        .iter()
        .fold(name.to_lowercase(), |name, (letter, letters)| name.replace(letter, letters));
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { ' ' };
    let words: String = collation::fold(&spelt).chars().map(plain).collect();
    let mut id = String::new();
    for word in words.split_whitespace() {
        let dash = if id.is_empty() { "" } else { "-" };
        if id.len() + dash.len() + word.len() > LONGEST {
            break;
        }
        id.push_str(dash);
        id.push_str(word);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::propose_id;

    #[test]
    fn ids_are_made_from_names() {
        for (name, id) in [
            ("General Hospital (Site 2)", "general-hospital-site-2"),
            ("  Entra  ID ", "entra-id"),
            ("Ärztehaus Überlingen, Straße 5", "aerztehaus-ueberlingen-strasse-5"),
            ("Hôpital Saint-Étienne", "hopital-saint-etienne"),
            (
                "Universitätsklinikum Überlingen-Großhansdorf für Herz- und Gefäßchirurgie",
                "universitaetsklinikum-ueberlingen-grosshansdorf-fuer-herz-und",
            ),
            ("院", ""),
        ] {
            assert_eq!(propose_id(name), id);
        }
    }
}
