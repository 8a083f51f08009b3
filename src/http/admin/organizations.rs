//! Organizations: the list, and a form of three inputs.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Path},
};
use askama::Template;
use serde_json::{Value, json};

use super::{
    super::{form::Form, page::see_other},
    Admin, Answer, Frame, Section, Sheet,
    desk::status_of,
    document::{self, id_input},
    frame::show,
    sheet::{Group, Input, Kind},
};

const KIND: &str = "Organization";

/// Id and heading of one that is not there yet.
const NEW: (&str, &str) = ("", "New organization");

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/admin/organizations")
            .route(web::get().to(list))
            .route(web::post().to(create)),
    )
    .route("/admin/organizations/new", web::get().to(new))
    .service(
        web::resource("/admin/organizations/{id}")
            .route(web::get().to(edit))
            .route(web::post().to(update)),
    );
}

#[derive(Template)]
#[template(path = "admin/organizations/list.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    domains: Vec<String>,
}

#[derive(Template)]
#[template(path = "admin/organizations/edit.html")]
struct Edit {
    frame: Frame,
    /// Empty: a new one.
    id: String,
    name: String,
    sheet: Sheet,
    may_write: bool,
}

async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let configuration = admin.broker().configuration();
    let rows = configuration.organizations().into_iter().map(|organization| Row {
        id: organization.id.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
        name: organization.name.clone(),
        domains: organization.domains.clone(),
    });
    let frame = Frame::new(&admin, Section::Organizations, &request);
    let page = List { frame, rows: rows.collect(), may_write: admin.can(KIND, "write") };
    Ok(show(StatusCode::OK, &page))
}

async fn new(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "write")?;
    let sheet = Sheet::of(groups(true), &blank(), 0);
    Ok(show_edit(StatusCode::OK, &admin, &request, NEW, sheet))
}

async fn create(admin: Admin, request: HttpRequest, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let sheet = Sheet::of(groups(true), &blank(), 0).typed(&form);
    match document::create(&admin, &sheet, blank()).await {
        Ok(_) => Ok(see_other("/admin/organizations?created=1")),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_edit(status, &admin, &request, NEW, sheet))
        }
    }
}

async fn edit(admin: Admin, request: HttpRequest, id: Path<String>) -> Answer {
    admin.may(KIND, "read")?;
    let stored = document::find(&admin, KIND, &id).ok_or_else(|| admin.nothing_here())?;
    let sheet = Sheet::of(groups(false), &stored.value, stored.version);
    let name = name_of(&stored.value);
    Ok(show_edit(StatusCode::OK, &admin, &request, (&id, &name), sheet))
}

async fn update(admin: Admin, request: HttpRequest, id: Path<String>, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let stored = document::find(&admin, KIND, &id).ok_or_else(|| admin.nothing_here())?;
    let sheet = Sheet::of(groups(false), &stored.value, stored.version).typed(&form);
    let name = name_of(&stored.value);
    match document::update(&admin, &sheet, stored.value).await {
        Ok(_) => Ok(see_other("/admin/organizations?saved=1")),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_edit(status, &admin, &request, (&id, &name), sheet))
        }
    }
}

fn name_of(stored: &Value) -> String {
    stored["name"].as_str().unwrap_or_default().to_owned()
}

fn blank() -> Value {
    json!({ "resourceType": KIND })
}

fn groups(new: bool) -> Vec<Group> {
    let mut inputs = vec![Input::text("name", "Name").required()];
    if new {
        inputs.push(id_input(
            "Final: small letters, digits and “-”. Left empty, it is made from the name.",
        ));
    }
    inputs.push(Input::new("domains", "E-mail domains", Kind::Lines).hint(
        "One per line. Whoever types an address of these domains is sent to the organization’s \
         identity providers.",
    ));
    vec![Group::new("Organization", inputs)]
}

fn show_edit(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    (id, name): (&str, &str),
    sheet: Sheet,
) -> HttpResponse {
    let frame = Frame::new(admin, Section::Organizations, request);
    let may_write = admin.can(KIND, "write");
    show(status, &Edit { frame, id: id.to_owned(), name: name.to_owned(), sheet, may_write })
}
