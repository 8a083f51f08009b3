//! Logout messages of the sample provider, honest until told otherwise; and reading those of others.

use std::io::{Read, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use openssl::x509::X509;
use roxmltree::Document;

use super::{
    Algorithms, NotARequest, SampleIdp, Signing, attribute,
    encrypt::{Encryption, encrypted},
    fresh_id,
    request::{LARGEST, parameter},
    text,
};
use crate::domain::words::UnixTime;

const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";

/// A `LogoutRequest` or `LogoutResponse` under construction.
#[derive(Clone)]
pub struct LogoutBuilder {
    root: String,
    id: String,
    issuer: String,
    destination: Option<String>,
    issued: UnixTime,
    end: Option<UnixTime>,
    in_response_to: Option<String>,
    /// What follows the issuer, in canonical form.
    inside: String,
    signing: Option<Signing>,
    algorithms: Algorithms,
}

/// What a logout message of a service provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutHeard {
    /// `LogoutRequest` or `LogoutResponse`.
    pub root: String,
    pub id: String,
    pub issuer: String,
    pub destination: Option<String>,
    pub in_response_to: Option<String>,
    pub name_id: Option<String>,
    pub name_id_format: Option<String>,
    pub name_qualifier: Option<String>,
    pub session_indexes: Vec<String>,
    /// Without their common prefix.
    pub statuses: Vec<String>,
    pub relay_state: Option<String>,
}

impl SampleIdp {
    /// Begins a `LogoutRequest` for a person, to the service provider's `slo_url`; it names `indexes`.
    #[must_use]
    pub fn log_out(
        &self,
        name_id: &str,
        indexes: &[&str],
        slo_url: &str,
        now: UnixTime,
    ) -> LogoutBuilder {
        let indexes = indexes
            .iter()
            .map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", text(index)));
        let inside = format!(
            "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:NameID>{}",
            text(name_id),
            indexes.collect::<String>()
        );
        let begun = self.logout_message("LogoutRequest", inside, slo_url, now);
        LogoutBuilder { end: Some(now.plus(120)), ..begun }
    }

    /// Begins a `LogoutResponse` with these status codes, top level first, without their prefix.
    #[must_use]
    pub fn logged_out(
        &self,
        request_id: &str,
        statuses: &[&str],
        slo_url: &str,
        now: UnixTime,
    ) -> LogoutBuilder {
        let status = statuses.iter().rev().fold(String::new(), |inside, code| {
            format!("<samlp:StatusCode Value=\"{STATUS}{code}\">{inside}</samlp:StatusCode>")
        });
        let inside = format!("<samlp:Status>{status}</samlp:Status>");
        let begun = self.logout_message("LogoutResponse", inside, slo_url, now);
        LogoutBuilder { in_response_to: Some(request_id.to_owned()), ..begun }
    }

    fn logout_message(
        &self,
        root: &str,
        inside: String,
        slo_url: &str,
        now: UnixTime,
    ) -> LogoutBuilder {
        LogoutBuilder {
            root: root.to_owned(),
            id: fresh_id(),
            issuer: self.entity_id.clone(),
            destination: Some(slo_url.to_owned()),
            issued: now,
            end: None,
            in_response_to: None,
            inside,
            signing: Some(self.signing.clone()),
            algorithms: Algorithms::of(&self.signing.key),
        }
    }

    /// Reads a logout message from the query of a redirect; its signature is not looked at.
    ///
    /// # Errors
    /// [`NotARequest`].
    pub fn read_logout_redirect(&self, query: &str) -> Result<LogoutHeard, NotARequest> {
        let deflated = message(query)?;
        let mut xml = String::new();
        let mut inflater = DeflateDecoder::new(&deflated[..]).take(LARGEST);
        inflater.read_to_string(&mut xml).map_err(|_| NotARequest)?;
        heard(&xml, parameter(query, "RelayState"))
    }

    /// Reads a posted logout message.
    ///
    /// # Errors
    /// [`NotARequest`].
    pub fn read_logout_form(&self, form: &str) -> Result<LogoutHeard, NotARequest> {
        let xml = String::from_utf8(message(form)?).map_err(|_| NotARequest)?;
        heard(&xml, parameter(form, "RelayState"))
    }
}

fn message(encoded: &str) -> Result<Vec<u8>, NotARequest> {
    let found = parameter(encoded, "SAMLRequest").or_else(|| parameter(encoded, "SAMLResponse"));
    BASE64_STANDARD.decode(found.ok_or(NotARequest)?).map_err(|_| NotARequest)
}

fn heard(xml: &str, relay_state: Option<String>) -> Result<LogoutHeard, NotARequest> {
    let document = Document::parse(xml).map_err(|_| NotARequest)?;
    let root = document.root_element();
    let all = |name: &'static str| root.descendants().filter(move |n| n.tag_name().name() == name);
    let texts = |name| all(name).filter_map(|node| node.text()).map(str::to_owned);
    let own = |name| root.attribute(name).map(str::to_owned);
    let of_name =
        |name: &str| all("NameID").next().and_then(|node| node.attribute(name)).map(str::to_owned);
    let codes = all("StatusCode").filter_map(|node| node.attribute("Value"));
    let codes = codes.map(|code| code.strip_prefix(STATUS).unwrap_or(code).to_owned());
    Ok(LogoutHeard {
        root: root.tag_name().name().to_owned(),
        id: own("ID").ok_or(NotARequest)?,
        issuer: texts("Issuer").next().ok_or(NotARequest)?,
        destination: own("Destination"),
        in_response_to: own("InResponseTo"),
        name_id: texts("NameID").next(),
        name_id_format: of_name("Format"),
        name_qualifier: of_name("NameQualifier"),
        session_indexes: texts("SessionIndex").collect(),
        statuses: codes.collect(),
        relay_state,
    })
}

