//! An identity provider as the configuration has it: parsed, its rules compiled, its metadata read.

use std::sync::Arc;

use super::super::{Keyring, metadata::Draining};
use crate::{
    domain::{
        collation::sort_key,
        mapping::Mapping,
        presets::Protocol,
        resource::{self, Configuration as Wire, IdentityProvider},
        words::IdpId,
    },
    sp::{self, ServiceProvider},
    store::fetched::Fetched,
};

/// An identity provider, ready to use.
pub struct Provider {
    pub id: IdpId,
    /// What it is sorted by: its name, as people would.
    pub(super) order: String,
    pub resource: IdentityProvider,
    pub mapping: Mapping,
    /// Sealed.
    pub secret: Option<String>,
    pub upstream: Upstream,
}

/// How we speak to a provider.
pub enum Upstream {
    Saml(Arc<SamlSide>),
    Oidc,
}

/// Both ends of a SAML connection.
pub struct SamlSide {
    pub sp: ServiceProvider,
    /// Or why it cannot be spoken to (yet): metadata not fetched, a certificate out of order.
    pub idp: Result<Arc<sp::Idp>, String>,
    /// When the metadata came that `idp` is made of, if it was fetched.
    pub seen: Option<i64>,
}

impl Provider {
    pub(super) fn new(
        id: IdpId,
        resource: IdentityProvider,
        secret: Option<String>,
        fetched: Option<&Fetched>,
        issuer: &str,
        keys: &Keyring,
    ) -> Result<Self, resource::Invalid> {
        let (upstream, protocol) = match &resource.configuration {
            Wire::Oidc(_) => (Upstream::Oidc, Protocol::Oidc),
            Wire::Saml(saml) => {
                let fetched = fetched.filter(|f| saml.metadata_url.as_deref() == Some(&f.url));
                let side = SamlSide {
                    sp: service_provider(&id, saml, issuer, keys),
                    idp: build_idp(saml, fetched)
                        .map(Arc::new)
                        .map_err(|invalid| invalid.to_string()),
                    seen: fetched.map(|fetched| fetched.fetched_at),
                };
                (Upstream::Saml(Arc::new(side)), Protocol::Saml)
            }
        };
        let mapping = Mapping::new(resource.mapping.clone(), protocol)?;
        let order = sort_key(&resource.name);
        Ok(Self { id, order, resource, mapping, secret, upstream })
    }

    /// Whether its metadata is a federation's feed.
    #[must_use]
    pub fn is_federation(&self) -> bool {
        matches!(&self.resource.configuration, Wire::Saml(saml) if saml.federation)
    }

    /// Whether this is a federation, of which the person picks a member.
    #[must_use]
    pub fn has_members(&self) -> bool {
        matches!(&self.resource.configuration, Wire::Saml(saml) if saml.federation && saml.entity_id.is_none())
    }

    /// Where the provider's OIDC answers come to.
    #[must_use]
    pub fn redirect_uri(&self, issuer: &str) -> String {
        format!("{issuer}/oidc/{}/callback", self.id)
    }
}

/// From the document in force, and the keys of earlier ones that drain.
fn build_idp(
    saml: &resource::SamlConfiguration,
    fetched: Option<&Fetched>,
) -> Result<sp::Idp, resource::Invalid> {
    if saml.federation {
        return Err(resource::Invalid::new("federation", "its members are spoken to one by one"));
    }
    let idp = sp::Idp::new(saml, fetched.map(|fetched| fetched.body.as_str()))?;
    let draining = fetched.map(Draining::all_of).unwrap_or_default();
    Ok(idp.with_draining(draining.iter().map(|key| key.certificate.as_str())))
}

fn service_provider(
    id: &IdpId,
    saml: &resource::SamlConfiguration,
    issuer: &str,
    keys: &Keyring,
) -> ServiceProvider {
    let at = |end: &str| format!("{issuer}/saml/{id}/{end}");
    ServiceProvider {
        entity_id: saml.sp_entity_id.clone().unwrap_or_else(|| at("metadata")),
        acs_url: at("acs"),
        slo_url: at("slo"),
        keys: keys.saml().to_vec(),
    }
}
