//! `IdentityProvider`: whoever authenticates people for us, over SAML or OpenID Connect.

mod saml;

pub use saml::{
    Comparison, IdpInitiated, IdpInitiatedPolicy, NameIdFormat, SamlConfiguration, Scoping,
    SsoBinding,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Invalid, Ref, check_name, check_slug, check_url, read};
use crate::domain::{
    mapping::MappingConfiguration,
    provisioning::{Create, Link, Provisioning},
    words::{IdpId, OrganizationId},
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

fn default_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
