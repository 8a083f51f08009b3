//! People: the list, the account, the roles.

mod edit;
mod inputs;
mod list;
mod roles;

use actix_web::web;

const KIND: &str = "User";

pub fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/admin/users")
            .route(web::get().to(list::list))
            .route(web::post().to(edit::create)),
    )
    .route("/admin/users/new", web::get().to(edit::new))
    .service(
        web::resource("/admin/users/{id}")
            .route(web::get().to(edit::edit))
            .route(web::post().to(edit::update)),
    )
    .route("/admin/users/{id}/roles", web::post().to(roles::grant))
    .route("/admin/users/{id}/roles/{grant}/revoke", web::post().to(roles::revoke));
}
