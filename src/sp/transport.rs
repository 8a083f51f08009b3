//! How our messages travel: by redirect with a signed query, or by POST with a signature inside (SAML
//! Bindings §3.4, §3.5).

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::DeflateEncoder};
use openssl::{error::ErrorStack, hash::MessageDigest};
use url::form_urlencoded::byte_serialize;

use crate::domain::{resource::SsoBinding, words::RequestId};

use super::{
    algorithms::SignatureMethod,
    c14n::{Method, canonicalize},
    certificates::to_base64,
    escape,
    names::{DS, ENVELOPED, EXC_C14N},
    service_provider::SpKey,
    tree::Tree,
    xml::Comments,
};

/// A message for the browser to carry to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Answer with a redirect to `url`.
    Redirect {
        /// Complete, signature included.
        url: String,
    },
    /// Answer with a form that posts itself to `action`.
    Post {
        /// The provider's endpoint.
        action: String,
        /// The form field that holds the message: `SAMLRequest` or `SAMLResponse`.
        parameter: &'static str,
        /// The message, base64.
        message: String,
        /// The form field `RelayState`.
        relay_state: String,
    },
}

/// Why a message cannot be sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotBuilt {
    /// This message has to be signed, and we have no key that signs.
    #[error("there is no key to sign messages with")]
    NoKey,
    /// The message could not be written.
    #[error("the message cannot be written")]
    NotWritten,
    /// OpenSSL refused to sign.
    #[error("the message cannot be signed: {0}")]
    NotSigned(#[from] ErrorStack),
}

/// A message that is written and waits for its envelope.
pub(super) struct Letter<'a> {
    /// `SAMLRequest` or `SAMLResponse`.
    pub(super) parameter: &'static str,
    /// The message's `ID`.
    pub(super) id: &'a RequestId,
    pub(super) xml: &'a str,
    /// The provider's endpoint.
    pub(super) url: &'a str,
    /// Empty: none.
    pub(super) relay_state: &'a str,
}

fn method_for(key: &SpKey) -> Result<&'static SignatureMethod, NotBuilt> {
    SignatureMethod::ours(&key.key).ok_or(NotBuilt::NoKey)
}

impl Letter<'_> {
    /// Signed with `key`, if there is one, the way that the binding wants it.
    pub(super) fn send(
        &self,
        binding: SsoBinding,
        key: Option<&SpKey>,
    ) -> Result<Outgoing, NotBuilt> {
        match binding {
            SsoBinding::Redirect => self.redirect(key),
            SsoBinding::Post => self.post(key),
        }
    }

    /// Message, `RelayState`, `SigAlg`, in this order, then `Signature` over just these bytes.
    fn redirect(&self, key: Option<&SpKey>) -> Result<Outgoing, NotBuilt> {
        let deflated = deflate(self.xml).map_err(|_| NotBuilt::NotWritten)?;
        let message = encode(&BASE64_STANDARD.encode(deflated));
        let mut query = format!("{}={message}", self.parameter);
        if !self.relay_state.is_empty() {
            query += &format!("&RelayState={}", encode(self.relay_state));
        }
        if let Some(key) = key {
            let method = method_for(key)?;
            query += &format!("&SigAlg={}", encode(method.uri));
            let signature = method.sign(&key.key, query.as_bytes())?;
            query += &format!("&Signature={}", encode(&BASE64_STANDARD.encode(signature)));
        }
        let base = self.url.split('#').next().unwrap_or(self.url);
        let join = if base.contains('?') { '&' } else { '?' };
        Ok(Outgoing::Redirect { url: format!("{base}{join}{query}") })
    }

    fn post(&self, key: Option<&SpKey>) -> Result<Outgoing, NotBuilt> {
        let signed = key.map(|key| sign_behind_issuer(self.xml, self.id, key)).transpose()?;
        Ok(Outgoing::Post {
            action: self.url.to_owned(),
            parameter: self.parameter,
            message: BASE64_STANDARD.encode(signed.as_deref().unwrap_or(self.xml)),
            relay_state: self.relay_state.to_owned(),
        })
    }
}

fn deflate(xml: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes())?;
    encoder.finish()
}

fn encode(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect()
}

/// The place of a signature in a message (SAML Core §3.2.1).
fn sign_behind_issuer(xml: &str, id: &RequestId, key: &SpKey) -> Result<String, NotBuilt> {
    let issuer_end = "</saml2:Issuer>";
    let place = xml.find(issuer_end).ok_or(NotBuilt::NotWritten)? + issuer_end.len();
    sign_enveloped(xml, place, id.as_str(), key)
}

/// Puts an enveloped signature over the whole of `xml`, whose root has this `id`, at `place` (SAML Core §5.4).
pub(super) fn sign_enveloped(
    xml: &str,
    place: usize,
    id: &str,
    key: &SpKey,
) -> Result<String, NotBuilt> {
    let tree = Tree::parse(xml, Comments::Refused).map_err(|_| NotBuilt::NotWritten)?;
    let mut covered = String::with_capacity(xml.len());
    canonicalize(&mut covered, tree.root(), None, &Method::Exclusive(Vec::new()))
        .map_err(|_| NotBuilt::NotWritten)?;
    let digest = openssl::hash::hash(MessageDigest::sha256(), covered.as_bytes())?;
    let method = method_for(key)?;
    let info = signed_info(method.uri, id, &BASE64_STANDARD.encode(digest));
    let declared =
        info.replacen("<ds:SignedInfo>", &format!("<ds:SignedInfo xmlns:ds=\"{DS}\">"), 1);
    let value = BASE64_STANDARD.encode(method.sign(&key.key, declared.as_bytes())?);
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        to_base64(&key.certificate)?,
    );
    Ok(format!("{}{signature}{}", &xml[..place], &xml[place..]))
}

/// In canonical form but for the declaration of `ds`, which it inherits where it stands.
fn signed_info(method: &str, id: &str, digest: &str) -> String {
    format!(
        "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{EXC_C14N}\">\
         </ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{method}\">\
         </ds:SignatureMethod><ds:Reference URI=\"#{}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform>\
         <ds:Transform Algorithm=\"{EXC_C14N}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        escape::attribute(id),
    )
}
