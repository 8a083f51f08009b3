//! The configuration in memory: parsed, compiled, ready for the next login.

mod provider;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::Keyring;
use crate::{
    crypto::JwkSet,
    domain::{
        claims::ClaimMapping,
        collation::sort_key,
        login::Authentication,
        resource::{
            self, ClientApplication, Configuration as Wire, IdentityProvider, Organization,
            Resource, Role, SigningAlg,
        },
        roles,
        words::{ClientId, IdpId, OrganizationId, RoleId},
    },
    rp,
    store::{fetched::Fetched, resources::Document},
};

pub use provider::{Provider, SamlSide, Upstream};

/// Everything administrators wrote, as of one version.
#[derive(Clone, Default)]
pub struct Configuration {
    version: i64,
    /// (kind, id) → the document, for editing.
    documents: HashMap<(String, String), Arc<Document>>,
    organizations: HashMap<OrganizationId, Arc<Organization>>,
    providers: HashMap<IdpId, Arc<Provider>>,
    clients: HashMap<ClientId, Arc<Client>>,
    roles: HashMap<RoleId, Arc<Role>>,
    fetched: HashMap<String, Arc<Fetched>>,
    /// The enabled providers of each organization, and those for everyone: a broker for a thousand
    /// hospitals looks through those of one.
    homes: Arc<HashMap<Option<OrganizationId>, Vec<Arc<Provider>>>>,
    /// Every origin that an application has registered.
    origins: Arc<HashSet<String>>,
    /// Every algorithm that an application has tokens signed with.
    signing_algs: Arc<HashSet<SigningAlg>>,
}

/// An application, the digest of its secret, and the keys it gave us.
pub struct Client {
    pub id: ClientId,
    /// What it is sorted by: its name, as people would.
    order: String,
    pub resource: ClientApplication,
    pub secret: Option<String>,
    /// Empty where it publishes them itself.
    pub keys: Arc<JwkSet>,
    pub claims: ClaimMapping,
}

impl Configuration {
    pub(super) fn empty() -> Self {
        let with_id = |role: Role| Some((role.id.clone()?, Arc::new(role)));
        let roles = roles::built_in().into_iter().filter_map(with_id).collect();
        Self { roles, ..Self::default() }
    }

    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    #[must_use]
    pub fn document(&self, kind: &str, id: &str) -> Option<&Arc<Document>> {
        self.documents.get(&(kind.to_owned(), id.to_owned()))
    }

    #[must_use]
    pub fn client(&self, id: &ClientId) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    #[must_use]
    pub fn provider(&self, id: &IdpId) -> Option<&Arc<Provider>> {
        self.providers.get(id)
    }

