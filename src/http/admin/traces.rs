//! `GET /admin/traces/{reference}`: why a login ended as it did.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Path},
};
use askama::Template;

use super::{
    super::page::see_other,
    Admin, Answer, Frame, Moment, Section,
    frame::{query, show},
};
use crate::domain::trace::{Actual, Step, Verdict, Words};

pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin/traces", web::get().to(look_up))
        .route("/admin/traces/{reference}", web::get().to(trace));
}

#[derive(Template)]
#[template(path = "admin/trace.html")]
struct Trace {
    frame: Frame,
    reference: String,
    at: Moment,
    outcome: String,
    failed: Option<String>,
    provider: String,
    application: String,
    user: Option<String>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "admin/no_trace.html")]
struct NoTrace {
    frame: Frame,
    reference: String,
}

struct Row {
    check: String,
    tag: &'static str,
    verdict: &'static str,
    expected: String,
    actual: String,
    mend: String,
}

/// `GET /admin/traces?reference=…`: the box on the overview leads here.
async fn look_up(admin: Admin, request: HttpRequest) -> Answer {
    admin.may("AuditEvent", "read")?;
    let query = query(&request);
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let reference: String = query.get("reference").unwrap_or_default().trim().to_owned();
    let reference: String = reference.chars().filter(is_plain).take(64).collect();
    Ok(see_other(&if reference.is_empty() {
        "/admin".to_owned()
    } else {
        format!("/admin/traces/{reference}")
    }))
}

async fn trace(admin: Admin, request: HttpRequest, reference: Path<String>) -> Answer {
    admin.may("AuditEvent", "read")?;
    let found = admin.broker().find_trace(&reference).await.map_err(|error| admin.failed(error))?;
    let frame = Frame::new(&admin, Section::Overview, &request);
    let Some(found) = found else {
        let page = NoTrace { frame, reference: reference.into_inner() };
        return Ok(show(StatusCode::NOT_FOUND, &page));
    };
    let page = Trace {
        frame,
        reference: found.reference.0,
        at: Moment::new(found.at),
        failed: found.trace.failure().and_then(|step| step.mend.clone().map(Words::into_owned)),
        outcome: found.outcome,
        provider: found.idp.map(|id| id.0).unwrap_or_default(),
        application: found.client.map(|id| id.0).unwrap_or_default(),
        user: found.user.map(|id| id.0),
        rows: found.trace.steps.into_iter().map(Row::new).collect(),
    };
    Ok(show(StatusCode::OK, &page))
}

impl Row {
    fn new(step: Step) -> Self {
        let (tag, verdict) = match step.verdict {
            Verdict::Passed => ("good", "passed"),
            Verdict::Noted => ("", "noted"),
            Verdict::Failed => ("bad", "failed"),
        };
        Self {
            check: step.check.into_owned(),
            tag,
            verdict,
            expected: step.expected.unwrap_or_default().into_owned(),
            actual: step.actual.as_ref().map(Actual::text).unwrap_or_default().to_owned(),
            mend: step.mend.unwrap_or_default().into_owned(),
        }
    }
}
