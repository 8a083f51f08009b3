//! SAML metadata: theirs, read; ours, written (SAML Metadata §2).

use openssl::error::ErrorStack;

use crate::domain::{
    metadata::{Description, Endpoint},
    resource::{Invalid, NameIdFormat, SsoBinding},
    words::UnixTime,
};

use super::{
    certificates::{CertificateInfo, SigningKey, Trust, to_base64},
    duration, escape,
    idp::SloEndpoint,
    names::{
        DS, EMAIL_ADDRESS, METADATA, PERSISTENT, POST, PROTOCOL, REDIRECT, SHIBMD, TRANSIENT,
        UNSPECIFIED,
    },
    rejection::Rejection,
    scopes::Scope,
    service_provider::{Published, ServiceProvider, SpKey},
    signature,
    transport::{NotBuilt, sign_enveloped},
    tree::{Node, Tree, attribute, child, children, is, normalise, text},
    xml::{Comments, METADATA_BYTES},
};

/// What the metadata of one identity provider says.
#[derive(Default)]
pub struct IdpMetadata {
    /// The provider's entityID.
    pub entity_id: String,
    /// `SingleSignOnService` by HTTP-Redirect.
    pub sso_redirect: Option<String>,
    /// `SingleSignOnService` by HTTP-POST.
    pub sso_post: Option<String>,
    /// Every `SingleLogoutService` of a binding that we speak.
    pub slo: Vec<SloEndpoint>,
    /// Whether the provider insists on signed requests.
    pub want_authn_requests_signed: bool,
    /// The `NameIDFormat`s that the provider names.
    pub name_id_formats: Vec<String>,
    /// The earliest `validUntil` on the way to the descriptor.
    pub valid_until: Option<UnixTime>,
    /// The shortest `cacheDuration`, in seconds.
    pub cache_duration: Option<i64>,
    /// The domains that the provider may speak for, if it says so (`shibmd:Scope`).
    pub scopes: Vec<Scope>,
    pub(super) keys: Vec<SigningKey>,
}

impl IdpMetadata {
    /// The certificates that sign, usable ones only; never empty.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateInfo> {
        self.keys.iter().map(|key| &key.info)
    }

    /// The certificate of that fingerprint, as base64.
    #[must_use]
    pub fn certificate(&self, fingerprint: &str) -> Option<&str> {
        let found = self.keys.iter().find(|key| key.info.fingerprint == fingerprint)?;
        Some(&found.base64)
    }

    /// What it says, for comparing it with another.
    #[must_use]
    pub fn description(&self) -> Description {
        let mut endpoints = std::collections::BTreeMap::new();
        let sso = [
            (Endpoint::SingleSignOnByRedirect, &self.sso_redirect),
            (Endpoint::SingleSignOnByPost, &self.sso_post),
        ];
        for (endpoint, url) in sso {
            endpoints.extend(url.clone().map(|url| (endpoint, url)));
        }
        for slo in &self.slo {
            let endpoint = match slo.binding {
                SsoBinding::Redirect => Endpoint::SingleLogoutByRedirect,
                SsoBinding::Post => Endpoint::SingleLogoutByPost,
            };
            // Every place that a logout message may go to counts.
            let places: &mut String = endpoints.entry(endpoint).or_default();
            for url in [&slo.url, &slo.response_url] {
                if !places.split(' ').any(|known| known == url) {
                    *places = format!("{places} {url}").trim_start().to_owned();
                }
            }
        }
        let keys = self.certificates().map(|key| (key.fingerprint.clone(), key.subject.clone()));
        Description {
            entity_id: self.entity_id.clone(),
            keys: keys.collect(),
            endpoints,
            name_id_formats: self.name_id_formats.clone(),
            wants_signed_requests: self.want_authn_requests_signed,
            valid_until: self.valid_until,
        }
    }
}

