//! What we know of a provider, ready to use.

use crate::domain::{
    resource::{Invalid, OneOrMany, SamlConfiguration, SsoBinding, check_url},
    words::UnixTime,
};

use super::{
    certificates::{CertificateInfo, SigningKey, Trust},
    metadata::{IdpMetadata, parse_metadata_signed_by},
    scopes::Scope,
};

/// More signing certificates than this are a mistake; each costs a verification.
const MOST_CERTIFICATES: usize = 10;

/// Where a provider takes logout messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SloEndpoint {
    /// How messages travel there.
    pub binding: SsoBinding,
    /// For requests.
    pub url: String,
    /// For responses: `ResponseLocation`, else the same (SAML Metadata §2.2.2).
    pub response_url: String,
}

/// One identity provider: names, endpoints, keys and switches. Made once for each configuration.
pub struct Idp {
    entity_id: String,
    binding: SsoBinding,
    sso_url: String,
    slo: Option<SloEndpoint>,
    trust: Trust,
    sign_requests: bool,
    valid_until: Option<UnixTime>,
    cache_duration: Option<i64>,
    allow_cbc: bool,
    want_encryption: bool,
    clock_skew: i64,
    /// Whether the configuration itself names the keys.
    keys_named: bool,
    scopes: Vec<Scope>,
}

impl Idp {
    /// From the configuration and, where `metadataUrl` is set, the metadata last fetched.
    ///
    /// What the configuration names itself (`entityId`, `ssoUrl`, `sloUrl`, `x509Certificate`) counts;
    /// metadata fills the rest. An `entityId` beside metadata must be the metadata's.
    ///
    /// # Errors
    /// [`Invalid`] with a path below `configuration`.
    pub fn new(
        configuration: &SamlConfiguration,
        fetched_metadata: Option<&str>,
    ) -> Result<Self, Invalid> {
        let metadata = find_metadata(configuration, fetched_metadata)?.unwrap_or_default();
        Self::with(configuration, metadata)
    }

    /// From one entity of an aggregate, whose signature [`super::read_aggregate`] has verified: nothing
    /// else may be handed in here.
    ///
    /// # Errors
    /// [`Invalid`] with a path below `configuration`.
    pub fn of_entity(configuration: &SamlConfiguration, xml: &str) -> Result<Self, Invalid> {
        Self::with(configuration, parse_metadata_signed_by(xml, None)?)
    }

    fn with(configuration: &SamlConfiguration, metadata: IdpMetadata) -> Result<Self, Invalid> {
        let named = configuration.x509_certificate.as_ref();
        let named = named.map(|list| parse_certificates("x509Certificate", list)).transpose()?;
        let keys_named = named.is_some();
        let entity_id = entity_id(configuration, &metadata)?;
        let (binding, sso_url) = sso_endpoint(configuration, &metadata)?;
        Ok(Self {
            entity_id,
            binding,
            sso_url,
            slo: slo_endpoint(configuration, &metadata),
            sign_requests: configuration.sign_authn_requests || metadata.want_authn_requests_signed,
            valid_until: metadata.valid_until,
            scopes: metadata.scopes,
            cache_duration: metadata.cache_duration,
            trust: Trust {
                keys: check_keys(named.unwrap_or(metadata.keys))?,
                allow_sha1: configuration.allow_sha1,
                allow_inclusive_c14n: configuration.allow_inclusive_c14n,
            },
            allow_cbc: configuration.allow_cbc,
            want_encryption: configuration.want_assertions_encrypted,
            clock_skew: configuration.clock_skew_seconds.clamp(0, 300),
            keys_named,
        })
    }

