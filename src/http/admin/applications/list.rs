//! `GET /admin/applications`.

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
    broker::{Client, Configuration},
    domain::resource::ClientType,
};

#[derive(Template)]
#[template(path = "admin/applications/list.html")]
struct List {
    frame: Frame,
    pages: Pages,
    rows: Vec<Row>,
    may_write: bool,
}

struct Row {
    id: String,
    name: String,
    client_type: &'static str,
    organization: String,
    redirect_uris: Vec<String>,
}

pub async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let configuration = admin.broker().configuration();
    let texts = |one: &&Arc<Client>| format!("{} {}", one.resource.name, one.id);
    let all = configuration.clients();
    let (shown, pages) = Pages::cut(all, &query(&request), "/admin/applications", texts);
    let rows = shown.into_iter().map(|client| Row::new(client, &configuration)).collect();
    let frame = Frame::new(&admin, Section::Applications, &request);
    let page = List { frame, pages, rows, may_write: admin.can(KIND, "write") };
    Ok(show(StatusCode::OK, &page))
}

impl Row {
    fn new(client: &Client, configuration: &Configuration) -> Self {
        let organization = client.resource.organization.as_ref().map(|home| &home.0);
        Self {
            id: client.id.0.clone(),
            name: client.resource.name.clone(),
            client_type: match client.resource.client_type {
                ClientType::Public => "Public",
                ClientType::Confidential => "Confidential",
            },
            organization: organization_name(configuration, organization),
            redirect_uris: client.resource.redirect_uris.clone(),
        }
    }
}
