//! Client applications: the list, the form, the secret that is shown once.

mod edit;
mod inputs;
mod list;
mod secret;

use actix_web::web;

const KIND: &str = "ClientApplication";

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/admin/applications")
            .route(web::get().to(list::list))
            .route(web::post().to(edit::create)),
    )
    .route("/admin/applications/new", web::get().to(edit::new))
    .service(
        web::resource("/admin/applications/{id}")
            .route(web::get().to(edit::edit))
            .route(web::post().to(edit::update)),
    )
    .route("/admin/applications/{id}/secret", web::post().to(secret::renew));
}