/// Reads the metadata of one identity provider: an `EntityDescriptor`, or an `EntitiesDescriptor` that
/// holds exactly one with an `IDPSSODescriptor`.
///
/// # Errors
/// [`Invalid`] at `metadataXml`: not readable, several providers, or no usable signing key.
pub fn parse_metadata(xml: &str) -> Result<IdpMetadata, Invalid> {
    parse_metadata_signed_by(xml, None)
}

/// As [`parse_metadata`]; `signers`, if given, must have signed the root or the entity.
pub(super) fn parse_metadata_signed_by(
    xml: &str,
    signers: Option<&Trust>,
) -> Result<IdpMetadata, Invalid> {
    let invalid =
        |problem: &dyn std::fmt::Display| Invalid::new("metadataXml", problem.to_string());
    if xml.len() > METADATA_BYTES {
        return Err(invalid(&Rejection::TooLarge));
    }
    let xml = normalise(xml);
    let tree = Tree::parse(&xml, Comments::Skipped).map_err(|rejection| invalid(&rejection))?;
    let (entity, descriptor) = find_provider(tree.root()).map_err(|problem| invalid(&problem))?;
    if let Some(signers) = signers {
        check_signed(&[tree.root(), entity], signers).map_err(|rejection| invalid(&rejection))?;
    }
    let metadata = read(entity, descriptor).map_err(|rejection| invalid(&rejection))?;
    match () {
        () if metadata.entity_id.is_empty() => Err(invalid(&"has no entityID")),
        () if metadata.keys.is_empty() => Err(invalid(&"has no usable signing certificate")),
        () => Ok(metadata),
    }
}

