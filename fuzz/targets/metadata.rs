//! Any text as a provider's metadata: read or refused in words, at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medict::sp::parse_metadata;

fuzz_target!(|text: &str| {
    match parse_metadata(text) {
        Ok(metadata) => assert!(metadata.certificates().next().is_some(), "a key that signs"),
        Err(invalid) => assert_eq!(invalid.path, "metadataXml"),
    }
});
