//! Any query as a message by redirect: unescaped, inflated within bounds, parsed.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../world.rs"]
mod world;

fuzz_target!(|query: &str| {
    let _ = world::IDP.read_redirect(query);
});
