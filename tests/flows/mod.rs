//! Flows as stories: people, browsers and applications against the real broker, on both databases.

mod algorithms;
mod attacks;
mod calls;
mod client_assertions;
mod devices;
mod exchange;
mod federation;
mod federation_logout;
mod idp_initiated;
mod introspection;
mod keys;
mod logs;
mod metadata;
mod noise;
mod opaque;
mod refresh;
mod response_modes;
mod revocation;
mod sign_in;
mod single_logout;
mod tokens;
mod told;
