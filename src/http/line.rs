//! One log line per request, and the headers that every answer has.

use std::time::Duration;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web,
};

use super::context;
use crate::{broker::Broker, domain::words::Reference};

/// Headers of every answer, unless the handler set its own (RFC 9700 §4.16, ASVS V3).
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
];

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const HSTS: &str = "max-age=31536000; includeSubDomains";

/// Names the request, answers it, and writes its line. Paths with secrets have none in them: queries
/// are left out.
pub async fn log<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let reference = context::mark(&request);
    let broker = request.app_data::<web::Data<Broker>>().cloned();
    let began = broker.as_ref().map(|broker| broker.clock.instant());
    let method = request.method().clone();
    if request.path().contains("%00") {
        return Err(actix_web::error::ErrorNotFound("There is no page at this address."));
    }
    let mut response = next.call(request).await?;
    let https = broker.as_ref().is_some_and(|broker| broker.settings.is_https());
    dress(response.headers_mut(), &reference, https);
    if !is_on_the_way(response.request().path()) {
        response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    // The pattern, not the path: a path holds identifiers of logins.
    let path = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let status = response.status().as_u16();
    let took = broker.zip(began).map(|(broker, began)| broker.clock.instant() - began);
    let took = u64::try_from(took.unwrap_or(Duration::ZERO).as_micros()).unwrap_or(u64::MAX);
    let (reference, method) = (reference.as_str(), method.as_str());
    tracing::info!(
        reference,
        method,
        path,
        status,
        microseconds = took,
        "{method} {path} {status}"
    );
    Ok(response)
}

/// Whether a sign-in or a sign-out passes here. An application may have opened it in a window of its own, which has to find
/// the one that opened it once it is back: no answer on the way may sever the two.
fn is_on_the_way(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    matches!(
        segments[..],
        ["oauth2", "authorize" | "logout"]
            | ["login", ..]
            | ["oidc", _, "callback"]
            | ["saml", _, "acs" | "slo"]
            | ["account", "signed-out"]
    )
}

fn dress(headers: &mut header::HeaderMap, reference: &Reference, https: bool) {
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    if let Ok(value) = HeaderValue::from_str(reference.as_str()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::is_on_the_way;

    #[test]
    fn a_popup_keeps_its_opener_on_the_way_and_nowhere_else() {
        for (path, on_the_way) in [
            ("/oauth2/authorize", true),
            ("/login", true),
            ("/login/123/consent", true),
            ("/oidc/corporate/callback", true),
            ("/saml/corporate/acs", true),
            ("/saml/corporate/slo", true),
            ("/saml/corporate/metadata", false),
            ("/oauth2/logout", true),
            ("/account/signed-out", true),
            ("/oauth2/authorize/x", false),
            ("/loginx", false),
            ("/account", false),
            ("/admin/users", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(is_on_the_way(path), on_the_way, "{path}");
        }
    }
}