    #[must_use]
    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.get(id).map(Arc::as_ref)
    }

    #[must_use]
    pub fn organization(&self, id: &OrganizationId) -> Option<&Arc<Organization>> {
        self.organizations.get(id)
    }

    /// Whether some application has registered this origin for calls from a browser.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }

    /// The algorithms that tokens are signed with for some application.
    #[must_use]
    pub(super) fn signing_algs(&self) -> &HashSet<SigningAlg> {
        &self.signing_algs
    }

    /// Sorted by name.
    #[must_use]
    pub fn providers(&self) -> Vec<&Arc<Provider>> {
        sorted(self.providers.values(), |provider| (&provider.order, &provider.id))
    }

    /// Whether the person's word still counts as when he signed in: a provider that was switched off or
    /// removed vouches for nobody; a password of ours needs none.
    #[must_use]
    pub fn believes(&self, by: &Authentication) -> bool {
        let enabled = |idp| self.provider(idp).is_some_and(|provider| provider.resource.enabled);
        by.idp.as_ref().is_none_or(enabled)
    }

    #[must_use]
    pub fn clients(&self) -> Vec<&Arc<Client>> {
        sorted(self.clients.values(), |client| (&client.order, &client.id))
    }

    #[must_use]
    pub fn roles(&self) -> Vec<&Arc<Role>> {
        let mut all: Vec<_> = self.roles.values().collect();
        all.sort_by_cached_key(|role| (sort_key(&role.name), role.id.clone()));
        all
    }

    #[must_use]
    pub fn organizations(&self) -> Vec<&Arc<Organization>> {
        let mut all: Vec<_> = self.organizations.values().collect();
        all.sort_by_cached_key(|one| (sort_key(&one.name), one.id.clone()));
        all
    }

    /// The providers that a person may come from: enabled, and offered to this application. Without
    /// an application, to our own pages: all that are enabled.
    #[must_use]
    pub fn providers_for(&self, client: Option<&ClientApplication>) -> Vec<&Arc<Provider>> {
        let Some(client) = client else {
            return self.providers().into_iter().filter(|p| p.resource.enabled).collect();
        };
        if client.identity_providers.is_empty() {
            let home = client.organization.as_ref().map(|reference| reference.0.clone());
            let own = home.is_some().then(|| self.homes.get(&home)).flatten();
            let all = own.into_iter().chain(self.homes.get(&None)).flatten();
            return sorted(all, |provider| (&provider.order, &provider.id));
        }
        let named = client.identity_providers.iter().filter_map(|reference| {
            self.providers.get(&reference.0).filter(|provider| provider.resource.enabled)
        });
        let mut named = sorted(named, |provider| (&provider.order, &provider.id));
        named.dedup_by(|one, other| one.id == other.id);
        named
    }

    /// The provider of this name, if it is among [`Self::providers_for`].
    #[must_use]
    pub fn offered(
        &self,
        id: &IdpId,
        client: Option<&ClientApplication>,
    ) -> Option<&Arc<Provider>> {
        let provider = self.providers.get(id).filter(|provider| provider.resource.enabled)?;
        let to = |client| is_offered(&provider.id, &provider.resource, client);
        client.is_none_or(to).then_some(provider)
    }

    /// Whether people who signed in so may use the application: with a password of ours, or by one of its
    /// providers.
    #[must_use]
    pub fn is_open_to(&self, client: &ClientApplication, by: &Authentication) -> bool {
        by.idp.as_ref().is_none_or(|idp| self.offered(idp, Some(client)).is_some())
    }

    /// The application that a sign-in which began at this SAML provider leads to: the one that is wanted,
    /// if it is in the provider's list, else the first there that can be led to. An application of another
    /// organization never is.
    #[must_use]
    pub fn landing(&self, provider: &Provider, wanted: &str) -> Option<&Arc<Client>> {
        let Wire::Saml(saml) = &provider.resource.configuration else { return None };
        if !saml.allow_idp_initiated {
            return None;
        }
        let home = &provider.resource.organization;
        let able = |client: &&Arc<Client>| {
            client.resource.initiate_login_uri.is_some()
                && (home.is_none() || client.resource.organization == *home)
                && is_offered(&provider.id, &provider.resource, &client.resource)
        };
        let listed = saml.idp_initiated.clients.iter();
        let listed = listed.filter_map(|client| self.clients.get(&client.0)).filter(able);
        let listed: Vec<_> = listed.collect();
        let wanted = listed.iter().find(|client| client.id.as_str() == wanted);
        wanted.or(listed.first()).copied()
    }

    /// The metadata last fetched from where the provider's configuration says.
    #[must_use]
    pub fn fetched(&self, id: &IdpId, url: &str) -> Option<&Arc<Fetched>> {
        self.fetched.get(id.as_str()).filter(|fetched| fetched.url == url)
    }

    /// When the metadata last fetched came, wherever from.
    #[must_use]
    pub(super) fn fetched_at(&self, id: &IdpId) -> Option<i64> {
        self.fetched.get(id.as_str()).map(|fetched| fetched.fetched_at)
    }

    /// The organization that owns the domain of an e-mail address.
    #[must_use]
    pub fn home_of(&self, email: &str) -> Option<&OrganizationId> {
        let (_, domain) = email.rsplit_once('@')?;
        let domain = domain.to_lowercase();
        let owner = |(id, organization): (&'_ OrganizationId, &'_ Arc<Organization>)| {
            organization.domains.contains(&domain).then(|| id.clone())
        };
        let id = self.organizations.iter().find_map(|(id, o)| owner((id, o)))?;
        self.organizations.get_key_value(&id).map(|(id, _)| id)
    }

    /// The domains of an organization.
    #[must_use]
    pub fn domains_of(&self, id: Option<&OrganizationId>) -> Vec<String> {
        let organization = id.and_then(|id| self.organizations.get(id));
        organization.map(|organization| organization.domains.clone()).unwrap_or_default()
    }

    /// The next version: what changed replaces what was; the rest is shared.
    pub(super) fn next(
        previous: &Self,
        documents: Vec<Document>,
        fetched: Vec<Fetched>,
        version: i64,
        issuer: &str,
        keys: &Keyring,
    ) -> Self {
        let mut next = previous.clone();
        next.version = version;
        let mut stale = next.take_fetched(fetched);
        for document in documents {
            next.take(document, &mut stale);
        }
        for id in stale {
            next.build_provider(&id, issuer, keys);
        }
        next.sort_homes();
        let origins = next.clients.values().flat_map(|client| &client.resource.allowed_origins);
        next.origins = Arc::new(origins.cloned().collect());
        let algs = next.clients.values().flat_map(|client| client.resource.signing_algs());
        next.signing_algs = Arc::new(algs.collect());
        next
    }

    /// The same configuration, with our own SAML keys as they are now.
    pub(super) fn with_keys(&self, issuer: &str, keys: &Keyring) -> Self {
        let mut next = self.clone();
        let ids: Vec<_> = next.providers.keys().map(|id| id.0.clone()).collect();
        ids.iter().for_each(|id| next.build_provider(id, issuer, keys));
        next.sort_homes();
        next
    }

    fn sort_homes(&mut self) {
        let mut homes: HashMap<_, Vec<_>> = HashMap::new();
        for provider in self.providers.values().filter(|provider| provider.resource.enabled) {
            let home = provider.resource.organization.as_ref().map(|reference| reference.0.clone());
            homes.entry(home).or_default().push(Arc::clone(provider));
        }
        self.homes = Arc::new(homes);
    }

    /// Answers which providers have other metadata than before.
    fn take_fetched(&mut self, fetched: Vec<Fetched>) -> Vec<String> {
        let same = |new: &Fetched, old: &HashMap<String, Arc<Fetched>>| {
            old.get(&new.idp).is_some_and(|old| **old == *new)
        };
        let there: HashSet<_> = fetched.iter().map(|fetched| fetched.idp.clone()).collect();
        let gone = self.fetched.keys().filter(|id| !there.contains(*id)).cloned();
        let mut ids: Vec<_> = gone.collect();
        self.fetched.retain(|id, _| there.contains(id));
        let new = fetched.into_iter().filter(|new| !same(new, &self.fetched)).collect::<Vec<_>>();
        ids.extend(new.iter().map(|new| new.idp.clone()));
        self.fetched.extend(new.into_iter().map(|new| (new.idp.clone(), Arc::new(new))));
        ids
    }

    fn take(&mut self, document: Document, stale: &mut Vec<String>) {
        let key = (document.kind.clone(), document.id.clone());
        self.forget(&document);
        if document.deleted {
            self.documents.remove(&key);
            return;
        }
        match resource_of(&document) {
            Ok(Resource::IdentityProvider(_)) => stale.push(document.id.clone()),
            Ok(Resource::ClientApplication(client)) => {
                let id = ClientId(document.id.clone());
                let secret = document.secret.clone();
                let keys = Arc::new(given_keys(&client));
                // Parsed a moment ago, so that its rules compile.
                let claims = client.claim_mapping().unwrap_or_default();
                let order = sort_key(&client.name);
                let client =
                    Client { id: id.clone(), order, resource: *client, secret, keys, claims };
                self.clients.insert(id, Arc::new(client));
            }
            Ok(Resource::Role(role)) => {
                self.roles.insert(RoleId(document.id.clone()), Arc::new(role));
            }
            Ok(Resource::Organization(organization)) => {
                let id = OrganizationId(document.id.clone());
                self.organizations.insert(id, Arc::new(organization));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(kind = document.kind, id = document.id, %error, "a stored resource cannot be read");
            }
        }
        self.documents.insert(key, Arc::new(document));
    }

    fn forget(&mut self, document: &Document) {
        match document.kind.as_str() {
            "IdentityProvider" => drop(self.providers.remove(&IdpId(document.id.clone()))),
            "ClientApplication" => drop(self.clients.remove(&ClientId(document.id.clone()))),
            "Role" => drop(self.roles.remove(&RoleId(document.id.clone()))),
            _ => drop(self.organizations.remove(&OrganizationId(document.id.clone()))),
        }
    }

    fn build_provider(&mut self, id: &str, issuer: &str, keys: &Keyring) {
        let key = ("IdentityProvider".to_owned(), id.to_owned());
        let Some(document) = self.documents.get(&key) else { return };
        let Ok(Resource::IdentityProvider(resource)) = resource_of(document) else { return };
        let idp = IdpId(id.to_owned());
        let fetched = self.fetched.get(id).map(Arc::as_ref);
        let secret = document.secret.clone();
        match Provider::new(idp.clone(), *resource, secret, fetched, issuer, keys) {
            Ok(provider) => drop(self.providers.insert(idp, Arc::new(provider))),
            Err(error) => {
                tracing::error!(idp.id = id, %error, "an identity provider cannot be used");
            }
        }
    }
}

