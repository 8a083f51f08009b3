//! SAML metadata: theirs, read; ours, written (SAML Metadata §2).

use openssl::error::ErrorStack;

use crate::domain::{
    resource::{Invalid, NameIdFormat, SsoBinding},
    words::UnixTime,
};

use super::{
    certificates::{CertificateInfo, SigningKey, Trust, to_base64},
    duration, escape,
    guard::{Comments, METADATA_BYTES},
    idp::SloEndpoint,
    names::{
        DS, EMAIL_ADDRESS, METADATA, PERSISTENT, POST, PROTOCOL, REDIRECT, TRANSIENT, UNSPECIFIED,
    },
    rejection::Rejection,
    service_provider::{ServiceProvider, SpKey},
    signature,
    tree::{Node, Tree, attribute, child, children, is, normalise, text},
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
    /// The earliest `validUntil` on the way to the descriptor.
    pub valid_until: Option<UnixTime>,
    /// The shortest `cacheDuration`, in seconds.
    pub cache_duration: Option<i64>,
    pub(super) keys: Vec<SigningKey>,
}

impl IdpMetadata {
    /// The certificates that sign, usable ones only; never empty.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateInfo> {
        self.keys.iter().map(|key| &key.info)
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
    let metadata =
        read(tree.root(), entity, descriptor).map_err(|rejection| invalid(&rejection))?;
    match () {
        () if metadata.entity_id.is_empty() => Err(invalid(&"has no entityID")),
        () if metadata.keys.is_empty() => Err(invalid(&"has no usable signing certificate")),
        () => Ok(metadata),
    }
}

/// The one entity that is an identity provider, and its descriptor.
fn find_provider<'t>(root: Node<'t>) -> Result<(Node<'t>, Node<'t>), &'static str> {
    let entities: Vec<_> = match () {
        () if is(root, METADATA, "EntityDescriptor") => vec![root],
        () if is(root, METADATA, "EntitiesDescriptor") => {
            children(root, METADATA, "EntityDescriptor").collect()
        }
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

fn check_signed(nodes: &[Node], signers: &Trust) -> Result<(), Rejection> {
    for node in nodes {
        let signed = signature::verify(*node, signers).map_err(|fault| fault.rejection())?;
        if signed.is_some() {
            return Ok(());
        }
    }
    Err(Rejection::Unsigned)
}

fn read(root: Node, entity: Node, descriptor: Node) -> Result<IdpMetadata, Rejection> {
    let path = [root, entity, descriptor];
    let times = path.iter().filter_map(|node| attribute(*node, "validUntil"));
    let times = times.map(|time| UnixTime::parse_rfc3339(time.trim_ascii()));
    let times = times.collect::<Option<Vec<_>>>().ok_or(Rejection::NotATime)?;
    let caches = path.iter().filter_map(|node| attribute(*node, "cacheDuration"));
    let wanted = attribute(descriptor, "WantAuthnRequestsSigned");
    Ok(IdpMetadata {
        entity_id: attribute(entity, "entityID").unwrap_or_default().to_owned(),
        sso_redirect: endpoint(descriptor, "SingleSignOnService", REDIRECT),
        sso_post: endpoint(descriptor, "SingleSignOnService", POST),
        slo: children(descriptor, METADATA, "SingleLogoutService").filter_map(slo).collect(),
        want_authn_requests_signed: matches!(wanted, Some("true" | "1")),
        valid_until: times.into_iter().min(),
        cache_duration: caches.filter_map(duration::parse).min(),
        keys: signing_keys(descriptor)?,
    })
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
    let keys = sp.keys.iter().enumerate().map(|(index, key)| key_descriptors(key, index == 0));
    let keys = keys.collect::<Result<String, _>>()?;
    let (acs, slo) = (escape::attribute(&sp.acs_url), escape::attribute(&sp.slo_url));
    let slo = [REDIRECT, POST].map(|binding| {
        format!("<md:SingleLogoutService Binding=\"{binding}\" Location=\"{slo}\"/>")
    });
    let slo = slo.concat();
    Ok(format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{}\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"{sign_requests}\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">{keys}{slo}\
         <md:NameIDFormat>{}</md:NameIDFormat>\
         <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{acs}\" index=\"0\" \
         isDefault=\"true\"/></md:SPSSODescriptor></md:EntityDescriptor>",
        escape::attribute(&sp.entity_id),
        format_uri(name_id_format),
    ))
}

/// A key that signs is published for signing; an RSA key of ours also for encryption.
fn key_descriptors(key: &SpKey, signs: bool) -> Result<String, ErrorStack> {
    let certificate = to_base64(&key.certificate)?;
    let rsa = key.key.id() == openssl::pkey::Id::RSA;
    let uses = [("signing", signs), ("encryption", rsa)];
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
