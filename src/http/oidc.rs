//! Our Relying Party endpoints, one set per identity provider.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{context::Context, login, page};
use crate::domain::words::IdpId;

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/oidc/{idp}/callback").route(web::get().to(callback)));
}

/// `GET /oidc/{idp}/callback` — OIDC Core §3.1.2.5.
async fn callback(idp: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let idp = IdpId(idp.into_inner());
    let (browser, session) = (context.browser(), context.session());
    let Context { broker, caller, .. } = &context;
    let query = request.query_string();
    match broker.oidc_callback(&idp, query, browser, session, caller).await {
        Ok(step) => login::render(&context, step),
        Err(error) => page::login_failed(&context, &error),
    }
}
