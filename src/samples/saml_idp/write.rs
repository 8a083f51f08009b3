//! The XML of a response, in exclusive canonical form wherever it is digested: attributes sorted, no empty
//! tags, every prefix declared where it is first used.

use crate::domain::words::UnixTime;

use super::{attribute, fresh_id, response::ResponseBuilder, text};

impl ResponseBuilder {
    pub(super) fn response(&self, assertion: &str) -> String {
        let id = fresh_id();
        let status = self.statuses.iter().rev().fold(String::new(), |inside, code| {
            format!("<samlp:StatusCode Value=\"{code}\">{inside}</samlp:StatusCode>")
        });
        let head = format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"{} ID=\"{id}\"{} \
             IssueInstant=\"{}\" Version=\"{}\">{}",
            optional("Destination", self.destination.as_deref()),
            optional("InResponseTo", self.in_response_to.as_deref()),
            self.now.to_rfc3339(),
            self.version,
            issuer(&self.issuer, " xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\""),
        );
        let message = self
            .status_message
            .as_deref()
            .map(|message| format!("<samlp:StatusMessage>{}</samlp:StatusMessage>", text(message)));
        let message = message.unwrap_or_default();
        let tail =
            format!("<samlp:Status>{status}{message}</samlp:Status>{assertion}</samlp:Response>");
        self.signed(&id, &head, &tail, self.sign_response)
    }

    pub(super) fn assertion(&self) -> String {
        let id = fresh_id();
        let head = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" \
             IssueInstant=\"{}\" Version=\"{}\">{}",
            self.now.to_rfc3339(),
            self.version,
            issuer(&self.issuer, ""),
        );
        let tail = format!(
            "{}{}{}{}</saml:Assertion>",
            self.subject(),
            self.conditions(),
            self.authn_statement(),
            self.attribute_statement(),
        );
        self.signed(&id, &head, &tail, self.sign_assertion)
    }

    fn signed(&self, id: &str, head: &str, tail: &str, sign: bool) -> String {
        if !sign {
            return format!("{head}{tail}");
        }
        let element = format!("{head}{tail}");
        let signature = self.signing.signature_for(&element, id, &self.algorithms);
        format!("{head}{signature}{tail}")
    }

    fn subject(&self) -> String {
        let qualifiers = self.name_qualifiers.as_ref().map(|[idp, sp]| {
            optional("NameQualifier", Some(idp)) + &optional("SPNameQualifier", Some(sp))
        });
        let qualifiers = qualifiers.unwrap_or_default();
        let name_id = self.name_id.as_ref().map(|(value, format)| {
            let declared = self.declared();
            let (format, value) = (attribute(format), text(value));
            let node = format!(
                "<saml:NameID{declared} Format=\"{format}\"{qualifiers}>{value}</saml:NameID>"
            );
            self.part("EncryptedID", node)
        });
        let data = format!(
            "<saml:SubjectConfirmationData{}{}{}{}></saml:SubjectConfirmationData>",
            optional("InResponseTo", self.confirmed_in_response_to.as_deref()),
            time("NotBefore", self.confirmation_not_before.then_some(self.not_before)),
            time("NotOnOrAfter", self.confirmation_end),
            optional("Recipient", Some(&self.recipient)),
        );
        format!(
            "<saml:Subject>{}<saml:SubjectConfirmation Method=\"{}\">{}</saml:SubjectConfirmation>\
             </saml:Subject>",
            name_id.unwrap_or_default(),
            attribute(&self.confirmation_method),
            if self.confirmation_data { &data } else { "" },
        )
    }

    /// What an element declares that is encrypted by itself: it is read as a document of its own.
    fn declared(&self) -> &'static str {
        let declared = " xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"";
        if self.encrypted_parts.is_some() { declared } else { "" }
    }

    fn conditions(&self) -> String {
        if !self.conditions {
            return String::new();
        }
        let audiences: String = self
            .audiences
            .iter()
            .map(|audience| {
                let audience = text(audience);
                format!(
                    "<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience>\
                     </saml:AudienceRestriction>"
                )
            })
            .collect();
        format!(
            "<saml:Conditions{}{}>{audiences}{}</saml:Conditions>",
            time("NotBefore", Some(self.not_before)),
            time("NotOnOrAfter", Some(self.not_on_or_after)),
            self.extra_condition,
        )
    }

    fn authn_statement(&self) -> String {
        if !self.authn_statement {
            return String::new();
        }
        format!(
            "<saml:AuthnStatement AuthnInstant=\"{}\" SessionIndex=\"{}\"{}><saml:AuthnContext>\
             <saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef></saml:AuthnContext>\
             </saml:AuthnStatement>",
            self.authn_instant.to_rfc3339(),
            attribute(&self.session_index),
            time("SessionNotOnOrAfter", self.session_end),
            text(&self.authn_context),
        )
    }

    fn attribute_statement(&self) -> String {
        let values = |values: &[String]| -> String {
            let value = |value: &String| {
                format!("<saml:AttributeValue>{}</saml:AttributeValue>", text(value))
            };
            values.iter().map(value).collect()
        };
        let attributes = self.attributes.iter().map(|(name, list)| {
            let (name, values, declared) = (attribute(name), values(list), self.declared());
            let node =
                format!("<saml:Attribute{declared} Name=\"{name}\">{values}</saml:Attribute>");
            self.part("EncryptedAttribute", node)
        });
        let inside = attributes.collect::<String>() + &self.raw_attributes;
        if inside.is_empty() {
            return inside;
        }
        format!("<saml:AttributeStatement>{inside}</saml:AttributeStatement>")
    }
}

fn issuer(entity_id: &str, declaration: &str) -> String {
    format!("<saml:Issuer{declaration}>{}</saml:Issuer>", text(entity_id))
}

fn optional(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!(" {name}=\"{}\"", attribute(value))).unwrap_or_default()
}

fn time(name: &str, value: Option<UnixTime>) -> String {
    optional(name, value.map(UnixTime::to_rfc3339).as_deref())
}
