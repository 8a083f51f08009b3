//! Signing out (OIDC RP-Initiated Logout 1.0, SAML Profiles §4.4), asked of the person unless the
//! application or the provider can show who it is.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError, http::StatusCode, middleware::from_fn, web,
};
use askama::Template;
use serde_json::json;

use super::{
    account::csrf_of,
    context::Context,
    cookies::Names,
    cors,
    form::{BadForm, SamlForm},
    login::{Posting, post_away},
    oauth, page,
    page::Page,
};
use crate::{
    broker::logout::{AtProvider, Delivered, LogoutError, Next, Refusal, SignOut, Step},
    domain::words::IdpId,
    op::Parameters,
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/oauth2/logout")
            .app_data(web::PayloadConfig::new(64 * 1024))
            .route(web::get().to(by_browser))
            .route(web::post().to(by_post))
            .wrap(from_fn(cors::with_token)),
    )
    .service(web::resource("/account/signed-out").route(web::get().to(signed_out)))
    .service(
        web::resource("/saml/{idp}/slo")
            .route(web::get().to(saml_by_redirect))
            .route(web::post().to(saml_by_post)),
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
struct SignedOut<'a> {
    provider: AtProvider,
    onward: Option<String>,
    frames: &'a [String],
}

#[derive(Template)]
#[template(path = "account/telling.html")]
struct Telling<'a> {
    onward: &'a str,
    frames: &'a [String],
}

/// `GET /oauth2/logout` — RP-Initiated Logout §2.
async fn by_browser(request: HttpRequest, context: Context) -> HttpResponse {
    sign_out(request.query_string(), None, &context).await
}

/// `POST /oauth2/logout`: with an access token it ends that session; by form as by GET.
async fn by_post(request: HttpRequest, context: Context, body: web::Bytes) -> HttpResponse {
    if let Some(presented) = oauth::presented(&request) {
        return match context.broker.sign_out_by_token(&presented, &context.caller).await {
            Ok(()) => HttpResponse::Ok().json(json!({})),
            Err(refusal) => oauth::access_refused(&context, &refusal),
        };
    }
    let form = Parameters::parse(&body).unwrap_or_default();
    let csrf = form.get("csrf");
    if let Some(query) = form.get("query") {
        return sign_out(query, csrf, &context).await;
    }
    // From another site it comes without our cookies (`SameSite=Lax`), so nobody knows whose session is
    // meant; the GET that follows has them.
    let query = form.to_query();
    if context.session().is_none() && query.len() <= oauth::LONGEST_QUERY {
        return page::see_other(&format!("/oauth2/logout?{query}"));
    }
    sign_out(&query, csrf, &context).await
}

async fn sign_out(query: &str, csrf: Option<&str>, context: &Context) -> HttpResponse {
    let asked = Parameters::parse(query.as_bytes()).unwrap_or_default();
    let own = context.session().map(csrf_of);
    let confirmed = own.is_some() && own.as_deref() == csrf;
    let Context { broker, caller, .. } = context;
    let (session, browser) = (context.session(), context.browser());
    match broker.sign_out_asked(&asked, session, browser, confirmed, caller).await {
        Err(error) => page::failed(context, &error),
        Ok(SignOut::Ask { leads_away }) => Page::ok()
            .leads_away(leads_away)
            .render(&Confirm { query, csrf: own.as_deref().unwrap_or_default() }),
        Ok(SignOut::Done(step)) => render(context, step),
    }
}

/// `GET /saml/{idp}/slo` — SAML Bindings §3.4; the query counts byte for byte.
async fn saml_by_redirect(
    idp: web::Path<String>,
    request: HttpRequest,
    context: Context,
) -> HttpResponse {
    let query = request.query_string().to_owned();
    saml(idp.into_inner(), Delivered::Redirect { query }, &context).await
}

