//! Our `LogoutRequest`s and `LogoutResponse`s; always signed (SAML Profiles §4.4.4.1).

use crate::domain::{
    identity::UpstreamSession,
    words::{RequestId, UnixTime},
};

use super::{LIFETIME, Question};
use crate::sp::{
    escape::{attribute, text},
    idp::Idp,
    names::{ASSERTION, PROTOCOL},
    service_provider::ServiceProvider,
    transport::{Letter, NotBuilt, Outgoing},
};

/// A message of ours: between whom, and under which `ID`.
#[derive(Clone, Copy)]
pub struct Farewell<'a> {
    pub sp: &'a ServiceProvider,
    pub idp: &'a Idp,
    pub id: &'a RequestId,
    pub now: UnixTime,
}

/// How a logout that the provider asked for went here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// Every session that was named is over.
    Success,
    /// We failed; something may still be open.
    Partial,
    /// The request was not followed.
    Denied,
}

/// What every status code of the standard begins with.
const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";

/// Asks the provider to end the session that `session` came from. `None`: the provider takes no requests,
/// or the session has no `NameID`.
///
/// # Errors
/// [`NotBuilt`].
///
/// Source: SAML Core §3.7.1.
pub fn build_logout_request(
    farewell: Farewell,
    session: &UpstreamSession,
) -> Result<Option<Outgoing>, NotBuilt> {
    let (Some(slo), Some(name_id)) = (farewell.idp.slo(), &session.name_id) else {
        return Ok(None);
    };
    let qualified = |name: &str, value: &Option<String>| {
        let value = value.as_deref().map(attribute);
        value.map(|value| format!(" {name}=\"{value}\"")).unwrap_or_default()
    };
    let index = session.session_index.as_deref().map(text);
    let index = index.map(|index| format!("<saml2p:SessionIndex>{index}</saml2p:SessionIndex>"));
    let end = farewell.now.plus(LIFETIME).to_rfc3339();
    let head = farewell.head("LogoutRequest", &slo.url, &format!(" NotOnOrAfter=\"{end}\""));
    let xml = format!(
        "{head}<saml2:NameID{}{}{}>{}</saml2:NameID>{}</saml2p:LogoutRequest>",
        qualified("Format", &session.name_id_format),
        qualified("NameQualifier", &session.name_qualifier),
        qualified("SPNameQualifier", &session.sp_name_qualifier),
        text(name_id),
        index.unwrap_or_default(),
    );
    let letter = Letter {
        parameter: "SAMLRequest",
        id: farewell.id,
        xml: &xml,
        url: &slo.url,
        relay_state: "",
    };
    let key = farewell.sp.keys.first().ok_or(NotBuilt::NoKey)?;
    letter.send(slo.binding, Some(key)).map(Some)
}

/// Answers the provider's request. `None`: its metadata has no place for answers.
///
/// # Errors
/// [`NotBuilt`].
///
/// Source: SAML Core §3.7.2, §3.2.2.2.
pub fn build_logout_response(
    farewell: Farewell,
    question: &Question,
    outcome: LogoutOutcome,
) -> Result<Option<Outgoing>, NotBuilt> {
    let Some(slo) = farewell.idp.slo() else { return Ok(None) };
    let (top, second) = match outcome {
        LogoutOutcome::Success => ("Success", None),
        LogoutOutcome::Partial => ("Responder", Some("PartialLogout")),
        LogoutOutcome::Denied => ("Requester", Some("RequestDenied")),
    };
    let second = second.map(|code| format!("<saml2p:StatusCode Value=\"{STATUS}{code}\"/>"));
    let request = format!(" InResponseTo=\"{}\"", attribute(question.id.as_str()));
    let head = farewell.head("LogoutResponse", &slo.response_url, &request);
    let xml = format!(
        "{head}<saml2p:Status><saml2p:StatusCode Value=\"{STATUS}{top}\">{}</saml2p:StatusCode>\
         </saml2p:Status></saml2p:LogoutResponse>",
        second.unwrap_or_default(),
    );
    let letter = Letter {
        parameter: "SAMLResponse",
        id: farewell.id,
        xml: &xml,
        url: &slo.response_url,
        relay_state: question.relay_state.as_deref().unwrap_or_default(),
    };
    let key = farewell.sp.keys.first().ok_or(NotBuilt::NoKey)?;
    letter.send(slo.binding, Some(key)).map(Some)
}

impl Farewell<'_> {
    /// The start tag and the `Issuer`.
    fn head(&self, name: &str, destination: &str, more: &str) -> String {
        format!(
            "<saml2p:{name} xmlns:saml2p=\"{PROTOCOL}\" xmlns:saml2=\"{ASSERTION}\" ID=\"{}\" \
             Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{}\"{more}>\
             <saml2:Issuer>{}</saml2:Issuer>",
            attribute(self.id.as_str()),
            self.now.to_rfc3339(),
            attribute(destination),
            text(&self.sp.entity_id),
        )
    }
}
