//! Our SAML endpoints, one set per identity provider.

use actix_web::{HttpResponse, ResponseError, http::StatusCode, web};

use super::{
    context::Context,
    form::{BadForm, SamlForm},
    login, page,
};
use crate::domain::words::IdpId;

/// How our metadata is wanted.
#[derive(serde::Deserialize)]
struct Wanted {
    #[serde(default)]
    signed: bool,
}

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/saml/{idp}/metadata").route(web::get().to(metadata)))
        .service(web::resource("/saml/{idp}/acs").route(web::post().to(acs)));
}

/// `GET /saml/{idp}/metadata` — SAML Metadata §2.4.4: what the provider must know of us; with
/// `?signed=true` it carries our signature.
async fn metadata(
    idp: web::Path<String>,
    context: Context,
    query: web::Query<Wanted>,
) -> HttpResponse {
    match context.broker.sp_metadata(&IdpId(idp.into_inner()), query.signed) {
        Ok(Some(xml)) => HttpResponse::Ok().content_type("application/samlmetadata+xml").body(xml),
        Ok(None) => {
            let reference = context.caller.reference.as_str();
            page::refused(StatusCode::NOT_FOUND, reference, "There is no such SAML connection.")
        }
        Err(error) => page::failed(&context, &error),
    }
}

/// `POST /saml/{idp}/acs` — SAML Bindings §3.5.4, Profiles §4.1.4.3.
async fn acs(
    idp: web::Path<String>,
    context: Context,
    form: Result<SamlForm, BadForm>,
) -> HttpResponse {
    let idp = IdpId(idp.into_inner());
    let form = match form {
        Ok(form) => form,
        Err(bad) => {
            context.broker.unreadable_response(&idp, bad.to_string(), &context.caller).await;
            return bad.error_response();
        }
    };
    let field = |name: &str| form.0.get(name).unwrap_or_default();
    let (response, relay_state) = (field("SAMLResponse").to_owned(), field("RelayState"));
    let Context { broker, caller, .. } = &context;
    match broker.saml_response(&idp, response, relay_state, caller).await {
        Ok(step) => login::render(&context, step),
        Err(error) => page::login_failed(&context, &error),
    }
}
