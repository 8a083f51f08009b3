//! One identity provider of a federation.

use crate::domain::{resource::check_url, words::UnixTime};

use super::super::{
    metadata::{IdpMetadata, find_provider, read},
    names::{MDUI, METADATA, XML},
    tree::{Node, attribute_of, children, elements, is, text},
};

/// An identity provider that can be used, complete in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederationEntity {
    pub entity_id: String,
    /// What people call it.
    pub name: String,
    /// Names, keywords and domains in lower case, to search in.
    pub search: String,
    /// The entity inside copies of its containers' tags, as it was digested.
    pub xml: String,
}

/// What an entity is to us.
pub(super) enum Kind {
    Provider(Box<FederationEntity>),
    /// An identity provider that cannot be used.
    Unusable,
    /// Something else: a service provider, an attribute authority.
    Other,
}

/// Reads `root`, which holds one entity and was parsed from `xml`.
pub(super) fn classify(root: Node, xml: &str, now: UnixTime) -> Kind {
    let Ok((entity, descriptor)) = find_provider(root) else { return Kind::Other };
    let Ok(metadata) = read(entity, descriptor) else { return Kind::Unusable };
    if !is_usable(&metadata, now) {
        return Kind::Unusable;
    }
    let shown = display_names(descriptor);
    let organization = organization_names(entity);
    let name =
        shown.iter().chain(&organization).next().map_or(&metadata.entity_id, |(_, name)| name);
    let english = shown.iter().chain(&organization).find(|(language, _)| language == "en");
    let name = english.map_or(name, |(_, name)| name).clone();
    let mut words: Vec<&str> = shown.iter().chain(&organization).map(|(_, n)| n.as_str()).collect();
    let keywords = keywords(descriptor);
    words.extend(keywords.iter().map(String::as_str));
    words.extend(metadata.scopes.iter().filter_map(|scope| scope.exact()));
    words.push(&metadata.entity_id);
    let search = words.join("\n").to_lowercase();
    Kind::Provider(Box::new(FederationEntity {
        entity_id: metadata.entity_id.clone(),
        name,
        search,
        xml: xml.to_owned(),
    }))
}

/// A name without white space (it is part of how people are known), a key, an address, not ended.
fn is_usable(metadata: &IdpMetadata, now: UnixTime) -> bool {
    let url = metadata.sso_redirect.as_ref().or(metadata.sso_post.as_ref());
    !metadata.entity_id.is_empty()
        && !metadata.entity_id.contains(char::is_whitespace)
        && metadata.entity_id.len() <= 1_024
        && metadata.certificates().next().is_some()
        && url.is_some_and(|url| check_url("ssoUrl", url).is_ok())
        && metadata.valid_until.is_none_or(|end| end > now)
}

/// `mdui:DisplayName`s with their language (SAML Metadata UI §2.1.1).
fn display_names(descriptor: Node) -> Vec<(String, String)> {
    ui(descriptor).filter(|node| is(*node, MDUI, "DisplayName")).filter_map(localized).collect()
}

fn keywords(descriptor: Node) -> Vec<String> {
    let words = ui(descriptor).filter(|node| is(*node, MDUI, "Keywords"));
    words.filter_map(localized).map(|(_, words)| words.replace('+', " ")).collect()
}

fn ui(descriptor: Node) -> impl Iterator<Item = Node> {
    let extensions = children(descriptor, METADATA, "Extensions");
    extensions.flat_map(|node| children(node, MDUI, "UIInfo")).flat_map(elements)
}

fn organization_names(entity: Node) -> Vec<(String, String)> {
    let organizations = children(entity, METADATA, "Organization");
    let names = organizations.flat_map(|node| children(node, METADATA, "OrganizationDisplayName"));
    names.filter_map(localized).collect()
}

/// Language and text; `None` for what is no text or none at all.
fn localized(node: Node) -> Option<(String, String)> {
    let words: Vec<_> = text(node).ok()?.split_whitespace().map(str::to_owned).collect();
    let language = attribute_of(node, XML, "lang").unwrap_or_default();
    let name: String = words.join(" ").chars().take(200).collect();
    if name.is_empty() { None } else { Some((language.to_lowercase(), name)) }
}
