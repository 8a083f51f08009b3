//! Whom SAML is spoken with: a provider, or in a federation one of its members.

use std::sync::Arc;

use super::{Broker, Error, Provider, SamlSide, Upstream, login, logout};
use crate::{
    domain::{
        resource::Configuration as Wire,
        words::{IdpId, RequestId, UnixTime},
    },
    sp::{self, Farewell, ServiceProvider},
};

/// Both ends of a conversation, as they are configured and published now.
#[derive(Clone)]
pub(super) struct Counterpart {
    pub provider: Arc<Provider>,
    pub idp: Arc<sp::Idp>,
    side: Arc<SamlSide>,
    /// Where the person picks an institution: the one that is spoken with.
    member: Option<Member>,
    /// Tells the metadata that this comes from apart from any other of the provider; `None`: it is not
    /// fetched.
    pub seen: Option<i64>,
}

#[derive(Clone)]
struct Member {
    entity_id: String,
    name: String,
}

/// Why there is nobody to speak with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Absent {
    #[error("there is no such SAML provider")]
    NoProvider,
    #[error("{0}")]
    Broken(String),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<Absent> for login::LoginError {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::NoProvider => login::Refusal::NoProvider.into(),
            Absent::Broken(reason) => login::Refusal::ProviderBroken(reason).into(),
            Absent::Failed(error) => error.into(),
        }
    }
}

impl From<Absent> for logout::LogoutError {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::NoProvider => logout::Refusal::NoProvider.into(),
            Absent::Broken(reason) => logout::Refusal::ProviderBroken(reason).into(),
            Absent::Failed(error) => error.into(),
        }
    }
}

impl Broker {
    /// The provider, or the member of that entityID if it is a federation. `member` may be left out where
    /// the configuration names the only one.
    ///
    /// # Errors
    /// [`Absent`].
    pub(super) async fn counterpart(
        &self,
        provider: &Arc<Provider>,
        member: Option<&str>,
    ) -> Result<Counterpart, Absent> {
        let (Upstream::Saml(side), Wire::Saml(saml)) =
            (&provider.upstream, &provider.resource.configuration)
        else {
            return Err(Absent::NoProvider);
        };
        let (provider, side) = (Arc::clone(provider), Arc::clone(side));
        if !saml.federation {
            if let Some(member) = member {
                return Err(Absent::Broken(format!("it is no federation, and has no {member}")));
            }
            return match &side.idp {
                Err(_) if saml.metadata_url.is_some() => self.fetched_elsewhere(&provider.id).await,
                _ => Counterpart::of(provider, side),
            };
        }
        let entity_id = member.or(saml.entity_id.as_deref()).ok_or(Absent::NoProvider)?.to_owned();
        let (idp, entity) = self.member(&provider.id, saml, &entity_id).await?;
        let member = provider.has_members().then_some(Member { entity_id, name: entity.name });
        let (idp, seen) = (Arc::new(idp), Some(entity.generation));
        Ok(Counterpart { provider, idp, side, member, seen })
    }

    /// The provider whose metadata is not here: another process may have fetched it a moment ago.
    async fn fetched_elsewhere(&self, id: &IdpId) -> Result<Counterpart, Absent> {
        self.refresh().await?;
        let configuration = self.configuration();
        let provider = configuration.provider(id).ok_or(Absent::NoProvider)?;
        let Upstream::Saml(side) = &provider.upstream else { return Err(Absent::NoProvider) };
        Counterpart::of(Arc::clone(provider), Arc::clone(side))
    }

    /// The same by newer metadata than it was known from, fetched once more because it signs with an
    /// unknown key. `None`: there is nothing newer.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub(super) async fn newer(&self, known: &Counterpart) -> Result<Option<Counterpart>, Error> {
        let id = &known.provider.id;
        if !self.has_newer_metadata(id, known.seen).await? {
            return Ok(None);
        }
        let configuration = self.configuration();
        let Some(provider) = configuration.provider(id) else { return Ok(None) };
        match self.counterpart(provider, known.member()).await {
            Ok(newer) => Ok(Some(newer)),
            Err(Absent::Failed(error)) => Err(error),
            Err(Absent::NoProvider | Absent::Broken(_)) => Ok(None),
        }
    }
}

impl Counterpart {
    /// Of a provider that is no federation.
    fn of(provider: Arc<Provider>, side: Arc<SamlSide>) -> Result<Self, Absent> {
        let idp = side.idp.clone().map_err(Absent::Broken)?;
        Ok(Self { seen: side.seen, provider, idp, side, member: None })
    }

    pub(super) fn id(&self) -> &IdpId {
        &self.provider.id
    }

    /// Our end.
    pub(super) fn sp(&self) -> &ServiceProvider {
        &self.side.sp
    }

    /// Of a federation whose members are picked: the entityID of this one.
    pub(super) fn member(&self) -> Option<&str> {
        self.member.as_ref().map(|member| member.entity_id.as_str())
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        let member = self.member.as_ref().map(|member| &member.name);
        member.unwrap_or(&self.provider.resource.name).clone()
    }

    /// The envelope of a logout message to it.
    pub(super) fn farewell<'a>(&'a self, id: &'a RequestId, now: UnixTime) -> Farewell<'a> {
        Farewell { sp: self.sp(), idp: &self.idp, id, now }
    }
}