    /// Believes these certificates too, base64 each: keys that earlier metadata named and that drain.
    /// Where the configuration names keys, only those count. What is no certificate is passed over.
    #[must_use]
    pub fn with_draining<'a>(mut self, certificates: impl Iterator<Item = &'a str>) -> Self {
        if self.keys_named {
            return self;
        }
        for key in certificates.filter_map(|base64| SigningKey::parse(base64).ok()) {
            let known =
                self.trust.keys.iter().any(|other| other.info.fingerprint == key.info.fingerprint);
            if !known && self.trust.keys.len() < MOST_CERTIFICATES {
                self.trust.keys.push(key);
            }
        }
        self
    }

    /// The provider's entityID: the only issuer that counts.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where `AuthnRequest`s go.
    #[must_use]
    pub fn sso_url(&self) -> &str {
        &self.sso_url
    }

    /// How they travel.
    #[must_use]
    pub fn sso_binding(&self) -> SsoBinding {
        self.binding
    }

    /// Where logout messages go, if the provider takes them.
    #[must_use]
    pub const fn slo(&self) -> Option<&SloEndpoint> {
        self.slo.as_ref()
    }

    /// Whether our requests are signed: by configuration, or because the provider insists.
    #[must_use]
    pub fn signs_requests(&self) -> bool {
        self.sign_requests
    }

    /// The certificates whose keys we believe.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateInfo> {
        self.trust.keys.iter().map(|key| &key.info)
    }

    /// When the metadata runs out; no response is believed afterwards.
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixTime> {
        self.valid_until
    }

    /// Seconds after which the metadata should be fetched again, if it says so.
    #[must_use]
    pub fn cache_duration(&self) -> Option<i64> {
        self.cache_duration
    }

    /// The domains that the provider may speak for; empty: its metadata says nothing.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Seconds that clocks may differ.
    #[must_use]
    pub fn clock_skew(&self) -> i64 {
        self.clock_skew
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(super) fn allows_cbc(&self) -> bool {
        self.allow_cbc
    }

    pub(super) fn wants_encryption(&self) -> bool {
        self.want_encryption
    }
}

/// The metadata that counts: fetched before pasted; signed, where a signer is pinned.
fn find_metadata(
    configuration: &SamlConfiguration,
    fetched: Option<&str>,
) -> Result<Option<IdpMetadata>, Invalid> {
    let url = configuration.metadata_url.as_deref();
    let (path, xml) = match (fetched.filter(|_| url.is_some()), &configuration.metadata_xml) {
        (Some(xml), _) => ("metadataUrl", xml),
        (None, Some(xml)) => ("metadataXml", xml.as_str()),
        (None, None) => return Ok(None),
    };
    let signers = metadata_signers(configuration)?;
    let metadata = parse_metadata_signed_by(xml, signers.as_ref());
    metadata.map(Some).map_err(|invalid| Invalid { path: path.to_owned(), ..invalid })
}

/// Whoever has to sign the metadata, if the configuration says so.
pub(super) fn metadata_signers(
    configuration: &SamlConfiguration,
) -> Result<Option<Trust>, Invalid> {
    let pinned = configuration.metadata_certificate.as_ref();
    let pinned = pinned.map(|list| parse_certificates("metadataCertificate", list)).transpose()?;
    Ok(pinned.map(|keys| Trust {
        keys,
        allow_sha1: configuration.allow_sha1,
        allow_inclusive_c14n: configuration.allow_inclusive_c14n,
    }))
}

fn parse_certificates(path: &str, list: &OneOrMany) -> Result<Vec<SigningKey>, Invalid> {
    let parse = |(index, text): (usize, &String)| {
        SigningKey::parse(text).map_err(|unusable| {
            let path = match list {
                OneOrMany::One(_) => path.to_owned(),
                OneOrMany::Many(_) => format!("{path}[{index}]"),
            };
            Invalid::new(path, unusable.to_string())
        })
    };
    list.as_slice().iter().enumerate().map(parse).collect()
}

