//! Pushed authorization requests.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, middleware::from_fn, web};
use serde_json::json;

use super::{context::Context, cors, form::Form, oauth};
use crate::{
    broker::{login::PushError, tokens::TokenError},
    op::ErrorCode,
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/oauth2/par").route(web::post().to(push)).wrap(from_fn(cors::registered)),
    );
}

/// `POST /oauth2/par` — RFC 9126 §2.
async fn push(request: HttpRequest, context: Context, form: Form) -> HttpResponse {
    let (authorization, proof) = (oauth::authorization(&request), oauth::proof(&request));
    match context.broker.push(authorization, proof, &form.0, &context.caller).await {
        Ok(pushed) => HttpResponse::Created()
            .json(json!({ "request_uri": pushed.request_uri, "expires_in": pushed.expires_in })),
        Err(error) => refused(&context, error),
    }
}

fn refused(context: &Context, error: PushError) -> HttpResponse {
    let (code, text) = match error {
        PushError::Client(refusal) => {
            return oauth::token_refused(context, &TokenError::Refused(refusal));
        }
        PushError::Failed(error) => {
            return oauth::token_refused(context, &TokenError::Failed(error));
        }
        PushError::Unredirectable(refusal) => (ErrorCode::InvalidRequest, refusal.to_string()),
        PushError::Request(refusal) => (refusal.code(), refusal.to_string()),
    };
    oauth::error(StatusCode::BAD_REQUEST, code, &text)
}
