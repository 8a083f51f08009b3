//! The OpenID Provider's endpoints: discovery, authorization, token, userinfo.

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    middleware::from_fn,
    web,
};
use serde_json::json;

use super::{
    context::Context,
    cors,
    form::{BadForm, Form, RequestForm, is_form},
    login, page,
};
use crate::{
    broker::{
        access::{AccessError, UserInfoAnswer},
        login::Unanswerable,
        revocation::IntrospectionAnswer,
        tokens::TokenError,
    },
    domain::{
        audit::{Action, Outcome},
        resource::SigningAlg,
    },
    op::{self, ErrorCode, Metadata, Parameters, Presented, ProofFault, Scheme},
};

/// Bytes of a query that every proxy and browser lets pass.
pub const LONGEST_QUERY: usize = 6_000;

pub fn routes(app: &mut web::ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let published = |path, route| web::resource(path).route(route).wrap(from_fn(cors::public));
    app.service(published("/.well-known/openid-configuration", read().to(metadata)))
        .service(published("/.well-known/oauth-authorization-server", read().to(metadata)))
        .service(published("/.well-known/jwks.json", read().to(jwks)))
        .service(
            web::resource("/oauth2/authorize")
                .route(web::get().to(authorize))
                .route(web::post().to(authorize_by_form)),
        )
        .service(
            web::resource("/oauth2/token")
                .route(web::post().to(token))
                .wrap(from_fn(cors::registered)),
        )
        .service(
            web::resource("/oauth2/revoke")
                .route(web::post().to(revoke))
                .wrap(from_fn(cors::registered)),
        )
        .service(web::resource("/oauth2/introspect").route(web::post().to(introspect)))
        .service(
            web::resource("/oauth2/userinfo")
                .app_data(web::PayloadConfig::new(64 * 1024))
                .route(web::get().to(userinfo))
                .route(web::post().to(userinfo_by_post))
                .wrap(from_fn(cors::registered)),
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
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, cache)).json(value)
}

/// `GET /oauth2/authorize` — OIDC Core §3.1.2.1.
async fn authorize(request: HttpRequest, context: Context) -> HttpResponse {
    match Parameters::read(request.query_string().as_bytes()) {
        Ok(parameters) => answer_authorize(parameters, &context).await,
        Err(unreadable) => unanswerable(&context, &unreadable.to_string()).await,
    }
}

/// `POST /oauth2/authorize`. From a page of the application it comes without cookies (`SameSite=Lax`); the
/// GET that follows has them, so that a session that is there is found.
async fn authorize_by_form(context: Context, form: Result<RequestForm, BadForm>) -> HttpResponse {
    let parameters = match form {
        Ok(RequestForm(parameters)) => parameters,
        Err(bad) => return unanswerable(&context, &bad.to_string()).await,
    };
    let query = parameters.to_query();
    if context.session().is_none() && query.len() <= LONGEST_QUERY {
        return page::see_other(&format!("/oauth2/authorize?{query}"));
    }
    answer_authorize(parameters, &context).await
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
    let (authorization, proof) = (authorization(&request), proof(&request));
    let answer = context.broker.token(authorization, proof, &form.0, &context.caller).await;
    let mut answer = match answer {
        Ok(response) => HttpResponse::Ok().json(response),
        Err(error) => token_refused(&context, &error),
    };
    // RFC 6749 §5.1: for caches of HTTP/1.0, beside the `Cache-Control` of every answer.
    answer.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}

/// `POST /oauth2/revoke` — RFC 7009 §2.1.
async fn revoke(request: HttpRequest, context: Context, form: Form) -> HttpResponse {
    match context.broker.revoke(authorization(&request), &form.0, &context.caller).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(error) => token_refused(&context, &error),
    }
}

const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";

fn is_introspection_jwt(kind: &str) -> bool {
    kind.trim().eq_ignore_ascii_case(INTROSPECTION_JWT)
}

/// `POST /oauth2/introspect` — RFC 7662 §2.1, RFC 9701 §4.
async fn introspect(request: HttpRequest, context: Context, form: Form) -> HttpResponse {
    let accepts = request.headers().get_all(header::ACCEPT).filter_map(|v| v.to_str().ok());
    let mut accepts = accepts.flat_map(|accept| accept.split(','));
    let signed = accepts.any(|kind| kind.split(';').next().is_some_and(is_introspection_jwt));
    let (authorization, caller) = (authorization(&request), &context.caller);
    match context.broker.introspect(authorization, &form.0, signed, caller).await {
        Ok(IntrospectionAnswer::Plain(known)) => HttpResponse::Ok().json(known),
        Ok(IntrospectionAnswer::Signed(jwt)) => {
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, INTROSPECTION_JWT)).body(jwt)
        }
        Err(error) => token_refused(&context, &error),
    }
}

/// The `Authorization` header; one that is no text is no credential either.
pub fn authorization(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(header::AUTHORIZATION);
    header.map(|value| value.to_str().unwrap_or("?"))
}

/// The `DPoP` header; several, or one that is no text, are no proof either.
pub fn proof(request: &HttpRequest) -> Option<&str> {
    let mut all = request.headers().get_all("dpop");
    let first = all.next()?;
    Some(first.to_str().ok().filter(|_| all.next().is_none()).unwrap_or("?"))
}

