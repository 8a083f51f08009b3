//! The forms of an identity provider, and what becomes of them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde_json::{Value, json};

use super::{
    super::{
        super::{
            form::{Form, UploadForm},
            page::see_other,
        },
        Admin, Answer, Frame, Section, Sheet,
        desk::status_of,
        document,
        frame::{query, show},
        terms::{TermRow, near},
    },
    KIND,
    inputs::{Protocol, blank, groups},
    list::State,
    metadata,
};
use crate::{
    broker::{Provider, Upstream, resources::Mode},
    domain::words::IdpId,
};

#[derive(Template)]
#[template(path = "admin/providers/new.html")]
struct New {
    frame: Frame,
    protocol: Protocol,
    sheet: Sheet,
}

#[derive(Template)]
#[template(path = "admin/providers/edit.html")]
struct Edit {
    frame: Frame,
    id: String,
    name: String,
    enabled: bool,
    state: Option<State>,
    metadata: Option<metadata::View>,
    terms: Vec<TermRow>,
    ours: Vec<Fact>,
    sheet: Sheet,
    may_write: bool,
}

/// Something that the hospital enters at its provider.
struct Fact {
    label: &'static str,
    value: String,
}

/// `GET /admin/providers/new?type=saml|oidc`.
pub async fn new(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "write")?;
    let protocol = Protocol::named(query(&request).get("type"));
    let sheet = blank_sheet(&admin, protocol);
    Ok(show_new(StatusCode::OK, &admin, &request, protocol, sheet))
}

/// `POST /admin/providers`.
pub async fn create(admin: Admin, request: HttpRequest, UploadForm(form): UploadForm) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let protocol = Protocol::named(form.get("type"));
    let sheet = blank_sheet(&admin, protocol).typed(&form);
    match document::create(&admin, &sheet, blank(protocol)).await {
        Ok(written) => Ok(see_other(&format!("/admin/providers/{}?created=1", written.id))),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            Ok(show_new(status, &admin, &request, protocol, sheet))
        }
    }
}

/// `GET /admin/providers/{id}`.
pub async fn edit(admin: Admin, request: HttpRequest, id: Path<String>) -> Answer {
    admin.may(KIND, "read")?;
    let (stored, sheet) = stored_sheet(&admin, &id)?;
    show_edit(StatusCode::OK, &admin, &request, &stored, sheet).await
}

/// `POST /admin/providers/{id}`.
pub async fn update(
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    UploadForm(form): UploadForm,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (stored, sheet) = stored_sheet(&admin, &id)?;
    let sheet = sheet.typed(&form);
    match document::update(&admin, &sheet, stored.clone()).await {
        Ok(_) => Ok(back(&id, "saved")),
        Err(error) => {
            let error = admin.mendable(error)?;
            let (status, sheet) = (status_of(&error), sheet.refused(&error));
            show_edit(status, &admin, &request, &stored, sheet).await
        }
    }
}

/// `POST /admin/providers/{id}/enabled`, with `enabled` or without.
pub async fn switch(admin: Admin, id: Path<String>, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let mut stored = document::find(&admin, KIND, &id).ok_or_else(|| admin.nothing_here())?;
    let enabled = form.get("enabled").is_some();
    stored.value["enabled"] = json!(enabled);
    let mode = Mode::Update { version: stored.version };
    document::write(&admin, stored.value, mode).await.map_err(|error| admin.refused(error))?;
    Ok(back(&id, if enabled { "enabled" } else { "disabled" }))
}

pub fn back(id: &str, notice: &str) -> HttpResponse {
    see_other(&format!("/admin/providers/{id}?{notice}=1"))
}

fn blank_sheet(admin: &Admin, protocol: Protocol) -> Sheet {
    let groups = groups(protocol, &admin.broker().configuration(), true);
    Sheet::of(groups, &blank(protocol), 0)
}

pub fn stored_sheet(admin: &Admin, id: &str) -> Result<(Value, Sheet), actix_web::Error> {
    let stored = document::find(admin, KIND, id).ok_or_else(|| admin.nothing_here())?;
    let protocol = Protocol::named(stored.value["type"].as_str());
    let groups = groups(protocol, &admin.broker().configuration(), false);
    let sheet = Sheet::of(groups, &stored.value, stored.version);
    Ok((stored.value, sheet))
}

fn show_new(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    protocol: Protocol,
    sheet: Sheet,
) -> HttpResponse {
    let frame = Frame::new(admin, Section::Providers, request);
    show(status, &New { frame, protocol, sheet })
}

pub async fn show_edit(
    status: StatusCode,
    admin: &Admin,
    request: &HttpRequest,
    stored: &Value,
    sheet: Sheet,
) -> Answer {
    let text = |name: &str| stored[name].as_str().unwrap_or_default().to_owned();
    let configuration = admin.broker().configuration();
    let provider = configuration.provider(&IdpId(text("id")));
    let page = Edit {
        frame: Frame::new(admin, Section::Providers, request),
        id: text("id"),
        name: text("name"),
        enabled: stored["enabled"] != json!(false),
        state: provider.map(|provider| State::of(provider)),
        metadata: metadata::view(admin, &text("id")).await?,
        terms: near(admin, Some(&IdpId(text("id")))).await?,
        ours: provider.map(|p| ours(p, admin.broker().issuer())).unwrap_or_default(),
        sheet,
        may_write: admin.can(KIND, "write"),
    };
    Ok(show(status, &page))
}

/// Who we are towards the provider.
fn ours(provider: &Provider, issuer: &str) -> Vec<Fact> {
    let fact = |label, value: &str| Fact { label, value: value.to_owned() };
    match &provider.upstream {
        Upstream::Saml(side) => vec![
            fact("Entity ID (audience)", &side.sp.entity_id),
            fact("Assertion Consumer Service (reply URL), by POST", &side.sp.acs_url),
            fact("Single Logout, by redirect or POST", &side.sp.slo_url),
            fact("Metadata", &format!("{issuer}/saml/{}/metadata", provider.id)),
        ],
        Upstream::Oidc => vec![fact("Redirect URI", &provider.redirect_uri(issuer))],
    }
}
