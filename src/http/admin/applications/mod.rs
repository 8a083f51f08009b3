//! Client applications: the list, the form, the secret that is shown once, the tokens to register by.

mod edit;
mod inputs;
mod list;
mod registration;
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
        web::resource("/admin/registration")
            .route(web::get().to(registration::list))
            .route(web::post().to(registration::issue)),
    )
    .route("/admin/registration/{digest}", web::post().to(registration::end))
    .service(
        web::resource("/admin/applications/{id}")
            .route(web::get().to(edit::edit))
            .route(web::post().to(edit::update)),
    )
    .route("/admin/applications/{id}/secret", web::post().to(secret::renew));
}
