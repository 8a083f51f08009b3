//! Pages: a template, a policy that names where its forms lead, and errors in one bland sentence.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
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
    form_action: Vec<String>,
    frames: Vec<String>,
    script: bool,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    sentence: &'a str,
    reference: &'a str,
    again: Option<&'a str>,
}

impl Page {
    pub const fn ok() -> Self {
        Self::status(StatusCode::OK)
    }

    pub const fn status(status: StatusCode) -> Self {
        Self { status, form_action: Vec::new(), frames: Vec::new(), script: false }
    }

    /// Other origins that the page's forms lead to, by themselves or by redirects that follow.
    pub fn leads_to(mut self, origins: impl IntoIterator<Item = String>) -> Self {
        self.form_action.extend(origins);
        self
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
        let elsewhere = listed(&self.form_action);
        let frames = if self.frames.is_empty() {
            String::new()
        } else {
            format!("frame-src{}; ", listed(&self.frames))
        };
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; {script}{frames}\
             form-action 'self'{elsewhere}; base-uri 'none'; frame-ancestors 'none'"
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
    again: Option<&str>,
) -> HttpResponse {
    Page::status(status).render(&ErrorPage { title, sentence, reference, again })
}

/// Nothing is here.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    let reference = context::reference(&request);
    let sentence = "There is no page at this address.";
    error_page(StatusCode::NOT_FOUND, "Not found", sentence, reference.as_str(), Some("/"))
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
        error_page(status_of(refusal), "You are not signed in", sentence, reference, None);
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
            tracing::error!(
                host,
                "a registered address holds a line break: register it anew"
            );
            let sentence = "The address that this leads to is not registered as it should be.";
            refused(StatusCode::BAD_REQUEST, "", sentence)
        }
    }
}
