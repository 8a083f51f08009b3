//! Identity providers: the list, and forms by protocol.

mod edit;
mod inputs;
mod list;
mod metadata;

use actix_web::web;

const KIND: &str = "IdentityProvider";

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/admin/providers")
            .route(web::get().to(list::list))
            .route(web::post().to(edit::create)),
    )
    .route("/admin/providers/new", web::get().to(edit::new))
    .service(
        web::resource("/admin/providers/{id}")
            .route(web::get().to(edit::edit))
            .route(web::post().to(edit::update)),
    )
    .route("/admin/providers/{id}/enabled", web::post().to(edit::switch))
    .route("/admin/providers/{id}/metadata", web::post().to(metadata::fetch))
    .route("/admin/providers/{id}/metadata/held", web::post().to(metadata::decide))
    .route("/admin/providers/{id}/metadata/keys", web::post().to(metadata::end_key));
}
