//! Pages: a template, a policy that says whether its forms lead away, and errors in one bland sentence.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use askama::Template;

use super::context::{self, Context};
use crate::broker::{
    self,
    login::{LoginError, Refusal},
};

/// A page that is rendered.
pub struct Page {
    status: StatusCode,
    away: bool,
    frames: Vec<String>,
    script: bool,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    sentence: &'a str,
    reference: &'a str,
    onward: Option<Onward<'a>>,
}

/// An address of ours to go on to, and the words of its link.
type Onward<'a> = (&'a str, &'a str);

const START: Onward = ("/", "Go to the start");

impl Page {
    pub const fn ok() -> Self {
        Self::status(StatusCode::OK)
    }

    pub const fn status(status: StatusCode) -> Self {
        Self { status, away: false, frames: Vec::new(), script: false }
    }

    /// The page's forms lead to others, by themselves or by redirects that follow. Where those lead on to is
    /// theirs to say, and `form-action` would hold for their redirects too: such a page goes without
    /// (`docs/decisions/0008-forms-that-lead-away.md`).
    pub fn leads_away(self, away: bool) -> Self {
        Self { away, ..self }
    }

    /// The page opens these addresses in frames.
    pub fn with_frames(mut self, addresses: &[String]) -> Self {
        let urls = addresses.iter().filter_map(|address| url::Url::parse(address).ok());
        self.frames.extend(urls.map(|url| url.origin().ascii_serialization()));
        self
    }

    /// The page has a script of ours.
    pub fn with_script(self) -> Self {
        Self { script: true, ..self }
    }

    pub fn render(self, template: &impl Template) -> HttpResponse {
        let html = match template.render() {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                return HttpResponse::InternalServerError().body("This page cannot be shown.");
            }
        };
        HttpResponse::build(self.status)
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CONTENT_SECURITY_POLICY, self.policy()))
            .body(html)
    }

    fn policy(&self) -> String {
        let script = if self.script { "script-src 'self'; " } else { "" };
        let listed = |origins: &[String]| -> String {
            origins.iter().map(|origin| format!(" {origin}")).collect()
        };
        let forms = if self.away { "" } else { "form-action 'self'; " };
        let frames = if self.frames.is_empty() {
            String::new()
        } else {
            format!("frame-src{}; ", listed(&self.frames))
        };
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; {script}{frames}\
             {forms}base-uri 'none'; frame-ancestors 'none'"
        )
    }
}

/// A refusal: one sentence for the person, the reference for whoever helps.
pub fn refused(status: StatusCode, reference: &str, sentence: &str) -> HttpResponse {
    error_page(status, "That did not work", sentence, reference, None)
}

fn error_page(
    status: StatusCode,
    title: &str,
    sentence: &str,
    reference: &str,
    onward: Option<Onward<'_>>,
) -> HttpResponse {
    Page::status(status).render(&ErrorPage { title, sentence, reference, onward })
}

/// Somebody who is signed in may not see this; perhaps as somebody else, or with another role.
pub fn not_allowed(reference: &str, name: &str) -> HttpResponse {
    let sentence = format!(
        "You are signed in as {name}, and your roles do not include this. Ask an administrator for the role \
         you need."
    );
    let account = ("/account", "Your account, and signing out");
    error_page(StatusCode::FORBIDDEN, "That did not work", &sentence, reference, Some(account))
}

/// The session ended while a form was being filled in.
pub fn not_saved(reference: &str, sign_in: &str) -> HttpResponse {
    let sentence = "You were signed out meanwhile, and nothing was saved. Your browser’s way back shows what you \
                    typed; copy it before you sign in again.";
    let onward = Some((sign_in, "Sign in"));
    error_page(StatusCode::FORBIDDEN, "Not saved", sentence, reference, onward)
}

/// An address that forms are sent to was opened by itself: a browser shows nothing for an empty 405, so
/// people get a page.
pub async fn explain_method<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let person = accepts.is_some_and(|types| types.contains("text/html"));
    let person = person && request.method().is_safe();
    let answer = next.call(request).await?.map_into_boxed_body();
    if !person || answer.status() != StatusCode::METHOD_NOT_ALLOWED {
        return Ok(answer);
    }
    let reference = context::reference(answer.request());
    let sentence = "There is nothing to be seen at this address; it is where forms are sent.";
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut page = error_page(status, "Not a page", sentence, reference.as_str(), Some(START));
    if let Some(allowed) = answer.headers().get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    Ok(answer.into_response(page))
}

