//! The SAML side of an `IdentityProvider`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OneOrMany, is_default, yes};
use crate::domain::{
    resource::{Invalid, Ref, check_url, read},
    words::ClientId,
};

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

impl SamlConfiguration {
    pub(super) fn parse(value: Value) -> Result<Self, Invalid> {
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
            None if self.allow_idp_initiated && self.entity_id.is_none() => Err(Invalid::new(
                "allowIdpInitiated",
                "is for one provider; nobody has picked a member of the federation before such a response",
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Each configuration differs from a good one by what is named first.
    #[test]
    fn what_cannot_work_is_refused_by_its_name() {
        let names = json!({ "entityId": "idp", "ssoUrl": "https://idp.example/sso", "x509Certificate": "MII" });
        let metadata = json!({ "metadataUrl": "https://idp.example/metadata" });
        let federation = json!({ "federation": true, "metadataUrl": "https://federation.example/feed",
            "metadataCertificate": "MII" });
        for (what, base, more, refused) in [
            ("three names", &names, json!({}), None),
            ("metadata", &metadata, json!({}), None),
            ("a federation", &federation, json!({}), None),
            ("one of a federation", &federation, json!({ "entityId": "idp" }), None),
            ("nothing", &json!({}), json!({}), Some("entityId")),
            ("no address", &names, json!({ "ssoUrl": null }), Some("ssoUrl")),
            ("no key", &names, json!({ "x509Certificate": null }), Some("x509Certificate")),
            ("no address at all", &names, json!({ "ssoUrl": "idp.example" }), Some("ssoUrl")),
            (
                "a logout address of nowhere",
                &names,
                json!({ "sloUrl": "javascript:0" }),
                Some("sloUrl"),
            ),
            (
                "metadata of nowhere",
                &metadata,
                json!({ "metadataUrl": "file:///etc" }),
                Some("metadataUrl"),
            ),
            (
                "clocks that differ by hours",
                &names,
                json!({ "clockSkewSeconds": 301 }),
                Some("clockSkewSeconds"),
            ),
            (
                "clocks that differ backwards",
                &names,
                json!({ "clockSkewSeconds": -1 }),
                Some("clockSkewSeconds"),
            ),
            (
                "hammering",
                &metadata,
                json!({ "metadataRefreshSeconds": 299 }),
                Some("metadataRefreshSeconds"),
            ),
            (
                "forgetting",
                &metadata,
                json!({ "metadataRefreshSeconds": 604_801 }),
                Some("metadataRefreshSeconds"),
            ),
            (
                "keys for ever",
                &metadata,
                json!({ "metadataKeyGraceSeconds": 7_776_001 }),
                Some("metadataKeyGraceSeconds"),
            ),
            ("pasted", &federation, json!({ "metadataXml": "<x/>" }), Some("metadataXml")),
            (
                "one address for all",
                &federation,
                json!({ "ssoUrl": "https://a.example" }),
                Some("ssoUrl"),
            ),
            (
                "one logout for all",
                &federation,
                json!({ "sloUrl": "https://a.example" }),
                Some("sloUrl"),
            ),
            (
                "one key for all",
                &federation,
                json!({ "x509Certificate": "MII" }),
                Some("x509Certificate"),
            ),
            (
                "no feed",
                &federation,
                json!({ "metadataUrl": null, "entityId": "a", "metadataXml": null }),
                Some("entityId"),
            ),
            (
                "no signer",
                &federation,
                json!({ "metadataCertificate": null }),
                Some("metadataCertificate"),
            ),
            (
                "begun by anybody",
                &federation,
                json!({ "allowIdpInitiated": true }),
                Some("allowIdpInitiated"),
            ),
            (
                "begun by the one",
                &federation,
                json!({ "allowIdpInitiated": true, "entityId": "a" }),
                None,
            ),
            ("begun by the one provider", &names, json!({ "allowIdpInitiated": true }), None),
            ("unknown", &names, json!({ "allowEverything": true }), Some("allowEverything")),
        ] {
            let mut value = base.clone();
            for (name, more) in more.as_object().into_iter().flatten() {
                value[name] = more.clone();
            }
            let parsed = SamlConfiguration::parse(value);
            let path = parsed.err().map(|invalid| invalid.to_string());
            match (&path, refused) {
                (None, None) => {}
                (Some(path), Some(refused)) => assert!(path.contains(refused), "{what}: {path}"),
                _ => panic!("{what}: {path:?}, not {refused:?}"),
            }
        }
    }
}
