//! Flows as stories: people, browsers and applications against the real broker, on both databases.

mod attacks;
mod calls;
mod devices;
mod federation;
mod federation_logout;
mod idp_initiated;
mod introspection;
mod keys;
mod logs;
mod metadata;
mod refresh;
mod response_modes;
mod revocation;
mod sign_in;
mod single_logout;
mod tokens;
mod told;
