//! Signing out (OIDC RP-Initiated Logout 1.0), asked of the person unless the application can show who
//! it is.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::json;

use super::{account::csrf_of, context::Context, cookies::Names, oauth, page, page::Page};
use crate::{broker::session::SignOut, op::Parameters};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/oauth2/logout")
            .app_data(web::PayloadConfig::new(64 * 1024))
            .route(web::get().to(by_browser))
            .route(web::post().to(by_post)),
    );
}

#[derive(Template)]
#[template(path = "account/sign_out.html")]
struct Confirm<'a> {
    query: &'a str,
    csrf: &'a str,
}

#[derive(Template)]
#[template(path = "account/signed_out.html")]
struct SignedOut;

/// `GET /oauth2/logout` — RP-Initiated Logout §2.
async fn by_browser(request: HttpRequest, context: Context) -> HttpResponse {
    sign_out(request.query_string(), None, &context).await
}

/// `POST /oauth2/logout`: with a bearer token it ends that session; by form as by GET.
async fn by_post(request: HttpRequest, context: Context, body: web::Bytes) -> HttpResponse {
    if let Some(token) = oauth::bearer(&request) {
        return match context.broker.sign_out_by_token(token, &context.caller).await {
            Ok(()) => HttpResponse::Ok().json(json!({})),
            Err(refusal) => oauth::access_refused(&context, &refusal),
        };
    }
    let form = Parameters::parse(&body).unwrap_or_default();
    match form.get("query") {
        Some(query) => sign_out(query, form.get("csrf"), &context).await,
        None => sign_out(&String::from_utf8_lossy(&body), form.get("csrf"), &context).await,
    }
}

async fn sign_out(query: &str, csrf: Option<&str>, context: &Context) -> HttpResponse {
    let asked = Parameters::parse(query.as_bytes()).unwrap_or_default();
    let own = context.session().map(csrf_of);
    let confirmed = own.is_some() && own.as_deref() == csrf;
    let Context { broker, caller, .. } = context;
    match broker.sign_out_asked(&asked, context.session(), confirmed, caller).await {
        Err(error) => page::failed(context, &error),
        Ok(SignOut::Ask) => Page::ok()
            .leads_to(client_origin(&asked))
            .render(&Confirm { query, csrf: own.as_deref().unwrap_or_default() }),
        Ok(SignOut::Done { redirect: Some(url) }) => {
            without_session(context, page::see_other(&url))
        }
        Ok(SignOut::Done { redirect: None }) => {
            without_session(context, Page::ok().render(&SignedOut))
        }
    }
}

/// Where the form may lead: the browser follows a redirect only to where the page's policy allows. Whether
/// there is a redirect at all is decided by what is registered.
fn client_origin(asked: &Parameters) -> Option<String> {
    let url = url::Url::parse(asked.get("post_logout_redirect_uri")?).ok()?;
    url.origin().is_tuple().then(|| url.origin().ascii_serialization())
}

pub fn without_session(context: &Context, mut response: HttpResponse) -> HttpResponse {
    let cookie = Names::of(&context.broker).no_session();
    if let Err(error) = response.add_cookie(&cookie) {
        tracing::error!(%error, "a cookie could not be taken away");
    }
    response
}
