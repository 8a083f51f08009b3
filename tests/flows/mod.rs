//! Flows as stories: people, browsers and applications against the real broker, on both databases.

mod attacks;
mod calls;
mod idp_initiated;
mod introspection;
mod logs;
mod refresh;
mod revocation;
mod sign_in;
mod single_logout;
mod tokens;