/// The answer to an application that is not given what it asks for (RFC 6749 §5.2).
pub fn token_refused(context: &Context, refused: &TokenError) -> HttpResponse {
    let refusal = match refused {
        TokenError::Refused(refusal) => refusal,
        TokenError::Failed(failure) => return failed(context, failure),
    };
    let code = refusal.code();
    let mut answer = error(status_of(code), code, &refusal.to_string());
    if code == ErrorCode::InvalidClient {
        let basic = HeaderValue::from_static("Basic realm=\"medict\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    answer
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
    let description = op::error_description(description);
    HttpResponse::build(status)
        .json(json!({ "error": code.as_str(), "error_description": description }))
}

/// The answer when our side fails: the cause goes to the log.
pub fn failed(context: &Context, failure: &crate::broker::Error) -> HttpResponse {
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

/// `GET /oauth2/userinfo` — OIDC Core §5.3.
async fn userinfo(request: HttpRequest, context: Context) -> HttpResponse {
    answer_userinfo(presented(&request), &context).await
}

/// `POST /oauth2/userinfo`: the token by header, or in a form (RFC 6750 §2.2).
async fn userinfo_by_post(
    request: HttpRequest,
    context: Context,
    body: web::Bytes,
) -> HttpResponse {
    let form = if is_form(&request) { Parameters::parse(&body).ok() } else { None };
    let form = form.unwrap_or_default();
    match (presented(&request), form.get("access_token")) {
        (Some(_), Some(_)) => access_refused(&context, &AccessError::TwoTokens),
        (Some(presented), None) => answer_userinfo(Some(presented), &context).await,
        (None, token) => {
            let by_form = token.map(|token| sent(&request, Scheme::Bearer, token));
            answer_userinfo(by_form, &context).await
        }
    }
}

async fn answer_userinfo(presented: Option<Presented<'_>>, context: &Context) -> HttpResponse {
    match context.broker.userinfo(presented.as_ref()).await {
        Ok(UserInfoAnswer::Plain(info)) => HttpResponse::Ok().json(info),
        Ok(UserInfoAnswer::Signed(jwt)) => {
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/jwt")).body(jwt)
        }
        Err(refusal) => access_refused(context, &refusal),
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1) or `DPoP` (RFC 9449 §7.1).
pub fn presented(request: &HttpRequest) -> Option<Presented<'_>> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    let known = [("bearer", Scheme::Bearer), ("dpop", Scheme::Dpop)];
    let (_, scheme) = known.into_iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name))?;
    Some(sent(request, scheme, token.trim()))
}

fn sent<'a>(request: &'a HttpRequest, scheme: Scheme, token: &'a str) -> Presented<'a> {
    let (method, path) = (request.method().as_str(), request.path());
    Presented { token, scheme, proof: proof(request), method, path }
}

/// The answer to a token that opens nothing (RFC 6750 §3).
pub fn access_refused(context: &Context, refusal: &AccessError) -> HttpResponse {
    if let AccessError::Failed(failure) = refusal {
        return failed(context, failure);
    }
    let code = code_of(refusal).unwrap_or(ErrorCode::InvalidToken);
    let status = match refusal {
        AccessError::Proof(_) => StatusCode::UNAUTHORIZED,
        _ => status_of(code),
    };
    let mut answer = match refusal {
        // Who asked without a token is told how to send one, and of no error (RFC 6750 §3.1).
        AccessError::Missing => HttpResponse::build(status).finish(),
        _ => error(status, code, &refusal.to_string()),
    };
    challenge(&mut answer, refusal);
    answer
}

/// Says in `WWW-Authenticate` how a token is sent; nothing when our side failed. Without any token it names
/// no error (RFC 6750 §3.1). What is wrong with a proof concerns the scheme DPoP alone (RFC 9449 §7.1).
pub fn challenge(answer: &mut HttpResponse, refusal: &AccessError) {
    let schemes: &[&str] = match refusal {
        AccessError::Failed(_) => return,
        AccessError::Proof(ProofFault::NotBound) => &["Bearer"],
        AccessError::Proof(_) => &["DPoP"],
        _ => &["Bearer", "DPoP"],
    };
    let error = code_of(refusal).map(|code| {
        let text = refusal.to_string().replace('`', "'");
        format!(", error=\"{}\", error_description=\"{text}\"", code.as_str())
    });
    for scheme in schemes {
        let mut text = format!("{scheme} realm=\"medict\"{}", error.as_deref().unwrap_or_default());
        if *scheme == "DPoP" {
            let algs = SigningAlg::KNOWN.join(" ");
            text.push_str(&format!(", algs=\"{algs}\""));
        }
        if let Ok(value) = HeaderValue::from_str(&text) {
            answer.headers_mut().append(header::WWW_AUTHENTICATE, value);
        }
    }
}

const fn code_of(refusal: &AccessError) -> Option<ErrorCode> {
    match refusal {
        AccessError::Missing | AccessError::Failed(_) => None,
        AccessError::TwoTokens => Some(ErrorCode::InvalidRequest),
        AccessError::Invalid | AccessError::Audience => Some(ErrorCode::InvalidToken),
        AccessError::Scope | AccessError::OnBehalf => Some(ErrorCode::InsufficientScope),
        AccessError::Proof(fault) => Some(fault.code()),
    }
}