/// `POST /saml/{idp}/slo` — SAML Bindings §3.5.
async fn saml_by_post(
    idp: web::Path<String>,
    context: Context,
    form: Result<SamlForm, BadForm>,
) -> HttpResponse {
    let form = match form {
        Ok(form) => form,
        Err(bad) => {
            let (idp, reason) = (IdpId(idp.into_inner()), bad.to_string());
            context.broker.unreadable_logout(&idp, reason, &context.caller).await;
            return bad.error_response();
        }
    };
    let field = |name: &str| form.0.get(name).map(str::to_owned);
    let delivered = Delivered::Post {
        saml_request: field("SAMLRequest"),
        saml_response: field("SAMLResponse"),
        relay_state: field("RelayState"),
    };
    saml(idp.into_inner(), delivered, &context).await
}

async fn saml(idp: String, delivered: Delivered, context: &Context) -> HttpResponse {
    let Context { broker, caller, .. } = context;
    match broker.saml_logout(&IdpId(idp), delivered, context.session(), caller).await {
        Ok(step) => render(context, step),
        Err(LogoutError::Failed(error)) => page::failed(context, &error),
        Err(LogoutError::Refused(refusal)) => refused(context, &refusal),
    }
}

/// Bland to the person, explained in the trace of this reference.
fn refused(context: &Context, refusal: &Refusal) -> HttpResponse {
    let (status, sentence) = match refusal {
        Refusal::NoProvider => (StatusCode::NOT_FOUND, "There is no such SAML connection."),
        Refusal::ProviderBroken(_) => (
            StatusCode::BAD_GATEWAY,
            "Your organization’s sign-in service cannot be used at the moment.",
        ),
        Refusal::UnknownRequest => {
            (StatusCode::BAD_REQUEST, "This sign-out was finished before, or took too long.")
        }
        Refusal::NoMember(_) | Refusal::Unreadable(_) | Refusal::Saml(_) | Refusal::Replayed => (
            StatusCode::BAD_REQUEST,
            "What your organization’s sign-in service sent about signing out was not accepted. To be \
             sure, sign out here and close the browser.",
        ),
    };
    page::refused(status, context.caller.reference.as_str(), sentence)
}

/// `GET /account/signed-out?handle=…`: the provider has answered; here the cookie proves the browser.
async fn signed_out(request: HttpRequest, context: Context) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let handle = query.get("handle").unwrap_or_default();
    match context.broker.continue_logout(handle, context.browser()).await {
        Ok(next) => respond(next, &[]),
        Err(error) => page::failed(&context, &error),
    }
}

/// Where a step leads, with the cookies that it sets and takes away.
pub fn render(context: &Context, step: Step) -> HttpResponse {
    let names = Names::of(&context.broker);
    let mut response = respond(step.next, &step.frames);
    // A request without the cookie says nothing of the session that the browser may have.
    let gone = (step.ends_cookie && context.session().is_some()).then(|| names.no_session());
    for cookie in gone.into_iter().chain(step.browser.map(|value| names.browser(value))) {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
    response
}

/// Frames have to be on a page: then it leads on instead of a redirect.
fn respond(next: Next, frames: &[String]) -> HttpResponse {
    match next {
        Next::SendToIdp { url } | Next::ReturnToClient { url } => lead_on(&url, frames),
        Next::Continue { handle } => {
            lead_on(&format!("/account/signed-out?handle={handle}"), frames)
        }
        Next::Farewell { provider, onward } => {
            Page::ok().with_frames(frames).render(&SignedOut { provider, onward, frames })
        }
        Next::PostToIdp { action, parameter, message, relay_state } => {
            let sentence =
                "You are signed out here. Your organization’s sign-in page is told as well.";
            let form = Posting::of_saml(sentence, &action, parameter, &message, &relay_state);
            post_away(Posting { frames, ..form })
        }
    }
}

fn lead_on(url: &str, frames: &[String]) -> HttpResponse {
    if frames.is_empty() {
        return page::see_other(url);
    }
    Page::ok().with_frames(frames).with_script().render(&Telling { onward: url, frames })
}
