//! A person's own pages.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{admin::Moment, context::Context, form::Form, logout, page, page::Page};
use crate::{
    broker::{accounts::PasswordError, login::Given, session::SignedIn},
    crypto::{same, sha256_base64url},
    op::Parameters,
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/").route(web::get().to(home)))
        .service(web::resource("/account").route(web::get().to(account)))
        .service(web::resource("/account/sign-out").route(web::post().to(sign_out)))
        .service(
            web::resource("/account/set-password")
                .route(web::get().to(ask_new_password))
                .route(web::post().to(set_password)),
        );
}

#[derive(Template)]
#[template(path = "account/home.html")]
struct Account<'a> {
    name: String,
    email: &'a str,
    username: &'a str,
    roles: Vec<String>,
    provider: String,
    since: Moment,
    csrf: String,
    administers: bool,
    applications: Vec<Given>,
}

#[derive(Template)]
#[template(path = "account/welcome.html")]
struct Welcome;

#[derive(Template)]
#[template(path = "account/set_password.html")]
struct SetPassword<'a> {
    link: &'a str,
    who: &'a str,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "account/password_set.html")]
struct PasswordSet;

/// What a form of a signed-in person carries, so that no other site can post it.
pub fn csrf_of(session: &str) -> String {
    sha256_base64url(format!("csrf {session}"))
}

/// Whether the form came from a page of ours for this session.
pub fn is_own_form(context: &Context, form: &Parameters) -> bool {
    let (session, given) = (context.session().unwrap_or_default(), form.get("csrf"));
    !session.is_empty() && given.is_some_and(|given| same(given, csrf_of(session)))
}

/// The refusal of a form that did not.
pub fn foreign_form(context: &Context) -> HttpResponse {
    let reference = context.caller.reference.as_str();
    let text = "This form is out of date. Please go back, load the page again and repeat.";
    page::refused(StatusCode::FORBIDDEN, reference, text)
}

/// The person who is signed in; else the answer that asks for a sign-in and comes back.
pub async fn person(context: &Context, request: &HttpRequest) -> Result<SignedIn, HttpResponse> {
    match context.broker.signed_in(context.session()).await {
        Ok(Some(signed_in)) => Ok(signed_in),
        Ok(None) if request.method().is_safe() => {
            let path = request.uri().path_and_query().map_or("/account", |path| path.as_str());
            Err(page::see_other(&sign_in_to(path)))
        }
        Ok(None) => {
            let reference = context.caller.reference.as_str();
            Err(page::not_saved(reference, &sign_in_to(request.path())))
        }
        Err(error) => Err(page::failed(context, &error)),
    }
}

/// The sign-in that ends at this page.
fn sign_in_to(path: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", path);
    format!("/login?{}", query.finish())
}

async fn home(context: Context) -> HttpResponse {
    match context.broker.signed_in(context.session()).await {
        Ok(Some(_)) => page::see_other("/account"),
        Ok(None) => Page::ok().render(&Welcome),
        Err(error) => page::failed(&context, &error),
    }
}

/// `GET /account`: who is signed in.
async fn account(request: HttpRequest, context: Context) -> HttpResponse {
    let signed_in = match person(&context, &request).await {
        Ok(signed_in) => signed_in,
        Err(answer) => return answer,
    };
    let broker = &context.broker;
    let by = &signed_in.session.authentication;
    let session = &signed_in.session;
    let (provider, follows) =
        match (broker.provider_of(session).await, broker.may_follow(session).await) {
            (Ok(provider), Ok(follows)) => (provider, follows),
            (Err(error), _) | (_, Err(error)) => return page::failed(&context, &error),
        };
    let applications = match broker.consents_of(&by.user).await {
        Ok(applications) => applications,
        Err(error) => return page::failed(&context, &error),
    };
    let powers = broker.powers(&signed_in.granted);
    Page::ok().leads_away(follows).render(&Account {
        name: signed_in.account.display_name().unwrap_or_default(),
        email: signed_in.account.email.as_deref().unwrap_or_default(),
        username: signed_in.account.username.as_deref().unwrap_or_default(),
        roles: broker.role_names(&signed_in.granted),
        provider: provider.unwrap_or_else(|| "Medict, with a password".to_owned()),
        since: Moment::new(by.auth_time),
        csrf: csrf_of(context.session().unwrap_or_default()),
        administers: powers.permit("IdentityProvider", "read", None),
        applications,
    })
}

/// `POST /account/sign-out`.
async fn sign_out(context: Context, form: Form) -> HttpResponse {
    if !is_own_form(&context, &form.0) {
        return foreign_form(&context);
    }
    let Context { broker, caller, .. } = &context;
    match broker.sign_out(context.session(), context.browser(), caller).await {
        Ok(step) => logout::render(&context, step),
        Err(error) => page::failed(&context, &error),
    }
}

/// `GET /account/set-password?link=…`: a one-time link.
async fn ask_new_password(request: HttpRequest, context: Context) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    new_password_page(&context, query.get("link").unwrap_or_default(), None).await
}

async fn new_password_page(context: &Context, link: &str, problem: Option<String>) -> HttpResponse {
    match context.broker.invited(link).await {
        Err(error) => password_failed(context, &error),
        Ok(account) => {
            let status =
                if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            let who = account.email.or(account.username).unwrap_or_default();
            Page::status(status).render(&SetPassword { link, who: &who, problem })
        }
    }
}

/// `POST /account/set-password`.
async fn set_password(context: Context, form: Form) -> HttpResponse {
    let link = form.0.get("link").unwrap_or_default();
    let new = form.0.get("password").unwrap_or_default().to_owned();
    if form.0.get("again") != Some(new.as_str()) {
        let problem = "The two passwords are not the same.".to_owned();
        return new_password_page(&context, link, Some(problem)).await;
    }
    match context.broker.set_password(link, new, &context.caller).await {
        Ok(()) => Page::ok().render(&PasswordSet),
        Err(PasswordError::Weak(weak)) => {
            new_password_page(&context, link, Some(format!("Please {weak}."))).await
        }
        Err(error) => password_failed(&context, &error),
    }
}

fn password_failed(context: &Context, error: &PasswordError) -> HttpResponse {
    match error {
        PasswordError::Failed(error) => page::failed(context, error),
        PasswordError::DeadLink | PasswordError::Weak(_) => {
            let reference = context.caller.reference.as_str();
            let text = "This link is not valid any more. Please ask for a new one.";
            page::refused(StatusCode::GONE, reference, text)
        }
    }
}