/// The one entity that is an identity provider, and its descriptor.
pub(super) fn find_provider(root: Node<'_>) -> Result<(Node<'_>, Node<'_>), &'static str> {
    let entities = match () {
        () if is(root, METADATA, "EntityDescriptor") => vec![root],
        () if is(root, METADATA, "EntitiesDescriptor") => entities_in(root),
        () => return Err("is not SAML metadata: its root is no EntityDescriptor"),
    };
    let speaks_saml2 = |node: &Node| {
        let protocols = attribute(*node, "protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL)
    };
    let mut providers = entities.into_iter().flat_map(|entity| {
        let descriptors = children(entity, METADATA, "IDPSSODescriptor").filter(speaks_saml2);
        descriptors.map(move |descriptor| (entity, descriptor))
    });
    match (providers.next(), providers.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err("describes no SAML 2.0 identity provider"),
        (Some(_), Some(_)) => Err("describes several identity providers; cut out the one you mean"),
    }
}

/// Every entity in a container and in the containers inside it; the parser bounds their depth.
fn entities_in(container: Node<'_>) -> Vec<Node<'_>> {
    let nested = children(container, METADATA, "EntitiesDescriptor").flat_map(entities_in);
    children(container, METADATA, "EntityDescriptor").chain(nested).collect()
}

fn check_signed(nodes: &[Node], signers: &Trust) -> Result<(), Rejection> {
    for node in nodes {
        let signed = signature::verify(*node, signers).map_err(|fault| fault.rejection())?;
        if signed.is_some() {
            return Ok(());
        }
    }
    Err(Rejection::Unsigned)
}

pub(super) fn read(entity: Node, descriptor: Node) -> Result<IdpMetadata, Rejection> {
    let path: Vec<_> = descriptor.ancestors().filter(Node::is_element).collect();
    let times = path.iter().filter_map(|node| attribute(*node, "validUntil"));
    let times = times.map(|time| UnixTime::parse_rfc3339(time.trim_ascii()));
    let times = times.collect::<Option<Vec<_>>>().ok_or(Rejection::NotATime)?;
    let caches = path.iter().filter_map(|node| attribute(*node, "cacheDuration"));
    let wanted = attribute(descriptor, "WantAuthnRequestsSigned");
    let formats = children(descriptor, METADATA, "NameIDFormat");
    let formats = formats.map(|node| Ok(text(node)?.trim_ascii().to_owned()));
    Ok(IdpMetadata {
        entity_id: attribute(entity, "entityID").unwrap_or_default().to_owned(),
        sso_redirect: endpoint(descriptor, "SingleSignOnService", REDIRECT),
        sso_post: endpoint(descriptor, "SingleSignOnService", POST),
        slo: children(descriptor, METADATA, "SingleLogoutService").filter_map(slo).collect(),
        want_authn_requests_signed: matches!(wanted, Some("true" | "1")),
        name_id_formats: formats.collect::<Result<_, _>>()?,
        valid_until: times.into_iter().min(),
        cache_duration: caches.filter_map(duration::parse).min(),
        scopes: [entity, descriptor].into_iter().flat_map(scopes).collect(),
        keys: signing_keys(descriptor)?,
    })
}

/// The `shibmd:Scope`s in the extensions of an entity or a descriptor.
fn scopes(node: Node) -> Vec<Scope> {
    let extensions = children(node, METADATA, "Extensions");
    extensions.flat_map(|node| children(node, SHIBMD, "Scope")).filter_map(Scope::read).collect()
}

fn endpoint(descriptor: Node, name: &'static str, binding: &str) -> Option<String> {
    let mut services = children(descriptor, METADATA, name);
    let service = services.find(|service| attribute(*service, "Binding") == Some(binding))?;
    attribute(service, "Location").map(str::to_owned)
}

fn slo(service: Node) -> Option<SloEndpoint> {
    let binding = match attribute(service, "Binding")? {
        REDIRECT => SsoBinding::Redirect,
        POST => SsoBinding::Post,
        _ => return None,
    };
    let url = attribute(service, "Location")?;
    let response_url = attribute(service, "ResponseLocation").unwrap_or(url);
    Some(SloEndpoint { binding, url: url.to_owned(), response_url: response_url.to_owned() })
}

/// Keys of use `signing` or of any use; those that are too weak are passed over.
fn signing_keys(descriptor: Node) -> Result<Vec<SigningKey>, Rejection> {
    let mut keys: Vec<SigningKey> = Vec::new();
    for node in children(descriptor, METADATA, "KeyDescriptor") {
        if !matches!(attribute(node, "use"), None | Some("signing")) {
            continue;
        }
        for data in
            child(node, DS, "KeyInfo")?.iter().flat_map(|info| children(*info, DS, "X509Data"))
        {
            // Only the first: what follows is a chain, whose keys sign no assertions.
            let certificate = children(data, DS, "X509Certificate").next().map(text).transpose()?;
            keys.extend(certificate.and_then(|base64| SigningKey::parse(&base64).ok()));
        }
    }
    Ok(keys)
}

/// Writes our metadata: signing and encryption keys, single logout, one ACS by POST.
///
/// `name_id_format` is what we ask this provider for; `sign_requests` whether our requests are signed.
///
/// # Errors
/// [`ErrorStack`] when OpenSSL cannot encode a certificate of ours.
pub fn build_metadata(
    sp: &ServiceProvider,
    name_id_format: NameIdFormat,
    sign_requests: bool,
) -> Result<String, ErrorStack> {
    write(sp, name_id_format, sign_requests, "")
}

/// As [`build_metadata`], signed with the key that signs requests; `id` is a fresh `xs:ID`.
///
/// # Errors
/// [`NotBuilt`] when there is no key that signs, or OpenSSL fails.
pub fn build_signed_metadata(
    sp: &ServiceProvider,
    name_id_format: NameIdFormat,
    sign_requests: bool,
    id: &str,
) -> Result<String, NotBuilt> {
    let key = sp.keys.first().ok_or(NotBuilt::NoKey)?;
    let xml =
        write(sp, name_id_format, sign_requests, &format!(" ID=\"{}\"", escape::attribute(id)))?;
    let place = xml.find("<md:SPSSODescriptor").ok_or(NotBuilt::NotWritten)?;
    sign_enveloped(&xml, place, id, key)
}

fn write(
    sp: &ServiceProvider,
    name_id_format: NameIdFormat,
    sign_requests: bool,
    id: &str,
) -> Result<String, ErrorStack> {
    let keys = sp.keys.iter().map(key_descriptors).collect::<Result<String, _>>()?;
    let (acs, slo) = (escape::attribute(&sp.acs_url), escape::attribute(&sp.slo_url));
    let slo = [REDIRECT, POST].map(|binding| {
        format!("<md:SingleLogoutService Binding=\"{binding}\" Location=\"{slo}\"/>")
    });
    let slo = slo.concat();
    Ok(format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\"{id} entityID=\"{}\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"{sign_requests}\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">{keys}{slo}\
         <md:NameIDFormat>{}</md:NameIDFormat>\
         <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{acs}\" index=\"0\" \
         isDefault=\"true\"/></md:SPSSODescriptor></md:EntityDescriptor>",
        escape::attribute(&sp.entity_id),
        format_uri(name_id_format),
    ))
}

/// One element for each use that the key is published for; only an RSA key can be encrypted to.
fn key_descriptors(key: &SpKey) -> Result<String, ErrorStack> {
    let certificate = to_base64(&key.certificate)?;
    let rsa = key.key.id() == openssl::pkey::Id::RSA;
    let uses = [
        ("signing", key.published != Published::Encryption),
        ("encryption", rsa && key.published != Published::Signing),
    ];
    let descriptors = uses.into_iter().filter(|(_, has)| *has).map(|(usage, _)| {
        let methods = if usage == "encryption" { ENCRYPTION_METHODS } else { "" };
        format!(
            "<md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo xmlns:ds=\"{DS}\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
             {methods}</md:KeyDescriptor>"
        )
    });
    Ok(descriptors.collect())
}

/// What we can decrypt, best first.
const ENCRYPTION_METHODS: &str = "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\
     <md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes128-gcm\"/>\
     <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/>";

/// The identifier of a `NameID` format (SAML Core §8.3).
pub(super) const fn format_uri(format: NameIdFormat) -> &'static str {
    match format {
        NameIdFormat::Unspecified => UNSPECIFIED,
        NameIdFormat::Persistent => PERSISTENT,
        NameIdFormat::EmailAddress => EMAIL_ADDRESS,
        NameIdFormat::Transient => TRANSIENT,
    }
}

#[cfg(test)]
mod tests {
    use openssl::{
        ec::{EcGroup, EcKey},
        nid::Nid,
        pkey::PKey,
        rsa::Rsa,
    };

    use super::{super::make_certificate, *};

    #[test]
    fn signed_metadata_is_covered_whole_by_the_key_that_signs() {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
        let ec = PKey::from_ec_key(EcKey::generate(&curve).expect("key")).expect("key");
        let rsa = PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key");
        let keys = [(ec, Published::Both), (rsa, Published::Encryption)].map(|(key, published)| {
            let certificate = make_certificate(&key, "medict", UnixTime(0), &[7]).expect("made");
            SpKey { key, certificate, published }
        });
        let certificate = to_base64(&keys[0].certificate).expect("encoded");
        let sp = ServiceProvider {
            entity_id: "https://sp.example/<md:SPSSODescriptor>".to_owned(),
            acs_url: "https://sp.example/acs".to_owned(),
            slo_url: "https://sp.example/slo".to_owned(),
            keys: keys.to_vec(),
        };
        let xml = build_signed_metadata(&sp, NameIdFormat::Persistent, true, "_id").expect("built");
        let trust = Trust {
            keys: vec![SigningKey::parse(&certificate).expect("a key")],
            allow_sha1: false,
            allow_inclusive_c14n: false,
        };
        let check = |xml: &str| {
            let tree = Tree::parse(xml, Comments::Refused).expect("well-formed");
            check_signed(&[tree.root()], &trust)
        };
        assert_eq!(check(&xml), Ok(()));
        assert_eq!(check(&xml.replace("/acs", "/evil")), Err(Rejection::DigestMismatch));
        let uses: Vec<_> =
            xml.match_indices("use=\"").map(|(at, _)| &xml[at + 5..at + 8]).collect();
        assert_eq!(uses, ["sig", "enc"], "EC signs, RSA decrypts");
    }
}
