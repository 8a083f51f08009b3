//! For whoever watches: is the process up, and can it work.

use actix_web::{HttpResponse, web};

use super::context::Context;
use crate::domain::resource::SigningAlg;

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/healthz").route(web::get().to(healthz)))
        .service(web::resource("/readyz").route(web::get().to(readyz)));
}

/// The process answers.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The database answers and there are keys to sign with.
async fn readyz(context: Context) -> HttpResponse {
    let keys = context.broker.keys().signing(SigningAlg::RS256).is_ok();
    match context.broker.refresh().await {
        Ok(()) if keys => HttpResponse::Ok().content_type("text/plain").body("ready\n"),
        Ok(()) => HttpResponse::ServiceUnavailable().body("no signing keys\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable().body("database not available\n")
        }
    }
}
