//! Flows as stories: people, browsers and applications against the real broker, on both databases.

mod attacks;
mod federation;
mod idp_initiated;
mod keys;
mod logs;
mod metadata;
mod sign_in;
mod single_logout;
mod tokens;
