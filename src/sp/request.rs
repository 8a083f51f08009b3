//! The `AuthnRequest` (SAML Core §3.4.1).

use crate::domain::{
    resource::{NameIdFormat, SamlConfiguration},
    words::{RequestId, UnixTime},
};

use super::{
    idp::Idp,
    metadata::format_uri,
    outgoing::{Question, authn_request},
    service_provider::{ServiceProvider, SpKey},
    transport::{Letter, NotBuilt, Outgoing},
};

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
    let letter =
        Letter { parameter: "SAMLRequest", id, xml: &xml, url: idp.sso_url(), relay_state };
    letter.send(idp.sso_binding(), signing_key(sp, idp)?)
}

fn signing_key<'a>(sp: &'a ServiceProvider, idp: &Idp) -> Result<Option<&'a SpKey>, NotBuilt> {
    match (idp.signs_requests(), sp.keys.first()) {
        (false, _) => Ok(None),
        (true, Some(key)) => Ok(Some(key)),
        (true, None) => Err(NotBuilt::NoKey),
    }
}
