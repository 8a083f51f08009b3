//! Writing resources: by file, by page, later by the API. One way, one set of checks.
//!
//! Everything costly or random is prepared before the transaction; inside it references are looked up,
//! powers compared, and the change and its audit record written together.

mod documents;
mod people;
mod references;

use documents::write_document;
use people::{check_not_last_administrator, grant_detail, write_user, write_user_role};
use references::check_may_grant;

use super::{Broker, Caller, Error, login::secret_place};
use crate::{
    crypto::{Jwk, password, sha256_base64url},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        resource::{
            ClientApplication, Configuration as Wire, IdentityProvider, Invalid, Resource,
            SigningAlg,
        },
        roles::Powers,
        words::{IdpId, UserId},
    },
    rp, sp,
    store::{self, Tx},
};

/// Who writes, and what he may.
#[derive(Clone)]
pub struct Author {
    pub actor: Actor,
    pub powers: Powers,
}

impl Author {
    /// Whoever works on the machine itself.
    #[must_use]
    pub fn operator() -> Self {
        Self { actor: Actor::Operator, powers: Powers::unlimited() }
    }
}

/// How a resource is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Create it, or make it so; secrets and passwords count on creation only.
    Apply,
    /// It must be new.
    Create,
    /// It must be there, in this version; a secret replaces the present one.
    Update { version: i64 },
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Updated,
    Unchanged,
}

/// A resource that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub kind: &'static str,
    pub id: String,
    pub change: Change,
    /// A client secret that we made: shown once.
    pub secret: Option<String>,
    /// Why it cannot be used as it is, by what is known now.
    pub warning: Option<String>,
}

/// Why a resource is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("{0} exists already")]
    Exists(String),
    #[error("{0} does not exist")]
    Missing(String),
    #[error("{0} was changed meanwhile; load it again")]
    Conflict(String),
    #[error("{0}")]
    Forbidden(String),
    #[error(transparent)]
    Failed(#[from] Error),
    /// Not an error: everything was undone because only a plan was asked for.
    #[error("only a plan was asked for")]
    Planned(Vec<Written>),
}

impl From<store::Error> for WriteError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Duplicate => {
                Self::Exists("an account of that name or address".to_owned())
            }
            other => Self::Failed(other.into()),
        }
    }
}

/// A resource with everything drawn and computed that its transaction needs.
#[derive(Clone)]
pub(in crate::broker) struct Prepared {
    resource: Resource,
    id: String,
    mode: Mode,
    /// Sealed, or a digest.
    secret: Option<String>,
    /// The secret itself, when we made it.
    made: Option<String>,
    password_hash: Option<String>,
    warning: Option<String>,
}

