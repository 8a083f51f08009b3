//! `GET /admin/providers`.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    super::{Admin, Answer, Frame, Section, document::organization_name, frame::show},
    KIND,
};
use crate::{
    broker::{Configuration, Provider, Upstream},
    domain::resource::{Configuration as Wire, SamlConfiguration},
};

#[derive(Template)]
#[template(path = "admin/providers/list.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    protocol: &'static str,
    organization: String,
    enabled: bool,
    problem: Option<String>,
}

pub async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let configuration = admin.broker().configuration();
    let rows = configuration.providers().into_iter();
    let rows = rows.map(|provider| Row::new(provider, &configuration)).collect();
    let frame = Frame::new(&admin, Section::Providers, &request);
    let page = List { frame, rows, may_write: admin.can(KIND, "write") };
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
            enabled: provider.resource.enabled,
            problem: problem(provider),
        }
    }
}

pub const fn protocol(provider: &Provider) -> &'static str {
    match provider.upstream {
        Upstream::Saml(_) => "SAML",
        Upstream::Oidc => "OpenID Connect",
    }
}

/// Why nobody can sign in with it at the moment.
pub fn problem(provider: &Provider) -> Option<String> {
    let (Upstream::Saml(side), Wire::Saml(saml)) =
        (&provider.upstream, &provider.resource.configuration)
    else {
        return None;
    };
    let error = side.idp.as_ref().err()?;
    Some(if waits_for_metadata(saml) { not_fetched() } else { error.clone() })
}

/// Whether everything depends on metadata that has to be fetched.
const fn waits_for_metadata(saml: &SamlConfiguration) -> bool {
    saml.metadata_url.is_some() && saml.metadata_xml.is_none()
}

fn not_fetched() -> String {
    "Its metadata has not been fetched yet; the first login does it, or “Fetch metadata”."
        .to_owned()
}
