//! The administrators' pages.

use actix_web::web;

pub fn routes(_app: &mut web::ServiceConfig) {}
