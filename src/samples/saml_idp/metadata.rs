//! Metadata as providers and federations publish it; what is odd about it is a verb.

use super::{SampleIdp, Signing, attribute, sign::Algorithms, text};
use crate::domain::words::UnixTime;

const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const BINDINGS: &str = "urn:oasis:names:tc:SAML:2.0:bindings";

/// One `EntityDescriptor`, written in exclusive canonical form so that it can be signed.
#[derive(Clone)]
pub struct MetadataBuilder {
    entity_id: String,
    sso_url: String,
    sso_bindings: &'static [&'static str],
    slo_url: Option<String>,
    /// `use` and base64.
    keys: Vec<(Option<&'static str>, String)>,
    valid_until: Option<UnixTime>,
    cache_duration: Option<String>,
    display_name: Option<String>,
    scopes: Vec<(String, bool)>,
    signer: Option<Signing>,
}

impl MetadataBuilder {
    pub(super) fn of(idp: &SampleIdp) -> Self {
        Self {
            entity_id: idp.entity_id.clone(),
            sso_url: idp.sso_url.clone(),
            sso_bindings: &["HTTP-Redirect", "HTTP-POST"],
            slo_url: idp.slo_url.clone(),
            keys: vec![(Some("signing"), idp.certificate())],
            valid_until: None,
            cache_duration: None,
            display_name: None,
            scopes: Vec::new(),
            signer: None,
        }
    }

    /// Names another entity.
    #[must_use]
    pub fn named(self, entity_id: &str) -> Self {
        Self { entity_id: entity_id.to_owned(), ..self }
    }

    /// Sends people elsewhere.
    #[must_use]
    pub fn at(self, sso_url: &str) -> Self {
        Self { sso_url: sso_url.to_owned(), ..self }
    }

    /// Takes requests by these bindings only (`HTTP-Redirect`, `HTTP-POST`).
    #[must_use]
    pub fn sign_on_by(self, bindings: &'static [&'static str]) -> Self {
        Self { sso_bindings: bindings, ..self }
    }

    /// Takes logout messages there.
    #[must_use]
    pub fn logout_at(self, slo_url: &str) -> Self {
        Self { slo_url: Some(slo_url.to_owned()), ..self }
    }

    /// Another signing certificate, base64.
    #[must_use]
    pub fn with_key(mut self, certificate: &str) -> Self {
        self.keys.push((Some("signing"), certificate.to_owned()));
        self
    }

    /// The keys say nothing of their use.
    #[must_use]
    pub fn without_use(mut self) -> Self {
        self.keys.iter_mut().for_each(|(usage, _)| *usage = None);
        self
    }

    /// The keys are for encryption only.
    #[must_use]
    pub fn for_encryption(mut self) -> Self {
        self.keys.iter_mut().for_each(|(usage, _)| *usage = Some("encryption"));
        self
    }

    #[must_use]
    pub fn without_keys(self) -> Self {
        Self { keys: Vec::new(), ..self }
    }

    #[must_use]
    pub fn valid_until(self, end: UnixTime) -> Self {
        Self { valid_until: Some(end), ..self }
    }

    /// An `xs:duration`, as in `PT1H`.
    #[must_use]
    pub fn cached_for(self, duration: &str) -> Self {
        Self { cache_duration: Some(duration.to_owned()), ..self }
    }

    /// What people call it (`mdui:DisplayName`).
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        Self { display_name: Some(name.to_owned()), ..self }
    }

    /// A domain that it may speak for (`shibmd:Scope`).
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push((scope.to_owned(), false));
        self
    }

    /// A pattern of domains that it may speak for.
    #[must_use]
    pub fn scope_pattern(mut self, pattern: &str) -> Self {
        self.scopes.push((pattern.to_owned(), true));
        self
    }

    /// With an enveloped signature of that key.
    #[must_use]
    pub fn signed_by(self, signer: &Signing) -> Self {
        Self { signer: Some(signer.clone()), ..self }
    }

    #[must_use]
    pub fn build(&self) -> String {
        let id = self.signer.as_ref().map(|_| "_metadata");
        let xml = format!(
            "<md:EntityDescriptor xmlns:md=\"{MD}\"{}{} entityID=\"{}\"{}>\
             <md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}{}{}{}\
             </md:IDPSSODescriptor></md:EntityDescriptor>",
            optional("ID", id),
            optional("cacheDuration", self.cache_duration.as_deref()),
            attribute(&self.entity_id),
            optional("validUntil", self.valid_until.map(UnixTime::to_rfc3339).as_deref()),
            self.extensions(),
            self.keys.iter().map(|(usage, key)| key_descriptor(*usage, key)).collect::<String>(),
            self.slo_url
                .iter()
                .map(|url| service("SingleLogoutService", "HTTP-Redirect", url))
                .collect::<String>(),
            self.sso_bindings
                .iter()
                .map(|binding| service("SingleSignOnService", binding, &self.sso_url))
                .collect::<String>(),
        );
        match &self.signer {
            Some(signer) => sign(&xml, "_metadata", "<md:IDPSSODescriptor", signer),
            None => xml,
        }
    }

    fn extensions(&self) -> String {
        let scopes = self.scopes.iter().map(|(scope, pattern)| {
            format!(
                "<shibmd:Scope xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\" \
                 regexp=\"{pattern}\">{}</shibmd:Scope>",
                text(scope)
            )
        });
        let scopes: String = scopes.collect();
        let name = self.display_name.as_ref().map_or_else(String::new, |name| {
            format!(
                "<mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\">\
                 <mdui:DisplayName xml:lang=\"en\">{}</mdui:DisplayName></mdui:UIInfo>",
                text(name)
            )
        });
        if scopes.is_empty() && name.is_empty() {
            return String::new();
        }
        format!("<md:Extensions>{scopes}{name}</md:Extensions>")
    }
}

/// A federation's `EntitiesDescriptor` around entities as [`MetadataBuilder`] builds them.
#[must_use]
pub fn aggregate(
    entities: impl Iterator<Item = String>,
    valid_until: Option<UnixTime>,
    signer: Option<&Signing>,
) -> String {
    let end = optional("validUntil", valid_until.map(UnixTime::to_rfc3339).as_deref());
    let mut xml = format!("<md:EntitiesDescriptor xmlns:md=\"{MD}\" ID=\"_aggregate\"{end}>\n");
    for entity in entities {
        // In canonical form it inherits the declaration.
        xml += &entity.replacen(&format!(" xmlns:md=\"{MD}\""), "", 1);
        xml.push('\n');
    }
    xml += "</md:EntitiesDescriptor>";
    match signer {
        Some(signer) => sign(&xml, "_aggregate", "\n", signer),
        None => xml,
    }
}

/// Puts the signature over `xml` before the first `place`.
fn sign(xml: &str, id: &str, place: &str, signer: &Signing) -> String {
    let signature = signer.signature_for(xml, id, &Algorithms::of(&signer.key));
    xml.replacen(place, &format!("{signature}{place}"), 1)
}

fn key_descriptor(usage: Option<&str>, certificate: &str) -> String {
    format!(
        "<md:KeyDescriptor{}><ds:KeyInfo xmlns:ds=\"{DS}\"><ds:X509Data><ds:X509Certificate>\
         {certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        optional("use", usage)
    )
}

fn service(name: &str, binding: &str, url: &str) -> String {
    let url = attribute(url);
    format!("<md:{name} Binding=\"{BINDINGS}:{binding}\" Location=\"{url}\"></md:{name}>")
}

fn optional(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" {name}=\"{}\"", attribute(value)))
}
