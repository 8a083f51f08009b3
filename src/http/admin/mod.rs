//! The administrators' pages.
//!
//! Comes in: forms of a signed-in person. Goes out: pages, or a redirect after a change.
//!
//! **Invariants**
//! * No page without an [`Admin`]: holding one is the proof that somebody is signed in.
//! * Every handler asks [`Admin::may`] first; every change also asks [`Admin::sent`].
//! * A refused form comes back as it was typed, the mistake at the top.

mod applications;
mod audit;
mod desk;
mod document;
mod frame;
mod keys;
mod organizations;
mod overview;
mod paging;
mod providers;
mod roles;
mod sheet;
mod terms;
mod traces;
mod users;

use actix_web::web;

use desk::{Admin, Answer};
pub use frame::Moment;
use frame::{Frame, Section, in_fours};
use paging::Pages;
use sheet::Sheet;

pub fn routes(app: &mut web::ServiceConfig) {
    app.configure(overview::routes)
        .configure(providers::routes)
        .configure(applications::routes)
        .configure(users::routes)
        .configure(organizations::routes)
        .configure(roles::routes)
        .configure(keys::routes)
        .configure(traces::routes)
        .configure(audit::routes);
}