fn check_keys(keys: Vec<SigningKey>) -> Result<Vec<SigningKey>, Invalid> {
    match keys.len() {
        0 => Err(Invalid::new("x509Certificate", "is missing, and there is no metadata")),
        1..=MOST_CERTIFICATES => Ok(keys),
        _ => Err(Invalid::new("x509Certificate", format!("more than {MOST_CERTIFICATES}"))),
    }
}

/// The pinned name; what metadata says must be the same.
fn entity_id(configuration: &SamlConfiguration, metadata: &IdpMetadata) -> Result<String, Invalid> {
    let named = configuration.entity_id.as_deref().map(str::trim).filter(|name| !name.is_empty());
    match (named, metadata.entity_id.as_str()) {
        (None, "") => Err(Invalid::new("entityId", "is missing, and there is no metadata")),
        (None, found) => Ok(found.to_owned()),
        (Some(named), "") => Ok(named.to_owned()),
        (Some(named), found) if named == found => Ok(found.to_owned()),
        (Some(_), found) => {
            Err(Invalid::new("entityId", format!("differs from the metadata, which says {found}")))
        }
    }
}

/// The configured URL, with what metadata says about it; from metadata redirect before POST.
fn slo_endpoint(configuration: &SamlConfiguration, metadata: &IdpMetadata) -> Option<SloEndpoint> {
    let mut published = metadata.slo.iter().filter(|slo| {
        [&slo.url, &slo.response_url].iter().all(|url| check_url("slo", url).is_ok())
    });
    let Some(url) = &configuration.slo_url else {
        return published.min_by_key(|slo| slo.binding == SsoBinding::Post).cloned();
    };
    published.find(|slo| slo.url == *url).cloned().or_else(|| {
        let (url, response_url) = (url.clone(), url.clone());
        Some(SloEndpoint { binding: SsoBinding::Redirect, url, response_url })
    })
}

/// The configured URL and binding; from metadata redirect before POST.
fn sso_endpoint(
    configuration: &SamlConfiguration,
    metadata: &IdpMetadata,
) -> Result<(SsoBinding, String), Invalid> {
    let offered = |binding| match binding {
        SsoBinding::Redirect => metadata.sso_redirect.as_ref(),
        SsoBinding::Post => metadata.sso_post.as_ref(),
    };
    let first = [SsoBinding::Redirect, SsoBinding::Post]
        .into_iter()
        .find_map(|binding| Some((binding, offered(binding)?)));
    let (binding, url) = match (&configuration.sso_url, configuration.sso_binding, first) {
        (Some(url), Some(wanted), _) => (wanted, url),
        (Some(url), None, Some((binding, known))) if url == known => (binding, url),
        (Some(url), None, _) if metadata.sso_post.as_ref() == Some(url) => (SsoBinding::Post, url),
        (Some(url), None, _) => (SsoBinding::Redirect, url),
        (None, None, Some(first)) => first,
        (None, None, None) if metadata.entity_id.is_empty() => {
            return Err(Invalid::new("ssoUrl", "is missing, and no metadata has it"));
        }
        (None, _, None) => return Err(Invalid::new("ssoUrl", NOWHERE_TO_SIGN_IN)),
        (None, Some(wanted), Some((other, _))) => match offered(wanted) {
            Some(url) => (wanted, url),
            None => return Err(Invalid::new("ssoBinding", not_offered(wanted, other))),
        },
    };
    check_url("ssoUrl", url)?;
    Ok((binding, url.clone()))
}

const NOWHERE_TO_SIGN_IN: &str = "is missing, and the metadata has no SingleSignOnService by redirect or POST: ask the \
                                  provider for its identity provider metadata";

fn not_offered(wanted: SsoBinding, other: SsoBinding) -> String {
    let word = |binding| match binding {
        SsoBinding::Redirect => "redirect",
        SsoBinding::Post => "post",
    };
    let (wanted, other) = (word(wanted), word(other));
    format!(
        "is {wanted}, but the metadata offers sign-in by {other} only: say {other}, or leave it out"
    )
}
