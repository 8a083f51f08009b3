//! Bodies of forms: of the right type, of a bounded size, each field once.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header::CONTENT_TYPE},
    web,
};
use futures_core::Stream;

use super::{context, oauth, page};
use crate::op::{ErrorCode, Parameters};

/// What a form may hold outside SAML, in bytes.
const SMALL: usize = 64 * 1024;
/// What a SAML message may hold, in bytes.
const LARGE: usize = 1024 * 1024;

/// A posted form of up to 64 KiB.
pub struct Form(pub Parameters);

/// A posted form of up to 1 MiB.
pub struct SamlForm(pub Parameters);

/// Why a body is no form; knows how its endpoint tells errors.
#[derive(Debug)]
pub struct BadForm {
    fault: Fault,
    reference: String,
    json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the body is not application/x-www-form-urlencoded")]
    Type,
    #[error("the body is larger than {0} bytes")]
    Size(usize),
    #[error("the body broke off")]
    Broken,
    #[error(transparent)]
    Unreadable(#[from] crate::op::Unreadable),
}

impl std::fmt::Display for BadForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fault.fmt(f)
    }
}

impl ResponseError for BadForm {
    fn status_code(&self) -> StatusCode {
        match self.fault {
            Fault::Size(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Fault::Type if !self.json => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Fault::Type | Fault::Broken | Fault::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if self.json {
            oauth::error(self.status_code(), ErrorCode::InvalidRequest, &self.fault.to_string())
        } else {
            page::refused(
                self.status_code(),
                &self.reference,
                "This page cannot read what was sent.",
            )
        }
    }
}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, BadForm>>>>;

impl FromRequest for Form {
    type Error = BadForm;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read(&request, payload, SMALL).await.map(Self) })
    }
}

impl FromRequest for SamlForm {
    type Error = BadForm;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read(&request, payload, LARGE).await.map(Self) })
    }
}

async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Parameters, BadForm> {
    let bad = |fault| BadForm {
        fault,
        reference: context::reference(request).0,
        json: request.path().starts_with("/oauth2/"),
    };
    if !is_form(request) {
        return Err(bad(Fault::Type));
    }
    let body = collect(payload, limit).await.map_err(bad)?;
    Parameters::parse(&body).map_err(|unreadable| bad(unreadable.into()))
}

/// Whether the body claims to be `application/x-www-form-urlencoded`.
pub fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn collect(mut payload: Payload, limit: usize) -> Result<web::BytesMut, Fault> {
    let mut body = web::BytesMut::new();
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut payload).poll_next(context)).await;
        match next {
            None => return Ok(body),
            Some(Err(_)) => return Err(Fault::Broken),
            Some(Ok(chunk)) if body.len() + chunk.len() > limit => return Err(Fault::Size(limit)),
            Some(Ok(chunk)) => body.extend_from_slice(&chunk),
        }
    }
}
