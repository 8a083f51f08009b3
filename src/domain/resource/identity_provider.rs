//! `IdentityProvider`: whoever authenticates people for us, over SAML or OpenID Connect.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Invalid, Ref, check_name, check_slug, check_url, read};
use crate::domain::{
    mapping::MappingConfiguration,
    provisioning::{Create, Link, Provisioning},
    words::{ClientId, IdpId, OrganizationId},
};

/// One upstream connection: how to reach it, how to read its people, whom to let in.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityProvider {
    pub id: Option<IdpId>,
    pub name: String,
    /// Absent: for everyone. Present: only for applications of that organization.
    pub organization: Option<Ref<OrganizationId>>,
    pub enabled: bool,
    pub configuration: Configuration,
    pub mapping: MappingConfiguration,
    pub provisioning: Provisioning,
}

/// What differs by protocol; `type` on the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Configuration {
    Saml(Box<SamlConfiguration>),
    Oidc(OidcConfiguration),
}

/// Everything of an `IdentityProvider` on the wire but the inside of `configuration`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<IdpId>,
    #[serde(rename = "type")]
    type_: Type,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organization: Option<Ref<OrganizationId>>,
    #[serde(default = "yes")]
    enabled: bool,
    configuration: Value,
    #[serde(default, skip_serializing_if = "is_default")]
    mapping: MappingConfiguration,
    #[serde(default, skip_serializing_if = "is_default")]
    provisioning: Provisioning,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Saml,
    Oidc,
}

/// The SAML side of an `IdentityProvider`: the three names every form knows, or metadata, then switches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SamlConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_url: Option<String>,
    /// PEM or bare base64; several while the provider changes its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x509_certificate: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_xml: Option<String>,
    /// `metadataUrl` is a federation's aggregate, signed by `metadataCertificate`; with `entityId` that one
    /// entity of it, else the person picks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub federation: bool,
    /// Seconds between two looks at `metadataUrl`, 300 to 604800; else what the metadata asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_refresh_seconds: Option<i64>,
    /// Seconds that a key counts on after the metadata stopped naming it, 0 to 7776000.
    #[serde(default = "week", skip_serializing_if = "is_week")]
    pub metadata_key_grace_seconds: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_binding: Option<SsoBinding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo_url: Option<String>,
    /// Our own entityID towards this provider; the metadata URL unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_entity_id: Option<String>,
    #[serde(default = "yes")]
    pub sign_authn_requests: bool,
    #[serde(default)]
    pub want_assertions_encrypted: bool,
    #[serde(default)]
    pub name_id_format: NameIdFormat,
    #[serde(default)]
    pub force_authn: bool,
    /// A silent request of an application (`prompt=none`) is passed on as `IsPassive`.
    #[serde(default)]
    pub is_passive: bool,
    /// Requested `AuthnContextClassRef`s, in order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authn_context: Vec<String>,
    /// How the class that the provider uses must compare to those.
    #[serde(default)]
    pub authn_context_comparison: Comparison,
    /// Our name as the provider may show it to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_name: Option<String>,
    /// Whom a provider that is a proxy itself may ask.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scoping: Scoping,
    #[serde(default)]
    pub allow_idp_initiated: bool,
    /// What happens then; without effect while it is not allowed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idp_initiated: IdpInitiated,
    /// Seconds, 0 to 300, that clocks may differ.
    #[serde(default = "minute")]
    pub clock_skew_seconds: i64,
    /// Whoever has to sign the metadata; PEM or bare base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_certificate: Option<OneOrMany>,
    /// Concession to an old provider: signatures with SHA-1.
    #[serde(default)]
    pub allow_sha1: bool,
    /// Concession to an old provider: AES-CBC, under a signed response only.
    #[serde(default)]
    pub allow_cbc: bool,
    /// Concession to an old provider: Canonical XML 1.0 in signatures.
    #[serde(default)]
    pub allow_inclusive_c14n: bool,
}

/// What a response that answers no request of ours leads to (SAML Profiles §4.1.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdpInitiated {
    #[serde(default)]
    pub policy: IdpInitiatedPolicy,
    /// The applications that it may lead to, by `RelayState`; else to the first. None: to the account page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Ref<ClientId>>,
}

