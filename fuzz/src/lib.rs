//! The rooms under test, and nothing that serves, stores or draws: builds in a minute, whatever the flags.

#[path = "../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../src/sp/mod.rs"]
pub mod sp;

/// The neighbours that speak SAML.
#[path = "../../src/samples"]
pub mod samples {
    pub mod saml_idp;
}
