//! The form of an application, and what becomes of it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde_json::Value;

use super::{
    super::{
        super::{form::Form, page::see_other},
        Admin, Answer, Frame, Section, Sheet,
        desk::status_of,
        document,
        frame::show,
    },
    KIND,
    inputs::{blank, groups},
    secret::show_secret,
};

#[derive(Template)]
#[template(path = "admin/applications/new.html")]
struct New {
    frame: Frame,
    sheet: Sheet,
}

#[derive(Template)]
#[template(path = "admin/applications/edit.html")]
struct Edit {
    frame: Frame,
    id: String,
    name: String,
    has_secret: bool,
    issuer: String,
    sheet: Sheet,
    may_write: bool,
}

/// `GET /admin/applications/new`.
pub async fn new(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "write")?;
    let sheet = blank_sheet(&admin);
    Ok(show_new(StatusCode::OK, &admin, &request, sheet))
}

/// `POST /admin/applications`: the secret that was made is on the answer, and nowhere else.
pub async fn create(admin: Admin, request: HttpRequest, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let sheet = blank_sheet(&admin).typed(&form);
    match document::create(&admin, &sheet, blank()).await {
        Ok(written) => Ok(match written.secret {
            Some(secret) => show_secret(&admin, &request, &written.id, secret),
            None => see_other(&format!("/admin/applications/{}?created=1", written.id)),
        }),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_new(status, &admin, &request, sheet))
        }
    }
}

/// `GET /admin/applications/{id}`.
pub async fn edit(admin: Admin, request: HttpRequest, id: Path<String>) -> Answer {
    admin.may(KIND, "read")?;
    let (stored, sheet) = stored_sheet(&admin, &id)?;
    Ok(show_edit(StatusCode::OK, &admin, &request, &stored, sheet))
}

/// `POST /admin/applications/{id}`.
pub async fn update(
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    Form(form): Form,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (stored, sheet) = stored_sheet(&admin, &id)?;
    let sheet = sheet.typed(&form);
    match document::update(&admin, &sheet, stored.clone()).await {
        Ok(_) => Ok(see_other(&format!("/admin/applications/{id}?saved=1"))),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_edit(status, &admin, &request, &stored, sheet))
        }
    }
}

fn blank_sheet(admin: &Admin) -> Sheet {
    Sheet::of(groups(&admin.broker().configuration(), true), &blank(), 0)
}

fn stored_sheet(admin: &Admin, id: &str) -> Result<(Value, Sheet), actix_web::Error> {
    let stored = document::find(admin, KIND, id).ok_or_else(|| admin.nothing_here())?;
    let groups = groups(&admin.broker().configuration(), false);
    let sheet = Sheet::of(groups, &stored.value, stored.version);
    Ok((stored.value, sheet))
}

fn show_new(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    sheet: Sheet,
) -> HttpResponse {
    let frame = Frame::new(admin, Section::Applications, request);
    show(status, &New { frame, sheet })
}

fn show_edit(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    stored: &Value,
    sheet: Sheet,
) -> HttpResponse {
    let text = |name: &str| stored[name].as_str().unwrap_or_default().to_owned();
    let page = Edit {
        frame: Frame::new(admin, Section::Applications, request),
        id: text("id"),
        name: text("name"),
        has_secret: text("clientType") == "confidential"
            && text("tokenEndpointAuthMethod") != "private_key_jwt",
        issuer: admin.broker().issuer().to_owned(),
        sheet,
        may_write: admin.can(KIND, "write"),
    };
    show(status, &page)
}