/// Whether a response that nobody asked for proves anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdpInitiatedPolicy {
    /// Nothing: it only begins a sign-in of ours at the same provider.
    #[default]
    Bounce,
    /// Who the person is, once he has confirmed it on a page of ours.
    Consume,
}

/// The `Format` that we ask for (SAML Core §8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NameIdFormat {
    #[default]
    Unspecified,
    Persistent,
    EmailAddress,
    Transient,
}

/// `Comparison` of a `RequestedAuthnContext` (SAML Core §3.3.2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    #[default]
    Exact,
    Minimum,
    Maximum,
    Better,
}

/// `Scoping` of an `AuthnRequest` (SAML Core §3.4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scoping {
    /// How many more providers may stand in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_count: Option<u32>,
    /// The entityIDs of the providers that may answer in the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idp_list: Vec<String>,
}

/// How the `AuthnRequest` travels (SAML Bindings §3.4, §3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SsoBinding {
    Redirect,
    Post,
}

/// The OpenID Connect side of an `IdentityProvider`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcConfiguration {
    pub issuer: String,
    pub client_id: String,
    /// Write-only; kept sealed, apart from the rest.
    #[serde(default, skip_serializing)]
    pub client_secret: Option<String>,
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    #[serde(default)]
    pub token_endpoint_auth_method: UpstreamAuthMethod,
    /// The values of Google's `hd` claim that may enter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosted_domains: Vec<String>,
    /// Admits every account of a public issuer.
    #[serde(default)]
    pub anyone: bool,
    #[serde(default)]
    pub id_token_signed_response_alg: super::SigningAlg,
}

/// How we authenticate at the upstream's token endpoint (OIDC Core §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamAuthMethod {
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
    /// A public client, proven by PKCE alone.
    None,
}

/// One value where a list may stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl IdentityProvider {
    pub(super) fn parse(value: Value) -> Result<Self, Invalid> {
        let wire: Wire = read(value)?;
        check_slug(wire.id.as_ref().map(IdpId::as_str))?;
        check_name(&wire.name)?;
        let inside = |invalid: Invalid| invalid.below("configuration");
        let configuration = match wire.type_ {
            Type::Saml => {
                let saml = SamlConfiguration::parse(wire.configuration).map_err(inside)?;
                Configuration::Saml(Box::new(saml))
            }
            Type::Oidc => {
                Configuration::Oidc(OidcConfiguration::parse(wire.configuration).map_err(inside)?)
            }
        };
        wire.mapping.check().map_err(|invalid| invalid.below("mapping"))?;
        wire.provisioning.check().map_err(|invalid| invalid.below("provisioning"))?;
        let provider = Self {
            id: wire.id,
            name: wire.name,
            organization: wire.organization,
            enabled: wire.enabled,
            configuration,
            mapping: wire.mapping,
            provisioning: wire.provisioning,
        };
        provider.check_rules_stay_home()?;
        provider.check_federation_vouches_for_nobody()?;
        Ok(provider)
    }

    /// A rule of an organization's provider grants only inside that organization.
    fn check_rules_stay_home(&self) -> Result<(), Invalid> {
        let Some(home) = &self.organization else { return Ok(()) };
        match self.mapping.rules.iter().position(|rule| rule.organization.as_ref() != Some(home)) {
            None => Ok(()),
            Some(index) => Err(Invalid::new(
                format!("mapping.rules[{index}].organization"),
                format!("a rule of this provider grants only in Organization/{}", home.0),
            )),
        }
    }

    /// Every member of a federation can claim any address, so none leads to an account that is there.
    fn check_federation_vouches_for_nobody(&self) -> Result<(), Invalid> {
        let Configuration::Saml(saml) = &self.configuration else { return Ok(()) };
        let problem = "would let every member of the federation claim any address";
        match () {
            () if !saml.federation || saml.entity_id.is_some() => Ok(()),
            () if self.provisioning.link == Link::VerifiedEmail => {
                Err(Invalid::new("provisioning.link", problem))
            }
            () if self.provisioning.create == Some(Create::Invited) => {
                Err(Invalid::new("provisioning.create", problem))
            }
            () => Ok(()),
        }
    }

    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.configuration {
            Configuration::Saml(_) => "saml",
            Configuration::Oidc(_) => "oidc",
        }
    }
}

