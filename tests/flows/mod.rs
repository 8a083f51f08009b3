//! Flows as stories: people, browsers and applications against the real broker, on both databases.

mod attacks;
mod idp_initiated;
mod logs;
mod sign_in;
mod single_logout;
mod tokens;
