//! Devices without a keyboard (RFC 8628): their endpoint, and the page where a person lets them in.

use actix_web::{
    HttpRequest, HttpResponse, http::StatusCode, http::header, middleware::from_fn, web,
};
use askama::Template;

use super::{
    account::{csrf_of, foreign_form, is_own_form, person},
    context::Context,
    cors,
    form::Form,
    oauth, page,
    page::Page,
};
use crate::{
    broker::devices::{Asked, DeviceError},
    op::Parameters,
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/oauth2/device_authorization")
            .route(web::post().to(begin))
            .wrap(from_fn(cors::registered)),
    )
    .service(web::resource("/device").route(web::get().to(ask)).route(web::post().to(decide)));
}

#[derive(Template)]
#[template(path = "device/enter.html")]
struct Enter<'a> {
    code: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "device/confirm.html")]
struct Confirm<'a> {
    asked: &'a Asked,
    who: &'a str,
    csrf: &'a str,
}

#[derive(Template)]
#[template(path = "device/done.html")]
struct Done<'a> {
    application: &'a str,
    admitted: bool,
}

/// `POST /oauth2/device_authorization` — RFC 8628 §3.1.
async fn begin(request: HttpRequest, context: Context, form: Form) -> HttpResponse {
    let authorization = oauth::authorization(&request);
    match context.broker.begin_device(authorization, &form.0, &context.caller).await {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(error) => oauth::token_refused(&context, &error),
    }
}

/// `GET /device?user_code=…` — RFC 8628 §3.3. A code in the address is shown and asked about, never taken for
/// an answer (§5.4).
async fn ask(request: HttpRequest, context: Context) -> HttpResponse {
    let signed_in = match person(&context, &request).await {
        Ok(signed_in) => signed_in,
        Err(answer) => return answer,
    };
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let Some(code) = query.get("user_code") else {
        return Page::ok().render(&Enter { code: "", problem: None });
    };
    match context.broker.device_asked(code, &signed_in).await {
        Ok(asked) => {
            let csrf = csrf_of(context.session().unwrap_or_default());
            let who = signed_in.account.called();
            Page::ok().render(&Confirm { asked: &asked, who: &who, csrf: &csrf })
        }
        Err(error) => refused(&context, code, &error),
    }
}

/// `POST /device`: the person's answer.
async fn decide(request: HttpRequest, context: Context, Form(form): Form) -> HttpResponse {
    let signed_in = match person(&context, &request).await {
        Ok(signed_in) => signed_in,
        Err(answer) => return answer,
    };
    if !is_own_form(&context, &form) {
        return foreign_form(&context);
    }
    let code = form.get("user_code").unwrap_or_default();
    let admitted = form.get("answer") == Some("yes");
    match context.broker.decide_device(code, admitted, &signed_in, &context.caller).await {
        Ok(asked) => Page::ok().render(&Done { application: &asked.application, admitted }),
        Err(error) => refused(&context, code, &error),
    }
}

fn refused(context: &Context, code: &str, error: &DeviceError) -> HttpResponse {
    let (status, sentence) = match error {
        DeviceError::Failed(error) => return page::failed(context, error),
        DeviceError::Unknown => (
            StatusCode::NOT_FOUND,
            "No device waits with this code. Codes are good for ten minutes; compare it with the \
             device, or begin there again.",
        ),
        DeviceError::NotOffered => (
            StatusCode::FORBIDDEN,
            "This application is not for your organization’s accounts. Sign in with another one.",
        ),
        DeviceError::Throttled(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many codes were tried. Please wait a minute and try again.",
        ),
    };
    let mut answer = Page::status(status).render(&Enter { code, problem: Some(sentence) });
    if let DeviceError::Throttled(seconds) = error {
        answer.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
    }
    answer
}
