//! Any bytes at all as a response: guard, parser, shape. Nothing but a rejection comes out, at once.
#![no_main]

use base64::{Engine, prelude::BASE64_STANDARD};
use libfuzzer_sys::fuzz_target;

#[path = "../world.rs"]
mod world;

fuzz_target!(init: world::prepare(), |bytes: &[u8]| {
    assert!(world::verify(&BASE64_STANDARD.encode(bytes)).is_err(), "nobody signed this");
});
