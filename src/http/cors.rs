//! Which pages of other origins may call us from a browser (Fetch §3.2): those that an application has
//! registered, compared exactly, with credentials.
//!
//! What opens anything is a token, a code or a secret in the request; an origin only says whose script may
//! read the answer.

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use crate::broker::Broker;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, accept, x-medplum, dpop");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("www-authenticate, retry-after, x-request-id, dpop-nonce");
/// Seconds that a browser may remember the answer to its preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

type Answer<B> = Result<ServiceResponse<EitherBody<B>>, Error>;

/// For what everybody may read.
pub async fn public<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    let preflight = is_preflight(&request);
    let mut response = respond(request, next).await?;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    Ok(response)
}

/// For endpoints that answer scripts.
pub async fn registered<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Answer<B> {
    let origin = registered_origin(&request);
    answer(request, next, origin).await
}

/// For an endpoint that answers browsers too: scripts are those that send a token, never those that send
/// the person's cookies.
pub async fn with_token<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Answer<B> {
    let script = is_preflight(&request) || request.headers().contains_key(header::AUTHORIZATION);
    let origin = registered_origin(&request).filter(|_| script);
    answer(request, next, origin).await
}

fn registered_origin(request: &ServiceRequest) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    let broker = request.app_data::<web::Data<Broker>>()?;
    broker.configuration().allows_origin(origin.to_str().ok()?).then(|| origin.clone())
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// A preflight never reaches the endpoint.
async fn respond<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    if is_preflight(&request) {
        return Ok(request.into_response(HttpResponse::NoContent()).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    origin: Option<HeaderValue>,
) -> Answer<B> {
    let preflight = is_preflight(&request);
    let mut response = respond(request, next).await?;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin else { return Ok(response) };
    let open = HeaderValue::from_static("true");
    let mut say = |name: HeaderName, value: HeaderValue| drop(headers.insert(name, value));
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    say(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, open);
    if preflight {
        say(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        say(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        say(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    } else {
        say(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    Ok(response)
}
