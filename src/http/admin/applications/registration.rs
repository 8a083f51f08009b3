//! The tokens by which applications register themselves: given out, listed, taken back.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Path};
use askama::Template;

use super::{
    super::{
        super::{form::Form, page::see_other},
        Admin, Answer, Frame, Moment, Section,
        desk::status_of,
        document::{organization_name, organizations},
        frame::show,
        sheet::Choice,
    },
    KIND,
};
use crate::{
    broker::{registration::NewToken, resources::WriteError},
    domain::words::OrganizationId,
    op::Parameters,
    store::registrations::RegistrationToken,
};

#[derive(Template)]
#[template(path = "admin/applications/registration.html")]
struct Registration {
    frame: Frame,
    rows: Vec<Row>,
    organizations: Vec<Choice>,
    /// As it was typed.
    name: String,
    organization: String,
    days: String,
    uses: String,
    problem: Option<String>,
    may_write: bool,
    address: String,
}

#[derive(Template)]
#[template(path = "admin/applications/registration_token.html")]
struct Issued {
    frame: Frame,
    token: String,
    address: String,
}

struct Row {
    digest: String,
    name: String,
    organization: String,
    uses_left: i64,
    created: Moment,
    expires: Moment,
}

/// `GET /admin/registration`.
pub async fn list(admin: Admin, request: HttpRequest) -> Answer {
    admin.may(KIND, "read")?;
    let blank = Parameters::default();
    page(&admin, &request, StatusCode::OK, &blank, None).await
}

async fn page(
    admin: &Admin,
    request: &HttpRequest,
    status: StatusCode,
    typed: &Parameters,
    problem: Option<String>,
) -> Answer {
    let broker = admin.broker();
    let tokens = broker.registration_tokens().await.map_err(|error| admin.failed(error))?;
    let configuration = broker.configuration();
    let text = |name: &str, usual: &str| typed.get(name).unwrap_or(usual).to_owned();
    let name_of =
        |token: &RegistrationToken| organization_name(&configuration, token.organization.as_ref());
    let rows = tokens.into_iter().map(|token| Row {
        organization: name_of(&token),
        digest: token.digest,
        name: token.name,
        uses_left: token.uses_left,
        created: Moment::new(token.created_at),
        expires: Moment::new(token.expires_at),
    });
    let page = Registration {
        frame: Frame::new(admin, Section::Applications, request),
        rows: rows.collect(),
        organizations: organizations(&configuration),
        name: text("name", ""),
        organization: text("organization", ""),
        days: text("days", "7"),
        uses: text("uses", "1"),
        problem,
        may_write: admin.can(KIND, "write"),
        address: format!("{}/oauth2/register", broker.issuer()),
    };
    Ok(show(status, &page))
}

/// `POST /admin/registration`: the token is on the answer, and nowhere else.
pub async fn issue(admin: Admin, request: HttpRequest, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let number = |name: &str| form.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let new = NewToken {
        name: form.get("name").unwrap_or_default().trim().to_owned(),
        organization: form.get("organization").map(OrganizationId::from),
        days: number("days"),
        uses: number("uses"),
    };
    let (author, caller) = (admin.author(), &admin.context.caller);
    match admin.broker().issue_registration_token(new, &author, caller).await {
        Ok(token) => Ok(issued(&admin, &request, token)),
        Err(error @ WriteError::Invalid(_)) => {
            let problem = Some(error.to_string());
            page(&admin, &request, status_of(&error), &form, problem).await
        }
        Err(error) => Err(admin.refused(error)),
    }
}

fn issued(admin: &Admin, request: &HttpRequest, token: String) -> HttpResponse {
    let frame = Frame::new(admin, Section::Applications, request);
    let address = format!("{}/oauth2/register", admin.broker().issuer());
    show(StatusCode::OK, &Issued { frame, token, address })
}

/// `POST /admin/registration/{digest}`: takes it back.
pub async fn end(admin: Admin, digest: Path<String>, Form(form): Form) -> Answer {
    admin.may(KIND, "write")?;
    admin.sent(&form)?;
    let (author, caller) = (admin.author(), &admin.context.caller);
    let ended = admin.broker().end_registration_token(&digest, &author, caller).await;
    ended.map_err(|error| admin.failed(error))?;
    Ok(see_other("/admin/registration?saved=1"))
}
