//! The OpenID Provider's endpoints: discovery, authorization, token, userinfo.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use serde_json::json;

use super::{context::Context, form::Form, login, page};
use crate::{
    broker::{
        login::Unanswerable,
        tokens::{AccessError, TokenError},
    },
    domain::audit::{Action, Outcome},
    op::{ErrorCode, Metadata, Parameters},
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/.well-known/openid-configuration").route(web::get().to(metadata)))
        .service(
            web::resource("/.well-known/oauth-authorization-server").route(web::get().to(metadata)),
        )
        .service(web::resource("/.well-known/jwks.json").route(web::get().to(jwks)))
        .service(
            web::resource("/oauth2/authorize")
                .route(web::get().to(authorize))
                .route(web::post().to(authorize_by_form)),
        )
        .service(web::resource("/oauth2/token").route(web::post().to(token)))
        .service(
            web::resource("/oauth2/userinfo")
                .route(web::get().to(userinfo))
                .route(web::post().to(userinfo)),
        );
}

/// `GET /.well-known/openid-configuration` — OIDC Discovery §4, RFC 8414 §3.
async fn metadata(context: Context) -> HttpResponse {
    public_json(&Metadata::new(context.broker.issuer()), "public, max-age=300")
}

/// `GET /.well-known/jwks.json` — RFC 7517 §5: next, active and retiring keys.
async fn jwks(context: Context) -> HttpResponse {
    public_json(context.broker.keys().jwks(), "public, max-age=300")
}

fn public_json(value: &impl serde::Serialize, cache: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, cache))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(value)
}

/// `GET /oauth2/authorize` — OIDC Core §3.1.2.1.
async fn authorize(request: HttpRequest, context: Context) -> HttpResponse {
    match Parameters::parse(request.query_string().as_bytes()) {
        Ok(parameters) => answer_authorize(parameters, &context).await,
        Err(unreadable) => unanswerable(&context, &unreadable.to_string()).await,
    }
}

/// `POST /oauth2/authorize`.
async fn authorize_by_form(context: Context, form: Form) -> HttpResponse {
    answer_authorize(form.0, &context).await
}

async fn answer_authorize(parameters: Parameters, context: &Context) -> HttpResponse {
    let Context { broker, caller, .. } = context;
    match broker.authorize(parameters, context.session(), context.browser(), caller).await {
        Ok(step) => login::render(context, step),
        Err(Unanswerable::Login(error)) => page::login_failed(context, &error),
        Err(Unanswerable::Unredirectable(refusal)) => {
            let text = format!("The application's request cannot be answered: {refusal}.");
            page::refused(StatusCode::BAD_REQUEST, caller.reference.as_str(), &text)
        }
    }
}

async fn unanswerable(context: &Context, reason: &str) -> HttpResponse {
    let now = context.broker.clock.now();
    let event = context.caller.event(Action::Authorize, Outcome::Refused, now).detail(reason);
    context.broker.audit_refusal(event).await;
    let text = format!("The application's request cannot be answered: {reason}.");
    page::refused(StatusCode::BAD_REQUEST, context.caller.reference.as_str(), &text)
}

/// `POST /oauth2/token` — RFC 6749 §3.2.
async fn token(request: HttpRequest, context: Context, form: Form) -> HttpResponse {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap_or("?"));
    match context.broker.token(authorization, &form.0, &context.caller).await {
        Ok(response) => HttpResponse::Ok().json(response),
        Err(TokenError::Refused(refusal)) => {
            let code = refusal.code();
            let mut answer = error(status_of(code), code, &refusal.to_string());
            if code == ErrorCode::InvalidClient {
                let basic = HeaderValue::from_static("Basic realm=\"medict\"");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
            }
            answer
        }
        Err(TokenError::Failed(failure)) => failed(&context, &failure),
    }
}

const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// An error as RFC 6749 §5.2 has it.
pub fn error(status: StatusCode, code: ErrorCode, description: &str) -> HttpResponse {
    HttpResponse::build(status)
        .json(json!({ "error": code.as_str(), "error_description": description }))
}

fn failed(context: &Context, failure: &crate::broker::Error) -> HttpResponse {
    let reference = context.caller.reference.as_str();
    tracing::error!(reference, error = %failure, "a request failed");
    let (status, code) = if failure.is_temporary() {
        (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TemporarilyUnavailable)
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError)
    };
    let mut answer = error(status, code, &format!("our side failed; reference {reference}"));
    if failure.is_temporary() {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    answer
}

/// `GET` and `POST /oauth2/userinfo` — OIDC Core §5.3.
async fn userinfo(request: HttpRequest, context: Context) -> HttpResponse {
    match context.broker.userinfo(bearer(&request)).await {
        Ok(info) => HttpResponse::Ok().json(info),
        Err(refusal) => access_refused(&context, &refusal),
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The answer to a token that opens nothing (RFC 6750 §3).
pub fn access_refused(context: &Context, refusal: &AccessError) -> HttpResponse {
    let code = match refusal {
        AccessError::Failed(failure) => return failed(context, failure),
        AccessError::Missing => None,
        AccessError::Invalid => Some(ErrorCode::InvalidToken),
        AccessError::Scope => Some(ErrorCode::InsufficientScope),
    };
    // Without any token the challenge names no error (RFC 6750 §3.1).
    let (status, challenge) = match code {
        None => (StatusCode::UNAUTHORIZED, "Bearer realm=\"medict\"".to_owned()),
        Some(code) => {
            let text = format!(
                "Bearer realm=\"medict\", error=\"{}\", error_description=\"{refusal}\"",
                code.as_str()
            );
            (status_of(code), text.replace('`', "'"))
        }
    };
    let mut answer = error(status, code.unwrap_or(ErrorCode::InvalidToken), &refusal.to_string());
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    answer
}
