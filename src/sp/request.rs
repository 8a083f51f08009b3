//! The `AuthnRequest` and how it travels (SAML Bindings §3.4, §3.5).

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::DeflateEncoder};
use openssl::{error::ErrorStack, hash::MessageDigest};
use url::form_urlencoded::byte_serialize;

use crate::domain::{
    resource::{NameIdFormat, SamlConfiguration, SsoBinding},
    words::{RequestId, UnixTime},
};

use super::{
    algorithms::SignatureMethod,
    c14n::{Method, canonicalize},
    certificates::to_base64,
    escape,
    guard::Comments,
    idp::Idp,
    metadata::format_uri,
    names::{DS, ENVELOPED, EXC_C14N},
    outgoing::{Question, authn_request},
    service_provider::{ServiceProvider, SpKey},
    tree::Tree,
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
        /// The form field `SAMLRequest`, base64.
        saml_request: String,
        /// The form field `RelayState`.
        relay_state: String,
    },
}

/// What one login asks for beyond the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestOptions<'a> {
    /// The person has to prove himself again (`ForceAuthn`), as `prompt=login` wants.
    pub force_authn: bool,
    /// The provider must not show anything (`IsPassive`), as `prompt=none` wants.
    pub is_passive: bool,
    /// `AuthnContextClassRef`s instead of the configured ones, unless empty.
    pub authn_context: &'a [String],
}

/// Why a request cannot be sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotBuilt {
    /// This provider gets signed requests, and we have no key that signs.
    #[error("there is no key to sign requests with")]
    NoKey,
    /// The message could not be written.
    #[error("the AuthnRequest cannot be written")]
    NotWritten,
    /// OpenSSL refused to sign.
    #[error("the AuthnRequest cannot be signed: {0}")]
    NotSigned(#[from] ErrorStack),
}

/// Builds the `AuthnRequest` for one login, signed where provider or configuration want it.
///
/// By redirect the signature is over exactly the query that is sent; by POST it is enveloped. RSA keys
/// sign with SHA-256 and PKCS#1 v1.5, EC keys with ECDSA-SHA256 (`r || s`).
///
/// # Errors
/// [`NotBuilt`]; nothing was sent, and nothing about the provider is wrong.
///
/// Source: SAML Profiles §4.1.4.1; SAML Bindings §3.4.4.1, §3.5.4.
pub fn build_authn_request(
    sp: &ServiceProvider,
    idp: &Idp,
    configuration: &SamlConfiguration,
    id: &RequestId,
    relay_state: &str,
    now: UnixTime,
    options: RequestOptions,
) -> Result<Outgoing, NotBuilt> {
    let format = configuration.name_id_format;
    let asked = options.authn_context;
    let xml = authn_request(&Question {
        id: id.as_str(),
        now,
        destination: idp.sso_url(),
        issuer: &sp.entity_id,
        acs_url: &sp.acs_url,
        name_id_format: (format != NameIdFormat::Unspecified).then(|| format_uri(format)),
        force_authn: options.force_authn || configuration.force_authn,
        is_passive: options.is_passive,
        authn_context: if asked.is_empty() { &configuration.authn_context } else { asked },
        comparison: configuration.authn_context_comparison,
        provider_name: configuration.provider_name.as_deref(),
        scoping: &configuration.scoping,
    });
    let xml = xml.ok_or(NotBuilt::NotWritten)?;
    let key = signing_key(sp, idp)?;
    match idp.sso_binding() {
        SsoBinding::Redirect => redirect(idp.sso_url(), &xml, relay_state, key),
        SsoBinding::Post => {
            let xml = key.map_or(Ok(xml.clone()), |key| sign_enveloped(&xml, id, key))?;
            Ok(Outgoing::Post {
                action: idp.sso_url().to_owned(),
                saml_request: BASE64_STANDARD.encode(xml),
                relay_state: relay_state.to_owned(),
            })
        }
    }
}

fn signing_key<'a>(sp: &'a ServiceProvider, idp: &Idp) -> Result<Option<&'a SpKey>, NotBuilt> {
    match (idp.signs_requests(), sp.keys.first()) {
        (false, _) => Ok(None),
        (true, Some(key)) => Ok(Some(key)),
        (true, None) => Err(NotBuilt::NoKey),
    }
}

fn method_for(key: &SpKey) -> Result<&'static SignatureMethod, NotBuilt> {
    SignatureMethod::ours(&key.key).ok_or(NotBuilt::NoKey)
}

/// `SAMLRequest`, `RelayState`, `SigAlg`, in this order, then `Signature` over just these bytes.
fn redirect(
    sso_url: &str,
    xml: &str,
    relay_state: &str,
    key: Option<&SpKey>,
) -> Result<Outgoing, NotBuilt> {
    let deflated = deflate(xml).map_err(|_| NotBuilt::NotWritten)?;
    let mut query = format!("SAMLRequest={}", encode(&BASE64_STANDARD.encode(deflated)));
    if !relay_state.is_empty() {
        query += &format!("&RelayState={}", encode(relay_state));
    }
    if let Some(key) = key {
        let method = method_for(key)?;
        query += &format!("&SigAlg={}", encode(method.uri));
        let signature = method.sign(&key.key, query.as_bytes())?;
        query += &format!("&Signature={}", encode(&BASE64_STANDARD.encode(signature)));
    }
    let base = sso_url.split('#').next().unwrap_or(sso_url);
    let join = if base.contains('?') { '&' } else { '?' };
    Ok(Outgoing::Redirect { url: format!("{base}{join}{query}") })
}

fn deflate(xml: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes())?;
    encoder.finish()
}

fn encode(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect()
}

/// Puts an enveloped signature behind the `Issuer` (SAML Core §5.4, §3.2.1).
fn sign_enveloped(xml: &str, id: &RequestId, key: &SpKey) -> Result<String, NotBuilt> {
    let tree = Tree::parse(xml, Comments::Refused).map_err(|_| NotBuilt::NotWritten)?;
    let covered = canonicalize(tree.root(), None, &Method::Exclusive(Vec::new()));
    let digest = openssl::hash::hash(MessageDigest::sha256(), covered.as_bytes())?;
    let method = method_for(key)?;
    let info = signed_info(method.uri, id.as_str(), &BASE64_STANDARD.encode(digest));
    let declared =
        info.replacen("<ds:SignedInfo>", &format!("<ds:SignedInfo xmlns:ds=\"{DS}\">"), 1);
    let value = BASE64_STANDARD.encode(method.sign(&key.key, declared.as_bytes())?);
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        to_base64(&key.certificate)?,
    );
    let issuer_end = "</saml2:Issuer>";
    let place = xml.find(issuer_end).ok_or(NotBuilt::NotWritten)? + issuer_end.len();
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
