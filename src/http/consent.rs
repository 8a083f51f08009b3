//! The page that asks before an application learns of a person, and the place where he takes it back.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{
    account::{csrf_of, foreign_form, is_own_form, person},
    context::Context,
    form::Form,
    login, page,
    page::Page,
};
use crate::{
    broker::login::Question,
    domain::words::{ClientId, LoginId},
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/login/{login}/consent")
            .route(web::get().to(ask))
            .route(web::post().to(answer)),
    )
    .service(web::resource("/account/applications").route(web::post().to(withdraw)));
}

#[derive(Template)]
#[template(path = "login/consent.html")]
struct Ask {
    question: Question,
    csrf: String,
}

/// `GET /login/{login}/consent`: may this application know you?
async fn ask(login: web::Path<String>, context: Context) -> HttpResponse {
    let Context { broker, caller, .. } = &context;
    let (browser, session) = (context.browser(), context.session());
    let login = LoginId(login.into_inner());
    match broker.question(&login, browser, session, caller).await {
        Ok(question) => {
            let csrf = csrf_of(context.session().unwrap_or_default());
            Page::ok().leads_away(true).render(&Ask { question, csrf })
        }
        Err(error) => page::login_failed(&context, &error),
    }
}

/// `POST /login/{login}/consent`: either answer counts only from that page.
async fn answer(login: web::Path<String>, context: Context, form: Form) -> HttpResponse {
    if !is_own_form(&context, &form.0) {
        return foreign_form(&context);
    }
    let Context { broker, caller, .. } = &context;
    let (browser, session) = (context.browser(), context.session());
    let (login, agrees) = (LoginId(login.into_inner()), form.0.get("answer") == Some("yes"));
    match broker.answer_question(&login, agrees, browser, session, caller).await {
        Ok(step) => login::render(&context, step),
        Err(error) => page::login_failed(&context, &error),
    }
}

/// `POST /account/applications`: takes back what an application was allowed.
async fn withdraw(request: HttpRequest, context: Context, form: Form) -> HttpResponse {
    let signed_in = match person(&context, &request).await {
        Ok(signed_in) => signed_in,
        Err(answer) => return answer,
    };
    if !is_own_form(&context, &form.0) {
        return foreign_form(&context);
    }
    let client = ClientId::from(form.0.get("client").unwrap_or_default());
    let Context { broker, caller, .. } = &context;
    match broker.withdraw_consent(&signed_in.session, client, caller).await {
        Ok(()) => page::see_other("/account"),
        Err(error) => page::failed(&context, &error),
    }
}
