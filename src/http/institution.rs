//! The page where a person picks the institution: a federation has thousands.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{context::Context, cookies::Names, form::Form, login, page, page::Page};
use crate::{
    broker::login::Members,
    domain::words::{IdpId, LoginId},
    op::Parameters,
};

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/login/{login}/institution")
            .route(web::get().to(search))
            .route(web::post().to(pick)),
    );
}

#[derive(Template)]
#[template(path = "login/institution.html")]
struct Institutions {
    members: Members,
}

/// `GET /login/{login}/institution?idp=…&q=…`.
async fn search(login: web::Path<String>, request: HttpRequest, context: Context) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let idp = IdpId::from(query.get("idp").unwrap_or_default());
    let last = request.cookie(Names::of(&context.broker).institution);
    let last = last.and_then(|cookie| Names::read_institution(cookie.value()));
    let typed = (query.get("q").unwrap_or_default(), last.as_deref());
    let Context { broker, caller, .. } = &context;
    let login = LoginId(login.into_inner());
    match broker.members(&login, &idp, typed, context.browser(), caller).await {
        Ok(members) => Page::ok().leads_away(true).render(&Institutions { members }),
        Err(error) => page::login_failed(&context, &error),
    }
}

/// `POST /login/{login}/institution`.
async fn pick(login: web::Path<String>, context: Context, form: Form) -> HttpResponse {
    let field = |name: &str| form.0.get(name).unwrap_or_default().to_owned();
    let (idp, entity_id) = (IdpId(field("idp")), field("entity"));
    let Context { broker, caller, .. } = &context;
    let login = LoginId(login.into_inner());
    match broker.pick_member(&login, &idp, &entity_id, context.browser(), caller).await {
        Ok(step) => {
            let mut response = login::render(&context, step);
            let cookie = Names::of(broker).institution(&entity_id);
            if let Err(error) = response.add_cookie(&cookie) {
                tracing::error!(%error, "a cookie could not be set");
            }
            response
        }
        Err(error) => page::login_failed(&context, &error),
    }
}
