//! The form of an account, and what becomes of it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde_json::{Value, json};

use super::{
    super::{
        super::{form::Form, page::see_other},
        Admin, Answer, Frame, Moment, Section, Sheet,
        desk::{sentence, status_of},
        document,
        frame::show,
        sheet::Choice,
    },
    KIND,
    inputs::{blank, groups},
    roles::{Grant, grants, organization_choices, role_choices},
};
use crate::{
    broker::{
        accounts::{Account, UserRole},
        resources::{Mode, WriteError},
    },
    domain::words::{UnixTime, UserId},
};

#[derive(Template)]
#[template(path = "admin/users/new.html")]
struct New {
    frame: Frame,
    sheet: Sheet,
}

#[derive(Template)]
#[template(path = "admin/users/edit.html")]
struct Edit {
    frame: Frame,
    id: String,
    name: String,
    active: bool,
    created: Moment,
    last_login: Option<Moment>,
    grants: Vec<Grant>,
    /// What was wrong with a role that was to be given or taken back.
    problem: Option<String>,
    roles: Vec<Choice>,
    organizations: Vec<Choice>,
    sheet: Sheet,
    may_write: bool,
    may_grant: bool,
    may_audit: bool,
}

/// An account with its roles.
pub type Person = (Account, Vec<UserRole>);

/// `GET /admin/users/new`.
pub async fn new(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "write")?;
    let sheet = Sheet::of(groups(true), &blank(), 0);
    Ok(show_new(StatusCode::OK, &admin, &request, sheet))
}

/// `POST /admin/users`.
pub async fn create(admin: Admin, request: HttpRequest, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let sheet = Sheet::of(groups(true), &blank(), 0).typed(&form);
    match write(&admin, &sheet, blank(), Mode::Create).await {
        Ok(id) => Ok(see_other(&format!("/admin/users/{id}?created=1"))),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_new(status, &admin, &request, sheet))
        }
    }
}

/// `GET /admin/users/{id}`.
pub async fn edit(admin: Admin, request: HttpRequest, id: Path<String>) -> Answer {
    admin.may(KIND, "read")?;
    let person = find(&admin, &id).await?;
    let sheet = sheet_of(&person.0);
    Ok(show_edit(StatusCode::OK, &admin, &request, person, sheet, None))
}

/// `POST /admin/users/{id}`.
pub async fn update(
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    Form(form): Form,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let person = find(&admin, &id).await?;
    let sheet = sheet_of(&person.0).typed(&form);
    let mode = Mode::Update { version: sheet.version };
    match write(&admin, &sheet, stored(&person.0), mode).await {
        Ok(id) => Ok(see_other(&format!("/admin/users/{id}?saved=1"))),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_edit(status, &admin, &request, person, sheet, None))
        }
    }
}

async fn write(
    admin: &Admin,
    sheet: &Sheet,
    base: Value,
    mode: Mode,
) -> Result<String, WriteError> {
    let written = document::write(admin, sheet.over(base)?, mode).await?;
    Ok(written.id)
}

/// # Errors
/// The 404 page, or that of a failure.
pub async fn find(admin: &Admin, id: &str) -> Result<Person, actix_web::Error> {
    let found = admin.broker().find_user(&UserId(id.to_owned())).await;
    found.map_err(|error| admin.failed(error))?.ok_or_else(|| admin.nothing_here())
}

pub fn sheet_of(account: &Account) -> Sheet {
    Sheet::of(groups(false), &stored(account), account.version)
}

fn stored(account: &Account) -> Value {
    let mut value = serde_json::to_value(account.resource()).unwrap_or_default();
    value["resourceType"] = json!(KIND);
    value
}

fn show_new(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    sheet: Sheet,
) -> HttpResponse {
    show(status, &New { frame: Frame::new(admin, Section::Users, request), sheet })
}

/// The account's page; `problem` is about its roles, the sheet has its own.
pub fn show_edit(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    (account, roles): Person,
    sheet: Sheet,
    problem: Option<&WriteError>,
) -> HttpResponse {
    let configuration = admin.broker().configuration();
    let page = Edit {
        frame: Frame::new(admin, Section::Users, request),
        name: account.called(),
        id: account.id,
        active: account.active,
        created: Moment::new(UnixTime(account.created_at)),
        last_login: account.last_login_at.map(|at| Moment::new(UnixTime(at))),
        grants: grants(&configuration, &roles),
        problem: problem.map(sentence),
        roles: role_choices(&configuration),
        organizations: organization_choices(&configuration),
        sheet,
        may_write: admin.can(KIND, "write"),
        may_grant: admin.can("UserRole", "write"),
        may_audit: admin.can("AuditEvent", "read"),
    };
    show(status, &page)
}
