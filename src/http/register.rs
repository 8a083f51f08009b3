//! Dynamic client registration (RFC 7591, RFC 7592).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

use super::{context::Context, oauth};
use crate::{
    broker::registration::RegistrationError,
    domain::words::ClientId,
    op::{ClientMetadata, ErrorCode, RegistrationRefusal, Scheme},
};

/// Client metadata with keys inside, in bytes.
const LARGEST: usize = 64 * 1024;

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/oauth2/register")
            .app_data(web::PayloadConfig::new(LARGEST))
            .route(web::post().to(register)),
    )
    .service(
        web::resource("/oauth2/register/{client}")
            .app_data(web::PayloadConfig::new(LARGEST))
            .route(web::get().to(read))
            .route(web::put().to(update))
            .route(web::delete().to(delete)),
    );
}

/// `POST /oauth2/register` — RFC 7591 §3.1.
async fn register(request: HttpRequest, context: Context, body: web::Bytes) -> HttpResponse {
    let metadata = match metadata(&body) {
        Ok(metadata) => metadata,
        Err(refusal) => return refused(&context, &refusal.into()),
    };
    match context.broker.register(bearer(&request), metadata, &context.caller).await {
        Ok(information) => HttpResponse::Created().json(information),
        Err(error) => refused(&context, &error),
    }
}

/// `GET /oauth2/register/{client_id}` — RFC 7592 §2.1.
async fn read(client: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let client = ClientId(client.into_inner());
    match context.broker.registered(&client, bearer(&request), &context.caller).await {
        Ok(information) => HttpResponse::Ok().json(information),
        Err(error) => refused(&context, &error),
    }
}

/// `PUT /oauth2/register/{client_id}` — RFC 7592 §2.2.
async fn update(
    client: web::Path<String>,
    request: HttpRequest,
    context: Context,
    body: web::Bytes,
) -> HttpResponse {
    let client = ClientId(client.into_inner());
    let metadata = match metadata(&body) {
        Ok(metadata) => metadata,
        Err(refusal) => return refused(&context, &refusal.into()),
    };
    let caller = &context.caller;
    match context.broker.reregister(&client, bearer(&request), metadata, caller).await {
        Ok(information) => HttpResponse::Ok().json(information),
        Err(error) => refused(&context, &error),
    }
}

/// `DELETE /oauth2/register/{client_id}` — RFC 7592 §2.3.
async fn delete(client: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let client = ClientId(client.into_inner());
    match context.broker.unregister(&client, bearer(&request), &context.caller).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => refused(&context, &error),
    }
}

fn metadata(body: &[u8]) -> Result<ClientMetadata, RegistrationRefusal> {
    let text = std::str::from_utf8(body).ok().filter(|text| !text.contains("\\u0000"));
    let text = text.ok_or_else(|| RegistrationRefusal::Malformed("it is no text".to_owned()))?;
    let malformed = |error: serde_json::Error| RegistrationRefusal::Malformed(error.to_string());
    // An object first: a list would pass for a struct whose members all have defaults.
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(malformed)?;
    serde_json::from_value(fields.into()).map_err(malformed)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let presented = oauth::presented(request).filter(|sent| sent.scheme == Scheme::Bearer);
    presented.map(|sent| sent.token)
}

fn refused(context: &Context, error: &RegistrationError) -> HttpResponse {
    let refusal = match error {
        RegistrationError::Failed(failure) => return oauth::failed(context, failure),
        RegistrationError::Refused(refusal) => refusal,
    };
    let (code, text) = (refusal.code(), refusal.to_string());
    if code != ErrorCode::InvalidToken {
        return oauth::error(StatusCode::BAD_REQUEST, code, &text);
    }
    let mut answer = oauth::error(StatusCode::UNAUTHORIZED, code, &text);
    let challenge = HeaderValue::from_static("Bearer realm=\"medict\", error=\"invalid_token\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}
