//! What the outside of a message says: status, version, address, question and sender.
//!
//! Values of a response that is not signed itself may refuse a login; they never grant anything.

use std::borrow::Cow;

use crate::domain::{trace::Actual, words::RequestId};

use super::{
    names::{ASSERTION, ENTITY, PROTOCOL},
    rejection::Rejection,
    steps::{Checked, passed},
    tree::{Node, attribute, child, expect, text},
};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The top-level status is `Success` (SAML Core §3.2.2.2).
pub(super) fn check_status(response: Node) -> Checked<()> {
    let (top, second) = status_codes(response)?;
    if top == SUCCESS || !Rejection::Status.in_force() {
        passed("Success")
    } else {
        Err(Rejection::Status.seeing_plain(written(top, second)))
    }
}

/// What the provider adds to the codes in its own words, which may name the person.
pub(super) fn status_message(response: Node<'_>) -> Option<Cow<'_, str>> {
    let status = child(response, PROTOCOL, "Status").ok()??;
    let message = child(status, PROTOCOL, "StatusMessage").ok()??;
    text(message).ok()
}

/// `urn:oasis:names:tc:SAML:2.0:status:Responder` → `Responder`.
fn short(code: &str) -> &str {
    code.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:").unwrap_or(code)
}

/// Both `Version` attributes are `2.0` (SAML Core §2.3.3, §3.2.2).
pub(super) fn check_version(response: Node, assertion: Node) -> Checked<()> {
    let versions = [response, assertion].map(|node| attribute(node, "Version").unwrap_or("none"));
    match versions.iter().find(|version| **version != "2.0") {
        Some(other) if Rejection::Version.in_force() => {
            Err(Rejection::Version.seeing_plain(*other))
        }
        _ => passed("2.0"),
    }
}

/// `Destination` is our endpoint; a signed response has one (SAML Bindings §3.5.5.2).
pub(super) fn check_destination(response: Node, acs_url: &str, signed: bool) -> Checked<()> {
    match attribute(response, "Destination") {
        Some(destination) if destination == acs_url => passed(destination),
        _ if !Rejection::Destination.in_force() => passed("not checked"),
        Some(other) => Err(Rejection::Destination.seeing_plain(other)),
        None if signed => Err(Rejection::Destination.seeing_plain("none")),
        None => passed("none, and the response is not signed"),
    }
}

/// A signed logout message is addressed to our endpoint (SAML Bindings §3.4.5.2, §3.5.5.2).
pub(super) fn check_slo_destination(message: Node, slo_url: &str) -> Checked<()> {
    match attribute(message, "Destination") {
        Some(destination) if destination == slo_url => passed(destination),
        other => Err(Rejection::SloDestination.seeing_plain(other.unwrap_or("none"))),
    }
}

/// The response answers the pending request, or none where there is none (SAML Core §3.2.2, SAML Profiles
/// §4.1.5).
pub(super) fn check_in_response_to(response: Node, pending: Option<&RequestId>) -> Checked<()> {
    match attribute(response, "InResponseTo") {
        request if request == pending.map(RequestId::as_str) => passed(request.unwrap_or("none")),
        _ if !Rejection::InResponseTo.in_force() => passed("not checked"),
        other => Err(Rejection::InResponseTo.seeing_plain(other.unwrap_or("none"))),
    }
}

/// The response names the provider that was asked, or, when not signed, nobody
/// (SAML Profiles §4.1.4.2).
pub(super) fn check_response_issuer(response: Node, entity_id: &str, signed: bool) -> Checked<()> {
    match child(response, ASSERTION, "Issuer")? {
        Some(issuer) => check_issuer(issuer, entity_id, Rejection::ResponseIssuer),
        None if signed && Rejection::ResponseIssuer.in_force() => {
            Err(Rejection::ResponseIssuer.seeing_plain("none"))
        }
        None => passed("none, and the response is not signed"),
    }
}

/// The assertion names the provider that was asked (SAML Core §2.3.3).
pub(super) fn check_assertion_issuer(assertion: Node, entity_id: &str) -> Checked<()> {
    let issuer = expect(assertion, ASSERTION, "Issuer")?;
    check_issuer(issuer, entity_id, Rejection::AssertionIssuer)
}

/// A logout message names the provider (SAML Profiles §4.4.4.1).
pub(super) fn check_message_issuer(message: Node, entity_id: &str) -> Checked<()> {
    let issuer = expect(message, ASSERTION, "Issuer")?;
    check_issuer(issuer, entity_id, Rejection::Issuer)
}

/// `Version` is `2.0` (SAML Core §3.2.1, §3.2.2).
pub(super) fn check_message_version(message: Node) -> Checked<()> {
    match attribute(message, "Version") {
        Some("2.0") => passed("2.0"),
        other => Err(Rejection::Version.seeing_plain(other.unwrap_or("none"))),
    }
}

/// The codes of a `LogoutResponse`, unless everything is signed out (SAML Core §3.7.3.2).
pub(super) fn logout_status(response: Node) -> Checked<Option<String>> {
    let (top, second) = status_codes(response)?;
    let codes = written(top, second);
    let complaint = (top != SUCCESS || second.is_some()).then(|| codes.clone());
    Ok((complaint, Actual::plain(codes)))
}

/// Top-level and second-level code.
fn status_codes<'t>(response: Node<'t>) -> Result<(&'t str, Option<&'t str>), Rejection> {
    let status = expect(response, PROTOCOL, "Status")?;
    let code = expect(status, PROTOCOL, "StatusCode")?;
    let second = child(code, PROTOCOL, "StatusCode")?;
    let second = second.and_then(|code| attribute(code, "Value"));
    Ok((attribute(code, "Value").unwrap_or_default(), second))
}

fn written(top: &str, second: Option<&str>) -> String {
    [Some(top), second].into_iter().flatten().map(short).collect::<Vec<_>>().join(" / ")
}

fn check_issuer(issuer: Node, entity_id: &str, rejection: Rejection) -> Checked<()> {
    let name = text(issuer)?;
    let entity = attribute(issuer, "Format").is_none_or(|format| format == ENTITY);
    if (entity && name.trim_ascii() == entity_id) || !rejection.in_force() {
        passed(entity_id)
    } else {
        Err(rejection.seeing_plain(name))
    }
}

/// The assertion's own ID, which replay protection remembers.
pub(super) fn assertion_id(assertion: Node) -> Checked<String> {
    let id = attribute(assertion, "ID").unwrap_or_default();
    Rejection::NoAssertionId.when(id.is_empty())?;
    Ok((id.to_owned(), Actual::plain(id)))
}
