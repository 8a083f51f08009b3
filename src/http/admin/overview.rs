//! `GET /admin`: what there is, and how the newest logins ended.

use actix_web::{HttpRequest, http::StatusCode, web};
use askama::Template;

use super::{
    Admin, Answer, Frame, Moment, Section,
    frame::show,
    terms::{TermRow, near},
};
use crate::domain::words::{ClientId, IdpId};

pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin", web::get().to(overview));
}

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct Overview {
    frame: Frame,
    tiles: Vec<Tile>,
    terms: Vec<TermRow>,
    /// `None`: not for this person.
    logins: Option<Vec<Login>>,
}

struct Tile {
    href: &'static str,
    count: usize,
    label: &'static str,
}

struct Login {
    reference: String,
    at: Moment,
    signed_in: bool,
    outcome: String,
    provider: String,
    application: String,
}

async fn overview(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(Section::Overview.kind(), "read")?;
    let logins = if admin.can("AuditEvent", "read") {
        Some(newest_logins(&admin).await.map_err(|error| admin.failed(error))?)
    } else {
        None
    };
    let (frame, terms) =
        (Frame::new(&admin, Section::Overview, &request), near(&admin, None).await?);
    Ok(show(StatusCode::OK, &Overview { frame, tiles: tiles(&admin), terms, logins }))
}

fn tiles(admin: &Admin) -> Vec<Tile> {
    let configuration = admin.broker().configuration();
    let tile =
        |href, count, one, many| Tile { href, count, label: if count == 1 { one } else { many } };
    let (providers, clients) = (configuration.providers().len(), configuration.clients().len());
    let (organizations, roles) = (configuration.organizations().len(), configuration.roles().len());
    vec![
        tile("/admin/providers", providers, "identity provider", "identity providers"),
        tile("/admin/applications", clients, "application", "applications"),
        tile("/admin/organizations", organizations, "organization", "organizations"),
        tile("/admin/roles", roles, "role", "roles"),
    ]
}

async fn newest_logins(admin: &Admin) -> Result<Vec<Login>, crate::broker::Error> {
    let configuration = admin.broker().configuration();
    let provider = |id: &IdpId| {
        configuration.provider(id).map_or_else(|| id.0.clone(), |found| found.resource.name.clone())
    };
    let application = |id: &ClientId| {
        configuration.client(id).map_or_else(|| id.0.clone(), |found| found.resource.name.clone())
    };
    let traces = admin.broker().newest_traces().await?;
    let logins = traces.into_iter().map(|trace| Login {
        reference: trace.reference.0,
        at: Moment::new(trace.at),
        signed_in: trace.trace.failure().is_none(),
        outcome: trace.outcome,
        provider: trace.idp.as_ref().map(provider).unwrap_or_default(),
        application: trace.client.as_ref().map(application).unwrap_or_default(),
    });
    Ok(logins.collect())
}
