//! A client secret, shown once.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde_json::json;

use super::{
    super::{super::form::Form, Admin, Answer, Frame, Section, document, frame::show},
    KIND,
};
use crate::broker::resources::Mode;

#[derive(Template)]
#[template(path = "admin/applications/secret.html")]
struct Secret<'a> {
    frame: Frame,
    id: &'a str,
    secret: String,
}

/// `POST /admin/applications/{id}/secret`: a new one; the present one ends at once.
pub async fn renew(
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    Form(form): Form,
) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let mut stored = document::find(&admin, KIND, &id).ok_or_else(|| admin.nothing_here())?;
    let secret = admin.broker().random.token();
    stored.value["secret"] = json!(secret);
    let mode = Mode::Update { version: stored.version };
    document::write(&admin, stored.value, mode).await.map_err(|error| admin.refused(error))?;
    Ok(show_secret(&admin, &request, &id, secret))
}

pub fn show_secret(admin: &Admin, request: &HttpRequest, id: &str, secret: String) -> HttpResponse {
    let frame = Frame::new(admin, Section::Applications, request);
    show(StatusCode::OK, &Secret { frame, id, secret })
}
