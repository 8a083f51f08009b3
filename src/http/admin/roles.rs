//! `GET /admin/roles`: what each role permits.

use actix_web::{HttpRequest, http::StatusCode, web};
use askama::Template;

use super::{Admin, Answer, Frame, Section, frame::show};
use crate::domain::{resource::Role, roles::is_built_in};

pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin/roles", web::get().to(list));
}

#[derive(Template)]
#[template(path = "admin/roles.html")]
struct Roles {
    frame: Frame,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    name: String,
    description: String,
    built_in: bool,
    permissions: Vec<String>,
}

async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may("Role", "read")?;
    let configuration = admin.broker().configuration();
    let rows = configuration.roles().into_iter().map(|role| Row::new(role)).collect();
    let frame = Frame::new(&admin, Section::Roles, &request);
    Ok(show(StatusCode::OK, &Roles { frame, rows }))
}

impl Row {
    fn new(role: &Role) -> Self {
        let permissions = role.permissions.iter();
        Self {
            id: role.id.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
            name: role.name.clone(),
            description: role.description.clone(),
            built_in: role.id.as_ref().is_some_and(is_built_in),
            permissions: permissions
                .map(|permission| {
                    format!("{}: {}", permission.resource, permission.actions.join(", "))
                })
                .collect(),
        }
    }
}
