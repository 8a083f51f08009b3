//! The signed-in person's own calls: errors are FHIR `OperationOutcome`s.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web,
};
use serde_json::json;

use super::{context::Context, cors, oauth};
use crate::broker::access::AccessError;

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/auth/me").route(web::get().to(me)).wrap(from_fn(cors::registered)));
}

/// `GET /auth/me`: the person as applications of the Medplum kind expect him.
async fn me(request: HttpRequest, context: Context) -> HttpResponse {
    match context.broker.me(oauth::presented(&request).as_ref()).await {
        Ok(me) => HttpResponse::Ok().json(me),
        Err(refusal) => refused(&context, &refusal),
    }
}

fn refused(context: &Context, refusal: &AccessError) -> HttpResponse {
    let reference = context.caller.reference.as_str();
    if let AccessError::Failed(_) = refusal {
        tracing::error!(reference, error = %refusal, "a request failed");
        let text = format!("our side failed; reference {reference}");
        return outcome(StatusCode::SERVICE_UNAVAILABLE, "transient", &text);
    }
    let mut answer = outcome(StatusCode::UNAUTHORIZED, "login", &refusal.to_string());
    oauth::challenge(&mut answer, refusal);
    answer
}

/// FHIR R4 `OperationOutcome` with one issue; `code` is an `IssueType`.
fn outcome(status: StatusCode, code: &str, text: &str) -> HttpResponse {
    let issue = json!({ "severity": "error", "code": code, "details": { "text": text } });
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/fhir+json"))
        .json(json!({ "resourceType": "OperationOutcome", "issue": [issue] }))
}
