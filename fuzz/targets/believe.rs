//! Responses that were validly signed, then rearranged by a script: accepted means that the identity is the
//! one that was signed.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/sp/rearrange.rs"]
mod rearrange;
#[path = "../world.rs"]
mod world;

/// One message for each placement of signatures, plain and encrypted.
static MESSAGES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let ours = &world::SP.keys[0].certificate;
    let plain = [world::honest(), world::honest().sign_response(), world::honest().sign_both()];
    let sealed = plain.clone().map(|response| response.encrypted_for(ours));
    let parts = world::honest().parts_encrypted_for(ours);
    plain.into_iter().chain(sealed).chain([parts]).map(|response| response.build_xml()).collect()
});

fuzz_target!(init: {
    world::prepare();
    LazyLock::force(&MESSAGES);
}, |script: &[u8]| {
    let Some((first, script)) = script.split_first() else { return };
    let message = &MESSAGES[usize::from(*first) % MESSAGES.len()];
    let rearranged = rearrange::rearrange(message, script);
    if let Ok(verified) = world::verify(&BASE64_STANDARD.encode(&rearranged)) {
        world::check_is_ada(&verified, &rearranged);
    }
});