impl Broker {
    /// Writes one resource.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub async fn write_resource(
        &self,
        resource: Resource,
        mode: Mode,
        author: Author,
        caller: Option<&Caller>,
    ) -> Result<Written, WriteError> {
        let prepared = self.prepare(resource, mode).await?;
        let template = self.change_event(&author, caller);
        let written =
            self.store.write(move |tx| write_one(tx, &prepared, &author, &template)).await?;
        self.refresh().await?;
        Ok(written)
    }

    pub(in crate::broker) fn change_event(
        &self,
        author: &Author,
        caller: Option<&Caller>,
    ) -> Event {
        let now = self.clock.now();
        let event = match caller {
            Some(caller) => caller.event(Action::Update, Outcome::Success, now),
            None => Event::new(Action::Update, Outcome::Success, now),
        };
        event.by(author.actor.clone())
    }

    pub(in crate::broker) async fn prepare(
        &self,
        resource: Resource,
        mode: Mode,
    ) -> Result<Prepared, WriteError> {
        let id = given_id(&resource).unwrap_or_else(|| self.random.uuid(self.clock.now()));
        let (secret, made, password_hash, warning) = (None, None, None, None);
        let mut prepared = Prepared { resource, id, mode, secret, made, password_hash, warning };
        match &prepared.resource {
            Resource::IdentityProvider(provider) => {
                check_usable(provider)?;
                prepared.warning = self.misfit(&prepared.id, provider);
                prepared.secret = self.seal_client_secret(&prepared.id, provider)?;
            }
            Resource::ClientApplication(client) => {
                check_usable_keys(client)?;
                let secret = self.secret_for(client, mode);
                prepared.secret = secret.as_ref().map(sha256_base64url);
                prepared.made = secret.filter(|_| client.secret.is_none());
            }
            Resource::User(user) => {
                prepared.password_hash = match user.password.clone() {
                    Some(password) => Some(self.hash_password(password).await?),
                    None => None,
                };
            }
            Resource::Organization(_) | Resource::Role(_) | Resource::UserRole(_) => {}
        }
        Ok(prepared)
    }

    /// Why a provider cannot be spoken to by the metadata that was last fetched for it.
    fn misfit(&self, id: &str, provider: &IdentityProvider) -> Option<String> {
        let Wire::Saml(saml) = &provider.configuration else { return None };
        let configuration = self.configuration();
        let url = saml.metadata_url.as_deref().filter(|_| !saml.federation)?;
        let fetched = configuration.fetched(&IdpId(id.to_owned()), url)?;
        let problem = sp::Idp::new(saml, Some(&fetched.body)).err()?;
        Some(problem.below("configuration").to_string())
    }

    fn seal_client_secret(
        &self,
        id: &str,
        provider: &IdentityProvider,
    ) -> Result<Option<String>, Error> {
        let Wire::Oidc(oidc) = &provider.configuration else { return Ok(None) };
        let Some(secret) = &oidc.client_secret else { return Ok(None) };
        let place = secret_place(&IdpId(id.to_owned()));
        Ok(Some(self.master.seal(self.random, &place, secret.as_bytes())?))
    }

    /// The secret that was given, or one of our own for a new confidential application.
    fn secret_for(&self, client: &ClientApplication, mode: Mode) -> Option<String> {
        let wanted = client.needs_secret() && !matches!(mode, Mode::Update { .. });
        client.secret.clone().or_else(|| wanted.then(|| self.random.token()))
    }

    pub(in crate::broker) async fn hash_password(&self, password: String) -> Result<String, Error> {
        let random = self.random;
        Ok(self.hashing.run(move || password::hash(random, &password)).await??)
    }

    /// Takes back a role that was given by hand.
    ///
    /// # Errors
    /// [`WriteError::Forbidden`] for a role the author lacks, or the last administrator's.
    pub async fn revoke_role(
        &self,
        id: &str,
        author: Author,
        caller: Option<&Caller>,
    ) -> Result<(), WriteError> {
        let id = id.to_owned();
        let template = self.change_event(&author, caller);
        self.store
            .write(move |tx| -> Result<(), WriteError> {
                let row = store::user_roles::find(tx, &id)?.filter(|row| row.source.is_empty());
                let row = row.ok_or_else(|| WriteError::Missing(format!("UserRole/{id}")))?;
                let grant = row.granted();
                check_may_grant(tx, &author, &grant)?;
                check_not_last_administrator(tx, &row)?;
                store::user_roles::revoke(tx, &id)?;
                let mut event = Event { action: Action::RoleRevoked, ..template.clone() };
                event.user = Some(UserId(row.user_id.clone()));
                tx.audit(event.detail(grant_detail(&grant)));
                Ok(())
            })
            .await
    }
}

fn given_id(resource: &Resource) -> Option<String> {
    match resource {
        Resource::Organization(organization) => organization.id.as_ref().map(|id| id.0.clone()),
        Resource::IdentityProvider(provider) => provider.id.as_ref().map(|id| id.0.clone()),
        Resource::ClientApplication(client) => client.id.as_ref().map(|id| id.0.clone()),
        Resource::Role(role) => role.id.as_ref().map(|id| id.0.clone()),
        Resource::User(user) => user.id.as_ref().map(|id| id.0.clone()),
        Resource::UserRole(user_role) => user_role.id.clone(),
    }
}

/// A provider without a usable key is refused when it is stored, not when people wait.
fn check_usable(provider: &IdentityProvider) -> Result<(), Invalid> {
    match &provider.configuration {
        Wire::Saml(saml) if saml.metadata_url.is_none() => {
            sp::Idp::new(saml, None).map(drop).map_err(|invalid| invalid.below("configuration"))
        }
        Wire::Saml(_) | Wire::Oidc(_) => Ok(()),
    }
}

/// Keys of which none can sign are refused when they are stored, not when the application calls.
fn check_usable_keys(client: &ClientApplication) -> Result<(), Invalid> {
    let Some(jwks) = &client.jwks else { return Ok(()) };
    let unusable = || {
        let problem =
            "has no key for signatures that we know: RSA of 2048 bits or more, P-256, Ed25519";
        Invalid::new("jwks", problem)
    };
    let keys = rp::parse_jwks(jwks.to_string().as_bytes()).map_err(|_| unusable())?;
    let signs = |jwk: &Jwk| SigningAlg::ALL.iter().any(|alg| jwk.verifying_key(*alg).is_some());
    if keys.keys.iter().any(signs) { Ok(()) } else { Err(unusable()) }
}

pub(in crate::broker) fn write_one(
    tx: &mut Tx<'_>,
    prepared: &Prepared,
    author: &Author,
    template: &Event,
) -> Result<Written, WriteError> {
    match &prepared.resource {
        Resource::User(user) => write_user(tx, prepared, user, author, template),
        Resource::UserRole(user_role) => write_user_role(tx, prepared, user_role, author, template),
        _ => write_document(tx, prepared, author, template),
    }
}

fn written(prepared: &Prepared, id: &str, change: Change) -> Written {
    let made = prepared.made.clone().filter(|_| change == Change::Created);
    let (kind, id, warning) = (prepared.resource.kind(), id.to_owned(), prepared.warning.clone());
    Written { kind, id, change, secret: made, warning }
}
