//! Style and script of the pages: small, ours, compiled in.

use actix_web::{HttpResponse, http::header, web};

const STYLE: &str = include_str!("../../templates/assets/medict.css");
const SUBMIT: &str = include_str!("../../templates/assets/submit.js");
const ICON: &str = include_str!("../../templates/assets/icon.svg");

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/assets/medict.css")
            .route(web::get().to(|| asset("text/css; charset=utf-8", STYLE))),
    )
    .service(
        web::resource("/assets/submit.js")
            .route(web::get().to(|| asset("text/javascript", SUBMIT))),
    )
    .service(
        web::resource("/assets/icon.svg").route(web::get().to(|| asset("image/svg+xml", ICON))),
    );
}

async fn asset(kind: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(text)
}