impl Serialize for IdentityProvider {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (type_, configuration) = match &self.configuration {
            Configuration::Saml(saml) => (Type::Saml, serde_json::to_value(saml)),
            Configuration::Oidc(oidc) => (Type::Oidc, serde_json::to_value(oidc)),
        };
        let wire = Wire {
            id: self.id.clone(),
            type_,
            name: self.name.clone(),
            organization: self.organization.clone(),
            enabled: self.enabled,
            configuration: configuration.map_err(serde::ser::Error::custom)?,
            mapping: self.mapping.clone(),
            provisioning: self.provisioning.clone(),
        };
        wire.serialize(serializer)
    }
}

impl SamlConfiguration {
    fn parse(value: Value) -> Result<Self, Invalid> {
        let saml: Self = read(value)?;
        saml.check_source()?;
        for (path, url) in [
            ("ssoUrl", &saml.sso_url),
            ("sloUrl", &saml.slo_url),
            ("metadataUrl", &saml.metadata_url),
        ] {
            url.as_deref().map(|url| check_url(path, url)).transpose()?;
        }
        if !(0..=300).contains(&saml.clock_skew_seconds) {
            return Err(Invalid::new("clockSkewSeconds", "is 0 to 300"));
        }
        saml.check_federation()?;
        if saml.metadata_refresh_seconds.is_some_and(|seconds| !(300..=WEEK).contains(&seconds)) {
            return Err(Invalid::new("metadataRefreshSeconds", "is 300 to 604800"));
        }
        if !(0..=7_776_000).contains(&saml.metadata_key_grace_seconds) {
            return Err(Invalid::new("metadataKeyGraceSeconds", "is 0 to 7776000"));
        }
        Ok(saml)
    }

    /// An aggregate is believed only by its signer; what differs by entity is named nowhere else.
    fn check_federation(&self) -> Result<(), Invalid> {
        let of_one = [
            ("metadataXml", self.metadata_xml.is_some()),
            ("ssoUrl", self.sso_url.is_some()),
            ("sloUrl", self.slo_url.is_some()),
            ("x509Certificate", self.x509_certificate.is_some()),
        ];
        match of_one.into_iter().find(|(_, given)| *given) {
            _ if !self.federation => Ok(()),
            Some((path, _)) => Err(Invalid::new(path, "is for one provider, not for a federation")),
            None if self.metadata_url.is_none() => Err(Invalid::new(
                "metadataUrl",
                "is missing; a federation publishes its members there",
            )),
            None if self.metadata_certificate.is_none() => Err(Invalid::new(
                "metadataCertificate",
                "is missing; a federation's metadata counts only with its signature",
            )),
            None => Ok(()),
        }
    }

    /// The provider is described by metadata or by the three names.
    fn check_source(&self) -> Result<(), Invalid> {
        if self.metadata_url.is_some() || self.metadata_xml.is_some() {
            return Ok(());
        }
        let missing = |path: &str| {
            Invalid::new(path, "is missing; give entityId, ssoUrl and x509Certificate, or metadata")
        };
        match () {
            () if self.entity_id.is_none() => Err(missing("entityId")),
            () if self.sso_url.is_none() => Err(missing("ssoUrl")),
            () if self.x509_certificate.is_none() => Err(missing("x509Certificate")),
            () => Ok(()),
        }
    }
}

impl OidcConfiguration {
    fn parse(value: Value) -> Result<Self, Invalid> {
        let mut oidc: Self = read(value)?;
        check_url("issuer", &oidc.issuer)?;
        if oidc.client_id.trim().is_empty() {
            return Err(Invalid::new("clientId", "is empty"));
        }
        if !oidc.scopes.iter().any(|scope| scope == "openid") {
            oidc.scopes.insert(0, "openid".to_owned());
        }
        Ok(oidc)
    }
}

fn yes() -> bool {
    true
}

const WEEK: i64 = 7 * 86_400;

fn week() -> i64 {
    WEEK
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_week(seconds: &i64) -> bool {
    *seconds == WEEK
}

fn minute() -> i64 {
    60
}

fn default_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
