//! Reading an `AuthnRequest`, as far as a sample provider needs it.

use std::io::Read;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::DeflateDecoder;
use roxmltree::Document;

use super::SampleIdp;

/// What an `AuthnRequest` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedFor {
    /// Its `ID`.
    pub id: String,
    /// Where the answer goes.
    pub acs_url: String,
    /// The service provider's entityID.
    pub issuer: String,
    /// `ForceAuthn`.
    pub force_authn: bool,
    /// `IsPassive`.
    pub is_passive: bool,
    /// What goes back beside the answer, unchanged.
    pub relay_state: Option<String>,
}

/// The query or form holds no readable `SAMLRequest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no readable SAMLRequest")]
pub struct NotARequest;

/// Bytes that an inflated request may have.
pub(super) const LARGEST: u64 = 64 * 1024;

impl SampleIdp {
    /// Reads the query of a redirect: base64 of a deflated message (SAML Bindings §3.4.4.1).
    ///
    /// # Errors
    /// [`NotARequest`].
    pub fn read_redirect(&self, query: &str) -> Result<AskedFor, NotARequest> {
        let deflated = BASE64_STANDARD.decode(parameter(query, "SAMLRequest").ok_or(NotARequest)?);
        let deflated = deflated.map_err(|_| NotARequest)?;
        let mut xml = String::new();
        let mut inflater = DeflateDecoder::new(&deflated[..]).take(LARGEST);
        inflater.read_to_string(&mut xml).map_err(|_| NotARequest)?;
        read(&xml, parameter(query, "RelayState"))
    }

    /// Reads a posted form: base64 of the message (SAML Bindings §3.5.4).
    ///
    /// # Errors
    /// [`NotARequest`].
    pub fn read_form(&self, form: &str) -> Result<AskedFor, NotARequest> {
        let bytes = BASE64_STANDARD.decode(parameter(form, "SAMLRequest").ok_or(NotARequest)?);
        let xml = String::from_utf8(bytes.map_err(|_| NotARequest)?).map_err(|_| NotARequest)?;
        read(&xml, parameter(form, "RelayState"))
    }
}

pub(super) fn parameter(encoded: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn read(xml: &str, relay_state: Option<String>) -> Result<AskedFor, NotARequest> {
    let document = Document::parse(xml).map_err(|_| NotARequest)?;
    let root = document.root_element();
    let issuer = root.children().find(|child| child.tag_name().name() == "Issuer");
    let own = |name| root.attribute(name).map(str::to_owned);
    Ok(AskedFor {
        id: own("ID").ok_or(NotARequest)?,
        acs_url: own("AssertionConsumerServiceURL").ok_or(NotARequest)?,
        issuer: issuer.and_then(|issuer| issuer.text()).ok_or(NotARequest)?.to_owned(),
        force_authn: root.attribute("ForceAuthn") == Some("true"),
        is_passive: root.attribute("IsPassive") == Some("true"),
        relay_state,
    })
}
