//! Outbound messages as `samael` writes them; nothing else of that crate is used, least of all its
//! parsers.
//!
//! It escapes attributes but takes element text as it is, so texts are escaped before they go in.

use chrono::DateTime;
use samael::{
    schema::{
        AuthnContextClassRef, AuthnContextComparison, AuthnRequest, Issuer, NameIdPolicy,
        RequestedAuthnContext,
    },
    traits::ToXml,
};

use crate::domain::{
    resource::{Comparison, Scoping},
    words::UnixTime,
};

use super::{escape, names::POST};

/// What an `AuthnRequest` says (SAML Core §3.4.1).
pub(super) struct Question<'a> {
    pub(super) id: &'a str,
    pub(super) now: UnixTime,
    pub(super) destination: &'a str,
    pub(super) issuer: &'a str,
    pub(super) acs_url: &'a str,
    pub(super) name_id_format: Option<&'a str>,
    pub(super) force_authn: bool,
    pub(super) is_passive: bool,
    pub(super) authn_context: &'a [String],
    pub(super) comparison: Comparison,
    pub(super) provider_name: Option<&'a str>,
    pub(super) scoping: &'a Scoping,
}

/// Writes the `AuthnRequest`, without an XML declaration. `None` when `samael` fails to.
pub(super) fn authn_request(question: &Question) -> Option<String> {
    let request = AuthnRequest {
        id: question.id.to_owned(),
        version: "2.0".to_owned(),
        issue_instant: DateTime::from_timestamp(question.now.0, 0)?,
        destination: Some(question.destination.to_owned()),
        consent: None,
        issuer: Some(Issuer { value: Some(escape::text(question.issuer)), ..Issuer::default() }),
        signature: None,
        subject: None,
        name_id_policy: Some(NameIdPolicy {
            format: question.name_id_format.map(str::to_owned),
            sp_name_qualifier: None,
            allow_create: Some(true),
        }),
        conditions: None,
        requested_authn_context: requested_context(question.authn_context, question.comparison),
        force_authn: question.force_authn.then_some(true),
        is_passive: question.is_passive.then_some(true),
        assertion_consumer_service_index: None,
        assertion_consumer_service_url: Some(question.acs_url.to_owned()),
        protocol_binding: Some(POST.to_owned()),
        attribute_consuming_service_index: None,
        provider_name: question.provider_name.map(str::to_owned),
    };
    let written = request.to_string().ok()?;
    let start = written.find("<saml2p:")?;
    let end = written.rfind("</saml2p:AuthnRequest>")?;
    Some(format!("{}{}{}", &written[start..end], scoping(question.scoping), &written[end..]))
}

/// The last child of an `AuthnRequest`, which `samael` does not know (SAML Core §3.4.1.2).
fn scoping(scoping: &Scoping) -> String {
    if *scoping == Scoping::default() {
        return String::new();
    }
    let count = scoping.proxy_count.map(|count| format!(" ProxyCount=\"{count}\""));
    let entries = scoping.idp_list.iter().map(|provider| {
        let provider = escape::attribute(provider);
        format!("<saml2p:IDPEntry ProviderID=\"{provider}\"></saml2p:IDPEntry>")
    });
    let mut list = entries.collect::<String>();
    if !list.is_empty() {
        list = format!("<saml2p:IDPList>{list}</saml2p:IDPList>");
    }
    format!("<saml2p:Scoping{}>{list}</saml2p:Scoping>", count.unwrap_or_default())
}

/// The classes in order of preference (SAML Core §3.3.2.2.1).
fn requested_context(classes: &[String], comparison: Comparison) -> Option<RequestedAuthnContext> {
    let refs = classes
        .iter()
        .map(|class| AuthnContextClassRef { value: Some(escape::text(class)) })
        .collect::<Vec<_>>();
    (!refs.is_empty()).then_some(RequestedAuthnContext {
        authn_context_class_refs: Some(refs),
        authn_context_decl_refs: None,
        comparison: Some(match comparison {
            Comparison::Exact => AuthnContextComparison::Exact,
            Comparison::Minimum => AuthnContextComparison::Minimum,
            Comparison::Maximum => AuthnContextComparison::Maximum,
            Comparison::Better => AuthnContextComparison::Better,
        }),
    })
}