/// By their names; of the same name, by what they are.
fn sorted<'a, T, I: Ord>(
    all: impl Iterator<Item = &'a Arc<T>>,
    key: impl Fn(&T) -> (&String, &I),
) -> Vec<&'a Arc<T>> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| key(a).cmp(&key(b)));
    all
}

/// Named by the application; else of its organization, or for everyone.
fn is_offered(id: &IdpId, provider: &IdentityProvider, client: &ClientApplication) -> bool {
    let for_its_organization =
        provider.organization.is_none() || provider.organization == client.organization;
    if client.identity_providers.is_empty() {
        for_its_organization
    } else {
        client.identity_providers.iter().any(|reference| reference.0 == *id)
    }
}

/// The keys that an application gave us; those that we cannot read are left out.
fn given_keys(client: &ClientApplication) -> JwkSet {
    let given = client.jwks.as_ref().map(serde_json::Value::to_string);
    given.and_then(|jwks| rp::parse_jwks(jwks.as_bytes()).ok()).unwrap_or_default()
}

/// The resource in a stored document.
pub(super) fn resource_of(document: &Document) -> Result<Resource, resource::Invalid> {
    let damaged = |error: serde_json::Error| resource::Invalid::new("resource", error.to_string());
    let mut value: serde_json::Value = serde_json::from_str(&document.body).map_err(damaged)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("resourceType".to_owned(), document.kind.clone().into());
        fields.insert("id".to_owned(), document.id.clone().into());
    }
    resource::parse_stored(value)
}