/// Nothing is here.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    let reference = context::reference(&request);
    let sentence = "There is no page at this address.";
    error_page(StatusCode::NOT_FOUND, "Not found", sentence, reference.as_str(), Some(START))
}

/// A failure on our side: the cause goes to the log, never to the page.
pub fn failed(context: &Context, error: &broker::Error) -> HttpResponse {
    let reference = context.caller.reference.as_str();
    tracing::error!(reference, %error, "a request failed");
    let (status, sentence) = if error.is_temporary() {
        (StatusCode::SERVICE_UNAVAILABLE, "The service is busy. Please try again in a moment.")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
    };
    let mut response = error_page(status, "Please try again", sentence, reference, None);
    if error.is_temporary() {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
    }
    response
}

/// A login that was refused: bland to the person, explained in the trace of this reference.
pub fn login_failed(context: &Context, error: &LoginError) -> HttpResponse {
    login_refused(context, error, None)
}

/// The same, where the login stays and there may be another way to go.
pub fn way_failed(context: &Context, login: &str, error: &LoginError) -> HttpResponse {
    let href = format!("/login/{login}");
    let again = matches!(
        error,
        LoginError::Refused(
            Refusal::NoMetadata(_)
                | Refusal::Unreachable(_)
                | Refusal::ProviderBroken(_)
                | Refusal::NoProvider
        )
    );
    login_refused(context, error, again.then_some((&href, "Choose another way to sign in")))
}

fn login_refused(
    context: &Context,
    error: &LoginError,
    onward: Option<Onward<'_>>,
) -> HttpResponse {
    let refusal = match error {
        LoginError::Failed(error) => return failed(context, error),
        LoginError::Refused(refusal) => refusal,
    };
    let sentence = match refusal {
        Refusal::Unknown
        | Refusal::OtherBrowser
        | Refusal::OtherSession
        | Refusal::OutOfTurn(_) => {
            "This sign-in is no longer valid. Please go back to the application and begin again."
        }
        Refusal::NoMetadata(_)
        | Refusal::Unreachable(_)
        | Refusal::ProviderBroken(_)
        | Refusal::NoProvider => {
            "Your organization's sign-in service cannot be used at the moment."
        }
        Refusal::Unreadable(_)
        | Refusal::Saml(_)
        | Refusal::ReplayedAssertion
        | Refusal::Oidc(_)
        | Refusal::NotFresh
        | Refusal::BouncedAgain => {
            "The answer of your organization's sign-in service was not accepted."
        }
        Refusal::Mapping(_) | Refusal::NotAdmitted(_) | Refusal::Inactive => {
            "You do not have access with this account."
        }
        Refusal::WrongPassword | Refusal::Throttled(_) => "Signing in did not work.",
    };
    let reference = context.caller.reference.as_str();
    let mut response =
        error_page(status_of(refusal), "You are not signed in", sentence, reference, onward);
    if let Refusal::Throttled(seconds) = refusal {
        let value = header::HeaderValue::from(u64::try_from(*seconds).unwrap_or_default());
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

pub const fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Unknown
        | Refusal::OtherBrowser
        | Refusal::OtherSession
        | Refusal::OutOfTurn(_)
        | Refusal::NoProvider
        | Refusal::Unreadable(_)
        | Refusal::Saml(_)
        | Refusal::ReplayedAssertion
        | Refusal::Oidc(_)
        | Refusal::NotFresh
        | Refusal::BouncedAgain => StatusCode::BAD_REQUEST,
        Refusal::NoMetadata(_) | Refusal::ProviderBroken(_) | Refusal::Unreachable(_) => {
            StatusCode::BAD_GATEWAY
        }
        Refusal::Mapping(_)
        | Refusal::NotAdmitted(_)
        | Refusal::Inactive
        | Refusal::WrongPassword => StatusCode::FORBIDDEN,
        Refusal::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// A redirect that is followed by GET (RFC 9110 §15.4.4). An address that no header can hold, as an
/// application may have registered once, is a page.
pub fn see_other(url: &str) -> HttpResponse {
    match header::HeaderValue::from_str(url) {
        Ok(url) => HttpResponse::SeeOther().insert_header((header::LOCATION, url)).finish(),
        Err(_) => {
            let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
            tracing::error!(host, "a registered address holds a line break: register it anew");
            let sentence = "The address that this leads to is not registered as it should be.";
            refused(StatusCode::BAD_REQUEST, "", sentence)
        }
    }
}
