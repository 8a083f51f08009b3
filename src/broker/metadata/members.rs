//! The members of a federation, as the set in force has them.

use super::{Draining, federation::basis};
use crate::{
    broker::{Broker, Error, counterpart::Absent},
    domain::{
        resource::{Configuration as Wire, SamlConfiguration},
        words::IdpId,
    },
    sp,
    store::{
        self, Conn,
        entities::{Entity, Federation},
    },
};

/// More members than this of one federation are nobody's concern at once.
const MOST_IN_USE: i64 = 200;

impl Broker {
    /// The first members whose names, keywords or domains hold every word of `query`: entityID and name.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn find_members(
        &self,
        id: &IdpId,
        query: &str,
        most: i64,
    ) -> Result<Vec<(String, String)>, Error> {
        let (idp, basis) = (id.clone(), self.basis_of(id));
        let words: Vec<_> = query.split_whitespace().take(8).map(str::to_owned).collect();
        self.store
            .read(move |conn| -> Result<_, Error> {
                let Some(federation) = in_force(conn, &idp, basis.as_deref())? else {
                    return Ok(Vec::new());
                };
                Ok(store::entities::search(conn, &idp, federation.generation, &words, most)?)
            })
            .await
    }

    /// The name of a member; `None`: it is none.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn member_name(&self, id: &IdpId, entity_id: &str) -> Result<Option<String>, Error> {
        Ok(self.find_member(id, entity_id).await?.map(|entity| entity.name))
    }

    async fn find_member(&self, id: &IdpId, entity_id: &str) -> Result<Option<Entity>, Error> {
        let (idp, entity_id, basis) = (id.clone(), entity_id.to_owned(), self.basis_of(id));
        self.store
            .read(move |conn| -> Result<_, Error> {
                let Some(federation) = in_force(conn, &idp, basis.as_deref())? else {
                    return Ok(None);
                };
                Ok(store::entities::find(conn, &idp, federation.generation, &entity_id)?)
            })
            .await
    }

    fn basis_of(&self, id: &IdpId) -> Option<String> {
        let configuration = self.configuration();
        match &configuration.provider(id)?.resource.configuration {
            Wire::Saml(saml) if saml.federation => Some(basis(saml)),
            Wire::Saml(_) | Wire::Oidc(_) => None,
        }
    }

    /// A member, ready to be spoken to, and its row.
    pub(in crate::broker) async fn member(
        &self,
        id: &IdpId,
        saml: &SamlConfiguration,
        entity_id: &str,
    ) -> Result<(sp::Idp, Entity), Absent> {
        let entity = self.find_member(id, entity_id).await?;
        let entity = entity
            .ok_or_else(|| Absent::Broken(format!("the federation has no member {entity_id}")))?;
        let now = self.clock.now();
        let draining: Vec<Draining> = serde_json::from_str(&entity.draining).unwrap_or_default();
        let draining = draining.iter().filter(|key| key.until > now);
        let of_it = SamlConfiguration { entity_id: None, ..saml.clone() };
        let idp = sp::Idp::of_entity(&of_it, &entity.xml);
        let idp = idp.map_err(|invalid| Absent::Broken(invalid.to_string()))?;
        let idp = idp.with_draining(draining.map(|key| key.certificate.as_str()));
        Ok((idp, entity))
    }

    /// The members that somebody came from lately, or the one that the configuration names.
    pub(in crate::broker) async fn members_in_use(&self, id: &IdpId) -> Result<Vec<Entity>, Error> {
        let (idp, basis, now) = (id.clone(), self.basis_of(id), self.clock.now());
        let configuration = self.configuration();
        let wire = configuration.provider(id).map(|provider| &provider.resource.configuration);
        let only = match wire {
            Some(Wire::Saml(saml)) => saml.entity_id.clone(),
            _ => None,
        };
        self.store
            .read(move |conn| -> Result<_, Error> {
                let Some(federation) = in_force(conn, &idp, basis.as_deref())? else {
                    return Ok(Vec::new());
                };
                let generation = federation.generation;
                Ok(match only {
                    Some(only) => store::entities::named(conn, &idp, generation, &[only])?,
                    None => store::member_uses::in_use(conn, &idp, generation, now, MOST_IN_USE)?,
                })
            })
            .await
    }
}

/// The set in force, if it was believed by what the configuration says now.
fn in_force(
    conn: &mut Conn,
    idp: &IdpId,
    basis: Option<&str>,
) -> Result<Option<Federation>, Error> {
    let federation = store::entities::federation(conn, idp)?;
    Ok(federation.filter(|federation| Some(federation.basis.as_str()) == basis))
}
