//! `GET /admin/providers`.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    super::{
        Admin, Answer, Frame, Pages, Section,
        document::organization_name,
        frame::{query, show},
    },
    KIND,
};
use crate::{
    broker::{Configuration, Provider, Upstream},
    domain::resource::Configuration as Wire,
};

#[derive(Template)]
#[template(path = "admin/providers/list.html")]
struct List {
    frame: Frame,
    pages: Pages,
    rows: Vec<Row>,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    protocol: &'static str,
    organization: String,
    state: State,
}

/// Whether people can sign in with it.
pub struct State {
    pub label: &'static str,
    /// `good`, `bad` or nothing.
    pub class: &'static str,
    pub detail: String,
}

pub async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let configuration = admin.broker().configuration();
    let texts = |one: &&Arc<Provider>| format!("{} {}", one.resource.name, one.id);
    let all = configuration.providers();
    let (shown, pages) = Pages::cut(all, &query(&request), "/admin/providers", texts);
    let rows = shown.into_iter().map(|provider| Row::new(provider, &configuration)).collect();
    let frame = Frame::new(&admin, Section::Providers, &request);
    let page = List { frame, pages, rows, may_write: admin.can(KIND, "write") };
    Ok(show(StatusCode::OK, &page))
}

impl Row {
    fn new(provider: &Provider, configuration: &Configuration) -> Self {
        let organization = provider.resource.organization.as_ref().map(|home| &home.0);
        Self {
            id: provider.id.0.clone(),
            name: provider.resource.name.clone(),
            protocol: protocol(provider),
            organization: organization_name(configuration, organization),
            state: State::of(provider),
        }
    }
}

pub const fn protocol(provider: &Provider) -> &'static str {
    match provider.upstream {
        Upstream::Saml(_) => "SAML",
        Upstream::Oidc => "OpenID Connect",
    }
}

impl State {
    pub fn of(provider: &Provider) -> Self {
        let none = String::new();
        match (provider.resource.enabled, unusable(provider)) {
            (false, _) => Self { label: "Disabled", class: "", detail: none },
            (true, _) if provider.has_members() => Self {
                label: "Federation",
                class: "good",
                detail: "The person picks the institution.".to_owned(),
            },
            (true, None) => Self { label: "Enabled", class: "good", detail: none },
            (true, Some(_)) if waits_for_metadata(provider) => Self {
                label: "Waits for metadata",
                class: "",
                detail: "Nobody can sign in with it before. The first sign-in fetches it, or you do with \
                         “Fetch metadata”."
                    .to_owned(),
            },
            (true, Some(detail)) => Self { label: "Not usable", class: "bad", detail },
        }
    }
}

/// Why nobody can sign in with it.
fn unusable(provider: &Provider) -> Option<String> {
    match &provider.upstream {
        Upstream::Saml(side) => side.idp.as_ref().err().cloned(),
        Upstream::Oidc => None,
    }
}

/// Whether everything depends on metadata that was not fetched yet.
fn waits_for_metadata(provider: &Provider) -> bool {
    match (&provider.resource.configuration, &provider.upstream) {
        (Wire::Saml(saml), Upstream::Saml(side)) => {
            side.seen.is_none() && saml.metadata_url.is_some() && saml.metadata_xml.is_none()
        }
        _ => false,
    }
}
