//! Bodies of forms: of the right type, of a bounded size, each field once.

use std::{future::Future, pin::Pin};

use actix_multipart::Multipart;
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
/// What a form with files may hold, in bytes: metadata as a file, and once more as text.
const UPLOAD: usize = 3 * 1024 * 1024;

/// A posted form of up to 64 KiB.
pub struct Form(pub Parameters);

/// A posted authorization request of up to 64 KiB: what stands in it twice is for the application to hear.
pub struct RequestForm(pub Parameters);

/// A posted form of up to 1 MiB.
pub struct SamlForm(pub Parameters);

/// A posted form of up to 3 MiB that may bring files, each under the name of its field.
pub struct UploadForm(pub Parameters);

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
    #[error("a file is not UTF-8")]
    Text,
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
            Fault::Type | Fault::Text | Fault::Broken | Fault::Unreadable(_) => {
                StatusCode::BAD_REQUEST
            }
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

impl FromRequest for RequestForm {
    type Error = BadForm;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&request, payload, SMALL).await?;
            let read = Parameters::read(&body);
            read.map(Self).map_err(|unreadable| bad(&request, unreadable.into()))
        })
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

impl FromRequest for UploadForm {
    type Error = BadForm;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !has_type(&request, "multipart/form-data") {
                return read(&request, payload, UPLOAD).await.map(Self);
            }
            let parts = Multipart::new(request.headers(), payload);
            let form = collect_parts(parts, UPLOAD).await.map_err(|fault| bad(&request, fault))?;
            let read = Parameters::parse(form.as_bytes());
            read.map(Self).map_err(|unreadable| bad(&request, unreadable.into()))
        })
    }
}

async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Parameters, BadForm> {
    let body = read_body(request, payload, limit).await?;
    Parameters::parse(&body).map_err(|unreadable| bad(request, unreadable.into()))
}

async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<web::BytesMut, BadForm> {
    if !is_form(request) {
        return Err(bad(request, Fault::Type));
    }
    collect(payload, limit).await.map_err(|fault| bad(request, fault))
}

fn bad(request: &HttpRequest, fault: Fault) -> BadForm {
    let (reference, path) = (context::reference(request).0, request.path());
    BadForm { fault, reference, json: path.starts_with("/oauth2/") }
}

/// Whether the body claims to be `application/x-www-form-urlencoded`.
pub fn is_form(request: &HttpRequest) -> bool {
    has_type(request, "application/x-www-form-urlencoded")
}

fn has_type(request: &HttpRequest, wanted: &str) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(wanted)
}

/// The fields of a multipart body (RFC 7578), as the other kind of form would have them.
async fn collect_parts(mut parts: Multipart, limit: usize) -> Result<String, Fault> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let mut left = limit;
    while let Some(part) = next(&mut parts).await {
        let mut part = part.map_err(|_| Fault::Broken)?;
        let name = part.name().ok_or(Fault::Broken)?.to_owned();
        let mut value = Vec::new();
        while let Some(chunk) = next(&mut part).await {
            let chunk = chunk.map_err(|_| Fault::Broken)?;
            left = left.checked_sub(chunk.len()).ok_or(Fault::Size(limit))?;
            value.extend_from_slice(&chunk);
        }
        let value = String::from_utf8(value).map_err(|_| Fault::Text)?;
        form.append_pair(&name, value.strip_prefix('\u{feff}').unwrap_or(&value));
    }
    Ok(form.finish())
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

async fn collect(mut payload: Payload, limit: usize) -> Result<web::BytesMut, Fault> {
    let mut body = web::BytesMut::new();
    loop {
        match next(&mut payload).await {
            None => return Ok(body),
            Some(Err(_)) => return Err(Fault::Broken),
            Some(Ok(chunk)) if body.len() + chunk.len() > limit => return Err(Fault::Size(limit)),
            Some(Ok(chunk)) => body.extend_from_slice(&chunk),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn sent(parts: &[(&str, &str)]) -> Result<Parameters, BadForm> {
        let part = |(head, body): &(&str, &str)| {
            format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
        };
        let body = parts.iter().map(part).collect::<String>() + "--x--\r\n";
        let request =
            TestRequest::post().insert_header((CONTENT_TYPE, "multipart/form-data; boundary=x"));
        let (request, mut payload) = request.set_payload(body).to_http_parts();
        UploadForm::from_request(&request, &mut payload).await.map(|form| form.0)
    }

    #[actix_web::test]
    async fn files_are_fields() {
        let file = "name=\"file/metadata\"; filename=\"m.xml\"\r\nContent-Type: text/xml";
        let read = sent(&[("name=\"a\"", "1 + 1"), (file, "\u{feff}<a/>")]).await.expect("read");
        assert_eq!((read.get("a"), read.get("file/metadata")), (Some("1 + 1"), Some("<a/>")));
    }

    #[actix_web::test]
    async fn giants_and_repetitions_are_refused() {
        let giant = "x".repeat(UPLOAD + 1);
        let refused = sent(&[("name=\"a\"", &giant)]).await.err().map(|bad| bad.status_code());
        assert_eq!(refused, Some(StatusCode::PAYLOAD_TOO_LARGE));
        let refused = sent(&[("name=\"a\"", "1"), ("name=\"a\"", "2")]).await.err();
        assert_eq!(refused.map(|bad| bad.status_code()), Some(StatusCode::BAD_REQUEST));
    }
}
