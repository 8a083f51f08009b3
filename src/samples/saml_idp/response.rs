//! A response under construction.

use base64::{Engine, prelude::BASE64_STANDARD};
use openssl::x509::X509;

use crate::domain::words::UnixTime;

use super::{
    SampleIdp,
    encrypt::{Encryption, encrypted, encrypted_assertion},
    fresh_id,
    sign::{Algorithms, Signing},
};

/// What every status code of the standard begins with.
const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";
const LIFETIME: i64 = 300;

/// A response that is honest until told otherwise.
#[derive(Clone)]
pub struct ResponseBuilder {
    pub(super) now: UnixTime,
    pub(super) issuer: String,
    pub(super) destination: Option<String>,
    pub(super) recipient: String,
    pub(super) in_response_to: Option<String>,
    pub(super) confirmed_in_response_to: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) name_id: Option<(String, String)>,
    pub(super) attributes: Vec<(String, Vec<String>)>,
    pub(super) statuses: Vec<String>,
    pub(super) status_message: Option<String>,
    pub(super) version: String,
    pub(super) conditions: bool,
    pub(super) extra_condition: String,
    pub(super) confirmation_method: String,
    pub(super) confirmation_data: bool,
    pub(super) confirmation_not_before: bool,
    pub(super) not_before: UnixTime,
    pub(super) not_on_or_after: UnixTime,
    pub(super) confirmation_end: Option<UnixTime>,
    pub(super) session_end: Option<UnixTime>,
    pub(super) authn_statement: bool,
    pub(super) authn_instant: UnixTime,
    pub(super) authn_context: String,
    pub(super) session_index: String,
    pub(super) name_qualifiers: Option<[String; 2]>,
    pub(super) sign_assertion: bool,
    pub(super) sign_response: bool,
    pub(super) signing: Signing,
    pub(super) algorithms: Algorithms,
    pub(super) encryption: Option<(X509, Encryption)>,
    pub(super) raw_attributes: String,
    /// For whom `NameID` and attributes are encrypted one by one.
    pub(super) encrypted_parts: Option<X509>,
}

impl ResponseBuilder {
    pub(super) fn new(
        idp: &SampleIdp,
        request_id: &str,
        acs_url: &str,
        audience: &str,
        now: UnixTime,
    ) -> Self {
        Self {
            now,
            issuer: idp.entity_id.clone(),
            destination: Some(acs_url.to_owned()),
            recipient: acs_url.to_owned(),
            in_response_to: Some(request_id.to_owned()),
            confirmed_in_response_to: Some(request_id.to_owned()),
            audiences: vec![audience.to_owned()],
            name_id: None,
            attributes: Vec::new(),
            statuses: vec![format!("{STATUS}Success")],
            status_message: None,
            version: "2.0".to_owned(),
            conditions: true,
            extra_condition: String::new(),
            confirmation_method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".to_owned(),
            confirmation_data: true,
            confirmation_not_before: false,
            not_before: now.plus(-5),
            not_on_or_after: now.plus(LIFETIME),
            confirmation_end: Some(now.plus(LIFETIME)),
            session_end: None,
            authn_statement: true,
            authn_instant: now,
            authn_context: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
                .to_owned(),
            session_index: fresh_id(),
            name_qualifiers: None,
            sign_assertion: true,
            sign_response: false,
            signing: idp.signing.clone(),
            algorithms: Algorithms::of(&idp.signing.key),
            encryption: None,
            raw_attributes: String::new(),
            encrypted_parts: None,
        }
    }

    /// The person: a persistent `NameID` and attributes.
    #[must_use]
    pub fn person(mut self, name_id: &str, attributes: &[(&str, &[&str])]) -> Self {
        let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
        self.name_id = Some((name_id.to_owned(), format.to_owned()));
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        self.attributes =
            attributes.iter().map(|(name, values)| ((*name).to_owned(), owned(values))).collect();
        self
    }

    /// Another `Format` of the `NameID`.
    #[must_use]
    pub fn name_id_format(mut self, format: &str) -> Self {
        if let Some((_, current)) = &mut self.name_id {
            format.clone_into(current);
        }
        self
    }

