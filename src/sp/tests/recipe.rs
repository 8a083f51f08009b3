//! From a recipe to a message: our sample provider speaks, then the attacker edits.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    samples::saml_idp::{Encryption, ResponseBuilder, SampleIdp, encrypted_assertion},
    sp::Idp,
};

use super::{
    super::{escape, names},
    edits::{Edit, Names, cut, expand, pieces},
    template,
    verbs::Verb,
    world::{ACS, ENTITY, ISSUER, Key, NOW, REQUEST, SP, configured, described, provider},
};

/// How a message comes about.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Recipe {
    /// The provider's name.
    pub(super) issuer: String,
    key: Key,
    /// The keys that we believe, if not just `key`.
    trusted: Vec<Key>,
    /// More of the provider's configuration.
    settings: Value,
    /// Known by metadata that runs out in so many seconds.
    metadata_ends: Option<i64>,
    /// Delivered where no request is pending.
    unsolicited: bool,
    /// Deviations of the sample provider, before it signs.
    make: Vec<Verb>,
    /// Instead of the sample provider's: a whole response, whose signatures are filled in.
    template: Option<String>,
    /// Whether a template's assertion is encrypted, before the response is signed.
    encrypt: bool,
    /// What stands in the place of the signed element, from its pieces.
    place: Option<String>,
    /// Edits by whoever delivers it.
    edit: Vec<Edit>,
    /// Edits outside of the assertion, which may be encrypted by then.
    around: Vec<Edit>,
    wire: Wire,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            issuer: ISSUER.to_owned(),
            key: Key::default(),
            trusted: Vec::new(),
            settings: Value::Null,
            metadata_ends: None,
            unsolicited: false,
            make: Vec::new(),
            template: None,
            encrypt: false,
            place: None,
            edit: Vec::new(),
            around: Vec::new(),
            wire: Wire::default(),
        }
    }
}

/// How the text becomes the form parameter.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Wire {
    #[default]
    Base64,
    Base64Lines,
    Base64Url,
    Base64Unpadded,
    NoBase64,
    Utf16,
    Utf16WithMark,
    Latin1,
}

/// A message, and the plain text of its assertion for comparison.
pub(super) struct Message {
    pub(super) saml_response: String,
    pub(super) plain: String,
    /// Whether it comes without a pending request.
    pub(super) unsolicited: bool,
}

impl Recipe {
    /// The provider as we know it.
    pub(super) fn idp(&self) -> Idp {
        let keys = if self.trusted.is_empty() { &[self.key][..] } else { &self.trusted };
        match self.metadata_ends {
            Some(seconds) => described(self.provider(), NOW.plus(seconds)),
            None => configured(&self.issuer, keys, &self.settings),
        }
    }

    /// The provider itself.
    pub(super) fn provider(&self) -> &'static SampleIdp {
        provider(&self.issuer, self.key)
    }

    /// Follows the recipe; `inside` an encrypted assertion as well.
    pub(super) fn follow(&self, inside: bool) -> Message {
        let (xml, plain) = self.written(inside);
        let names = self.names(&plain);
        let xml = self.placed(xml, &names);
        let xml = self.edit.iter().fold(xml, |xml, edit| edit.apply(&xml, &names));
        let xml = if inside { hidden(&xml) } else { xml };
        let xml = self.around.iter().fold(xml, |xml, edit| edit.apply(&xml, &names));
        let saml_response = self.wire.encode(&xml);
        Message { saml_response, plain, unsolicited: self.unsolicited }
    }

    /// What the provider sends, and the same before it was encrypted.
    fn written(&self, inside: bool) -> (String, String) {
        if let Some(template) = &self.template {
            let provider = self.provider();
            let xml = expand(template, &self.names(""));
            return template::sign(&xml, provider.signing(), self.encrypt);
        }
        let builder = self.make.iter().fold(self.honest(), Verb::apply);
        if self.make.contains(&Verb::NoAssertion) {
            let xml = BASE64_STANDARD.decode(builder.build_without_assertion()).expect("base64");
            let xml = String::from_utf8(xml).expect("text");
            return (xml.clone(), xml);
        }
        let sealed = inside && self.response_is_signed();
        let builder = if sealed { builder.encrypted_for(&SP.keys[0].certificate) } else { builder };
        let (xml, assertion) = builder.build_with_assertion();
        let plain = if xml.contains("<saml:EncryptedAssertion") { assertion } else { xml.clone() };
        (xml, plain)
    }

    fn response_is_signed(&self) -> bool {
        self.make.contains(&Verb::SignResponse) || self.make.contains(&Verb::SignBoth)
    }

    fn honest(&self) -> ResponseBuilder {
        self.provider()
            .respond_to(REQUEST, ACS, ENTITY, NOW)
            .person("ada", &[("mail", &["ada@hospital.example"])])
    }

    /// `place` in the place of the signed element.
    fn placed(&self, xml: String, names: &Names) -> String {
        match &self.place {
            Some(place) => xml.replace(&names["signed"], &expand(place, names)),
            None => xml,
        }
    }

    /// What may stand in braces.
    fn names(&self, plain: &str) -> Names {
        let mut names: Names = [
            ("now", NOW.to_rfc3339()),
            ("soon", NOW.plus(300).to_rfc3339()),
            ("before", NOW.plus(-5).to_rfc3339()),
            ("hour", NOW.plus(3_600).to_rfc3339()),
            ("request", REQUEST.to_owned()),
            ("acs", escape::attribute(ACS)),
            ("sp", ENTITY.to_owned()),
            ("idp", escape::attribute(&self.issuer)),
            ("certificate", self.provider().certificate()),
            ("other-certificate", provider(&self.issuer, Key::Other).certificate()),
            ("saml", names::ASSERTION.to_owned()),
            ("samlp", names::PROTOCOL.to_owned()),
            ("ds", names::DS.to_owned()),
            ("xenc", names::XENC.to_owned()),
            ("exc-c14n", names::EXC_C14N.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let of_response = self.response_is_signed() && plain.starts_with("<samlp:Response");
        if plain.contains("<ds:Signature") && self.template.is_none() {
            names.extend(pieces(plain, of_response));
        }
        names
    }
}

/// Everything from the first assertion to the end of the last, encrypted to us as one.
fn hidden(xml: &str) -> String {
    if !xml.contains("<saml:Assertion") {
        return xml.to_owned();
    }
    let plain = cut(xml, "<saml:Assertion", "</saml:Assertion>");
    let sealed =
        encrypted_assertion(&plain, &SP.keys[0].certificate, Encryption::Gcm).expect("encrypted");
    xml.replacen(&plain, &sealed, 1)
}

impl Wire {
    fn encode(self, xml: &str) -> String {
        let units = || xml.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        match self {
            Self::Base64 => BASE64_STANDARD.encode(xml),
            Self::Base64Lines => {
                let encoded = BASE64_STANDARD.encode(xml);
                let lines = encoded.as_bytes().chunks(76);
                lines.map(|line| String::from_utf8_lossy(line) + "\r\n").collect()
            }
            Self::Base64Url => BASE64_URL_SAFE.encode(format!("{xml}\n<?>~~~")),
            Self::Base64Unpadded => BASE64_STANDARD_NO_PAD.encode(format!("{xml}\n")),
            Self::NoBase64 => xml.to_owned(),
            Self::Utf16 => BASE64_STANDARD.encode(units()),
            Self::Utf16WithMark => BASE64_STANDARD.encode([&[0xff, 0xfe][..], &units()].concat()),
            Self::Latin1 => BASE64_STANDARD.encode([xml.as_bytes(), b"\n\xe4"].concat()),
        }
    }
}