impl LogoutBuilder {
    /// Another root element.
    #[must_use]
    pub fn named(self, root: &str) -> Self {
        Self { root: root.to_owned(), ..self }
    }

    /// Another `Issuer`.
    #[must_use]
    pub fn issued_by(self, entity_id: &str) -> Self {
        Self { issuer: entity_id.to_owned(), ..self }
    }

    /// Another `Destination`, or none.
    #[must_use]
    pub fn to_destination(self, destination: Option<&str>) -> Self {
        Self { destination: destination.map(str::to_owned), ..self }
    }

    /// Issued so many seconds ago.
    #[must_use]
    pub fn issued_before(self, seconds: i64) -> Self {
        Self { issued: self.issued.plus(-seconds), ..self }
    }

    /// `NotOnOrAfter` was so many seconds ago.
    #[must_use]
    pub fn expired_by(self, seconds: i64) -> Self {
        Self { end: Some(self.issued.plus(-seconds)), ..self }
    }

    /// Something else behind the issuer, in canonical form.
    #[must_use]
    pub fn saying(self, inside: &str) -> Self {
        Self { inside: inside.to_owned(), ..self }
    }

    /// An attribute of the `NameID`.
    #[must_use]
    pub fn name_id_with(self, name: &str, value: &str) -> Self {
        let with = format!(" {name}=\"{}\">", attribute(value));
        Self { inside: self.inside.replacen('>', &with, 1), ..self }
    }

    /// Encrypts the `NameID` to a certificate.
    #[must_use]
    pub fn encrypted_for(self, certificate: &X509) -> Self {
        let end = "</saml:NameID>";
        let (name_id, rest) = self.inside.split_once(end).unwrap_or_default();
        let data = encrypted(&format!("{name_id}{end}"), certificate, Encryption::Gcm);
        let inside = format!(
            "<saml:EncryptedID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}\
             </saml:EncryptedID>{rest}",
            data.unwrap_or_default()
        );
        Self { inside, ..self }
    }

    /// Signs nothing.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self { signing: None, ..self }
    }

    /// Signs with another key.
    #[must_use]
    pub fn signed_with(self, signing: &Signing) -> Self {
        Self { signing: Some(signing.clone()), ..self }
    }

    /// The message with its signature inside.
    #[must_use]
    pub fn build_xml(&self) -> String {
        let (head, tail) = self.parts();
        let signature = self.signing.as_ref().map(|signing| {
            signing.signature_for(&format!("{head}{tail}"), &self.id, &self.algorithms)
        });
        format!("{head}{}{tail}", signature.unwrap_or_default())
    }

    /// The form field, base64.
    #[must_use]
    pub fn by_post(&self) -> String {
        BASE64_STANDARD.encode(self.build_xml())
    }

    /// The query of a redirect, signed (SAML Bindings §3.4.4.1).
    #[must_use]
    pub fn by_redirect(&self, relay_state: Option<&str>) -> String {
        let (head, tail) = self.parts();
        self.redirecting(&format!("{head}{tail}"), relay_state)
    }

    /// The same around any text.
    #[must_use]
    pub fn redirecting(&self, xml: &str, relay_state: Option<&str>) -> String {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(xml.as_bytes()).ok();
        let deflated = BASE64_STANDARD.encode(encoder.finish().unwrap_or_default());
        let name = if self.root == "LogoutRequest" { "SAMLRequest" } else { "SAMLResponse" };
        let mut query = format!("{name}={}", encode(&deflated));
        if let Some(relay_state) = relay_state {
            query += &format!("&RelayState={}", encode(relay_state));
        }
        self.sign_query(query)
    }

    /// Adds `SigAlg` and `Signature` to a query.
    #[must_use]
    pub fn sign_query(&self, query: String) -> String {
        let Some(signing) = &self.signing else { return query };
        let signed = format!("{query}&SigAlg={}", encode(self.algorithms.method()));
        let signature = BASE64_STANDARD.encode(signing.sign(signed.as_bytes(), &self.algorithms));
        format!("{signed}&Signature={}", encode(&signature))
    }

    fn parts(&self) -> (String, String) {
        let optional = |name: &str, value: Option<&str>| {
            value.map(|value| format!(" {name}=\"{}\"", attribute(value))).unwrap_or_default()
        };
        let end = self.end.map(UnixTime::to_rfc3339);
        let head = format!(
            "<samlp:{} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"{} ID=\"{}\"{} \
             IssueInstant=\"{}\"{} Version=\"2.0\">\
             <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:Issuer>",
            self.root,
            optional("Destination", self.destination.as_deref()),
            self.id,
            optional("InResponseTo", self.in_response_to.as_deref()),
            self.issued.to_rfc3339(),
            optional("NotOnOrAfter", end.as_deref()),
            text(&self.issuer),
        );
        (head, format!("{}</samlp:{}>", self.inside, self.root))
    }
}

fn encode(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
