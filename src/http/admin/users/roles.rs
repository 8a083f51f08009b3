//! Giving roles by hand, and taking them back.

use actix_web::{HttpRequest, HttpResponse, web::Path};
use serde_json::json;

use super::{
    super::{
        super::{form::Form, page::see_other},
        Admin, Answer,
        desk::status_of,
        document::{self, organization_name, organizations},
        sheet::Choice,
    },
    edit::{find, sheet_of, show_edit},
};
use crate::{
    broker::{
        Configuration,
        accounts::UserRole,
        resources::{Change, Mode, WriteError},
    },
    domain::words::IdpId,
};

const KIND: &str = "UserRole";

/// Stands for no organization on the form; no id has such a name.
const EVERYWHERE: &str = "*";

/// A role that a person has, for the page.
pub struct Grant {
    pub id: String,
    pub role: String,
    /// Empty: everywhere.
    pub organization: String,
    /// The provider whose rules gave it; `None`: by hand, and so it can be taken back by hand.
    pub provider: Option<String>,
}

/// `POST /admin/users/{id}/roles`.
pub async fn grant(
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    Form(form): Form,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let role = form.get("role").unwrap_or_default();
    let mut value = json!({
        "resourceType": KIND,
        "user": { "reference": format!("User/{id}") },
        "role": { "reference": format!("Role/{role}") },
    });
    if let Some(place) = form.get("organization").filter(|place| *place != EVERYWHERE) {
        value["organization"] = json!({ "reference": format!("Organization/{place}") });
    }
    match document::write(&admin, value, Mode::Create).await {
        Ok(written) if written.change == Change::Unchanged => Ok(back(&id, "unchanged")),
        Ok(_) => Ok(back(&id, "granted")),
        Err(error) => refused(&admin, &request, &id, error).await,
    }
}

/// `POST /admin/users/{id}/roles/{grant}/revoke`.
pub async fn revoke(
    admin: Admin,
    request: HttpRequest,
    path: Path<(String, String)>,
    Form(form): Form,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (id, grant) = path.into_inner();
    let caller = Some(&admin.context.caller);
    match admin.broker().revoke_role(&grant, admin.author(), caller).await {
        Ok(()) => Ok(back(&id, "revoked")),
        Err(error) => refused(&admin, &request, &id, error).await,
    }
}

fn back(id: &str, notice: &str) -> HttpResponse {
    see_other(&format!("/admin/users/{id}?{notice}=1"))
}

async fn refused(admin: &Admin, request: &HttpRequest, id: &str, error: WriteError) -> Answer {
    let error = admin.mendable(error)?;
    let person = find(admin, id).await?;
    let sheet = sheet_of(&person.0);
    Ok(show_edit(status_of(&error), admin, request, person, sheet, Some(&error)))
}

pub fn grants(configuration: &Configuration, rows: &[UserRole]) -> Vec<Grant> {
    let provider = |id: IdpId| {
        configuration
            .provider(&id)
            .map_or_else(|| id.0.clone(), |found| found.resource.name.clone())
    };
    let grant = |row: &UserRole| {
        let granted = row.granted();
        let role = configuration.role(&granted.role).map(|role| role.name.clone());
        let source = Some(&row.source).filter(|source| !source.is_empty());
        Grant {
            id: row.id.clone(),
            role: role.unwrap_or(granted.role.0),
            organization: organization_name(configuration, granted.organization.as_ref()),
            provider: source.map(|id| provider(IdpId(id.clone()))),
        }
    };
    rows.iter().map(grant).collect()
}

pub fn role_choices(configuration: &Configuration) -> Vec<Choice> {
    let roles = configuration.roles().into_iter();
    let named = roles.filter_map(|role| Some(Choice::new(role.id.as_ref()?.as_str(), &role.name)));
    named.collect()
}

pub fn organization_choices(configuration: &Configuration) -> Vec<Choice> {
    let named = organizations(configuration);
    let everywhere = Choice::new(EVERYWHERE, "Everywhere");
    if named.is_empty() {
        return vec![everywhere];
    }
    // The widest place is nobody's first choice by accident.
    let mut choices = vec![Choice::new("", "Choose where…")];
    choices.extend(named);
    choices.push(everywhere);
    choices
}
