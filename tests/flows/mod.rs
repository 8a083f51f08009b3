//! Flows as stories: people, browsers and applications against the real broker, on both databases.

mod algorithms;
mod attacks;
mod calls;
mod claims;
mod client_assertions;
pub mod consent;
mod damaged;
mod devices;
mod dpop;
mod federation;
mod federation_logout;
mod front_channel;
mod idp_initiated;
mod introspection;
mod keys;
mod logs;
mod metadata;
mod pushed_requests;
mod refresh;
mod registration;
mod requests;
pub mod response_modes;
mod revocation;
mod sign_in;
mod single_logout;
mod tokens;
mod told;
