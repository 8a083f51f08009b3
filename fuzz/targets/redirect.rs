//! Any query as a logout message by redirect: cut up, inflated within bounds, parsed; nobody signed it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medict::sp::{Delivered, redirect_query::RedirectQuery};

#[path = "../world.rs"]
mod world;

fuzz_target!(init: world::prepare(), |query: &str| {
    if let Ok(read) = RedirectQuery::parse(query) {
        let length = read.inflate().map_or(0, |bytes| bytes.len());
        assert!(length <= 256 * 1024, "{length} bytes");
    }
    let delivered = Delivered::Redirect { query: query.to_owned() };
    assert!(world::logout(&delivered).is_err(), "nobody signed this");
});