    /// `NameQualifier` and `SPNameQualifier` of the `NameID`.
    #[must_use]
    pub fn name_qualifiers(self, idp: &str, sp: &str) -> Self {
        Self { name_qualifiers: Some([idp.to_owned(), sp.to_owned()]), ..self }
    }

    /// Another `SessionIndex`.
    #[must_use]
    pub fn session_index(self, index: &str) -> Self {
        Self { session_index: index.to_owned(), ..self }
    }

    /// `Attribute` elements as they are, in canonical form.
    #[must_use]
    pub fn raw_attributes(self, xml: &str) -> Self {
        Self { raw_attributes: xml.to_owned(), ..self }
    }

    /// Signs nothing.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self { sign_assertion: false, sign_response: false, ..self }
    }

    /// Signs the response instead of the assertion.
    #[must_use]
    pub fn sign_response(self) -> Self {
        Self { sign_assertion: false, sign_response: true, ..self }
    }

    /// Signs the assertion and the response around it.
    #[must_use]
    pub fn sign_both(self) -> Self {
        Self { sign_assertion: true, sign_response: true, ..self }
    }

    /// Signs with another key, and shows that key's certificate.
    #[must_use]
    pub fn signed_with(self, signing: &Signing) -> Self {
        Self { signing: signing.clone(), ..self }
    }

    /// Signs with SHA-1.
    #[must_use]
    pub fn sha1(self) -> Self {
        Self { algorithms: self.algorithms.clone().sha1(), ..self }
    }

    /// Changes what the signature says about itself.
    #[must_use]
    pub fn algorithms(self, change: impl FnOnce(Algorithms) -> Algorithms) -> Self {
        Self { algorithms: change(self.algorithms.clone()), ..self }
    }

    /// Everything ended `seconds` ago.
    #[must_use]
    pub fn expired_by(self, seconds: i64) -> Self {
        let end = self.now.plus(-seconds);
        Self { not_on_or_after: end, confirmation_end: Some(end), ..self }
    }

    /// Everything begins in `seconds`.
    #[must_use]
    pub fn not_yet_valid_for(self, seconds: i64) -> Self {
        Self { not_before: self.now.plus(seconds), ..self }
    }

    /// The bearer confirmation ended `seconds` ago.
    #[must_use]
    pub fn confirmation_expired_by(self, seconds: i64) -> Self {
        Self { confirmation_end: Some(self.now.plus(-seconds)), ..self }
    }

    /// The bearer confirmation has no end.
    #[must_use]
    pub fn without_confirmation_end(self) -> Self {
        Self { confirmation_end: None, ..self }
    }

    /// No `SubjectConfirmationData`.
    #[must_use]
    pub fn without_confirmation_data(self) -> Self {
        Self { confirmation_data: false, ..self }
    }

    /// A `NotBefore` in the bearer confirmation.
    #[must_use]
    pub fn confirmation_not_before(self) -> Self {
        Self { confirmation_not_before: true, ..self }
    }

    /// Confirms the subject by another method than bearer.
    #[must_use]
    pub fn confirmed_by(self, method: &str) -> Self {
        Self { confirmation_method: method.to_owned(), ..self }
    }

    /// The session at the provider ends in `seconds` (ago, when negative).
    #[must_use]
    pub fn session_ends_in(self, seconds: i64) -> Self {
        Self { session_end: Some(self.now.plus(seconds)), ..self }
    }

    /// One more `AudienceRestriction`, for somebody else.
    #[must_use]
    pub fn also_restricted_to(mut self, audience: &str) -> Self {
        self.audiences.push(audience.to_owned());
        self
    }

    /// For another audience only.
    #[must_use]
    pub fn for_audience(self, audience: &str) -> Self {
        Self { audiences: vec![audience.to_owned()], ..self }
    }

    /// For nobody in particular.
    #[must_use]
    pub fn without_audience(self) -> Self {
        Self { audiences: Vec::new(), ..self }
    }

    /// No `Conditions` at all.
    #[must_use]
    pub fn without_conditions(self) -> Self {
        Self { conditions: false, ..self }
    }

    /// A child of `Conditions` as it is, in canonical form.
    #[must_use]
    pub fn with_condition(self, xml: &str) -> Self {
        Self { extra_condition: xml.to_owned(), ..self }
    }

    /// Another `Recipient`.
    #[must_use]
    pub fn for_recipient(self, acs_url: &str) -> Self {
        Self { recipient: acs_url.to_owned(), ..self }
    }

    /// Another `Destination`, or none.
    #[must_use]
    pub fn to_destination(self, destination: Option<&str>) -> Self {
        Self { destination: destination.map(str::to_owned), ..self }
    }

    /// Response and confirmation answer another request, or none.
    #[must_use]
    pub fn in_response_to(self, request: Option<&str>) -> Self {
        let request = request.map(str::to_owned);
        Self { in_response_to: request.clone(), confirmed_in_response_to: request, ..self }
    }

    /// Only the confirmation answers another request, or none.
    #[must_use]
    pub fn confirmed_in_response_to(self, request: Option<&str>) -> Self {
        Self { confirmed_in_response_to: request.map(str::to_owned), ..self }
    }

    /// Another `Issuer` of response and assertion.
    #[must_use]
    pub fn issued_by(self, entity_id: &str) -> Self {
        Self { issuer: entity_id.to_owned(), ..self }
    }

    /// Other status codes, top level first, without their common prefix.
    #[must_use]
    pub fn status(self, codes: &[&str]) -> Self {
        Self { statuses: codes.iter().map(|code| format!("{STATUS}{code}")).collect(), ..self }
    }

    /// Words beside the status codes.
    #[must_use]
    pub fn status_message(self, message: &str) -> Self {
        Self { status_message: Some(message.to_owned()), ..self }
    }

    /// Another `Version`.
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        Self { version: version.to_owned(), ..self }
    }

    /// The person proved himself so many seconds ago.
    #[must_use]
    pub fn signed_in_before(self, seconds: i64) -> Self {
        Self { authn_instant: self.now.plus(-seconds), ..self }
    }

    /// No `AuthnStatement`.
    #[must_use]
    pub fn without_authn_statement(self) -> Self {
        Self { authn_statement: false, ..self }
    }

    /// Another `AuthnContextClassRef`.
    #[must_use]
    pub fn authn_context(self, class: &str) -> Self {
        Self { authn_context: class.to_owned(), ..self }
    }

    /// Encrypts the assertion to a certificate, with AES-256-GCM.
    #[must_use]
    pub fn encrypted_for(self, certificate: &X509) -> Self {
        self.encrypted_by(Encryption::Gcm, certificate)
    }

    /// Encrypts the assertion to a certificate.
    #[must_use]
    pub fn encrypted_by(self, mode: Encryption, certificate: &X509) -> Self {
        Self { encryption: Some((certificate.clone(), mode)), ..self }
    }

    /// Encrypts the `NameID` and every attribute by itself, inside the assertion.
    #[must_use]
    pub fn parts_encrypted_for(self, certificate: &X509) -> Self {
        Self { encrypted_parts: Some(certificate.clone()), ..self }
    }

    /// `element`, encrypted as `wrapper` where that was asked for.
    pub(super) fn part(&self, wrapper: &str, element: String) -> String {
        match &self.encrypted_parts {
            Some(certificate) => {
                let data = encrypted(&element, certificate, Encryption::Gcm).unwrap_or_default();
                format!("<saml:{wrapper}>{data}</saml:{wrapper}>")
            }
            None => element,
        }
    }

    /// The form parameter `SAMLResponse`.
    #[must_use]
    pub fn build(self) -> String {
        BASE64_STANDARD.encode(self.build_xml())
    }

    /// A response that reports the status and holds no assertion.
    #[must_use]
    pub fn build_without_assertion(self) -> String {
        let xml = self.response("");
        BASE64_STANDARD.encode(xml)
    }

    /// The message itself.
    #[must_use]
    pub fn build_xml(self) -> String {
        self.build_with_assertion().0
    }

    /// The message, and the assertion in it as it was before encryption.
    #[must_use]
    pub fn build_with_assertion(self) -> (String, String) {
        let assertion = self.assertion();
        let carried = self.encryption.as_ref().map(|(certificate, mode)| {
            encrypted_assertion(&assertion, certificate, *mode).unwrap_or_default()
        });
        (self.response(carried.as_ref().unwrap_or(&assertion)), assertion)
    }
}
