//! Accounts of our own: the first administrator, links to set a password, what a person sees of himself.

use super::{
    Broker, Caller, Error,
    resources::{Author, Change, Mode, WriteError, write_one},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        mapping::GrantedRole,
        password::{self, Weak},
        resource::{Ref, Resource, UserResource, UserRoleResource, is_email},
        roles,
        words::UserId,
    },
    store::{self, Tx},
};

pub use store::{user_roles::UserRole, users::Account};

/// So many accounts are on a page of the list.
pub const PAGE: i64 = 50;

/// A link to set a password is good for so many seconds: a day.
const LINK_LIFETIME: i64 = 86_400;

/// Why a new password is not set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("this link is not valid any more; ask for a new one")]
    DeadLink,
    #[error(transparent)]
    Weak(#[from] Weak),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for PasswordError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Broker {
    /// Makes an account with the role `administrator`, or gives that role to the one that is there.
    /// Answers a one-time link to set a password, unless one was given.
    ///
    /// # Errors
    /// [`WriteError`] for an address or password that will not do.
    pub async fn create_administrator(
        &self,
        email: &str,
        password: Option<String>,
    ) -> Result<Option<String>, WriteError> {
        let user = UserResource {
            email: Some(email.to_owned()),
            password: password.clone(),
            active: true,
            ..UserResource::default()
        };
        check_new_user(&user)?;
        let author = Author::operator();
        let template = self.change_event(&author, None);
        let now = self.clock.now();
        let account = self.prepare(Resource::User(Box::new(user)), Mode::Apply).await?;
        let hash = match &password {
            Some(password) => Some(self.hash_password(password.clone()).await?),
            None => None,
        };
        let role = Resource::UserRole(UserRoleResource {
            id: None,
            user: Ref(UserId(email.to_owned())),
            role: Ref(roles::ADMINISTRATOR.into()),
            organization: None,
        });
        let role = self.prepare(role, Mode::Apply).await?;
        let secret = self.random.token();
        let (digest, link) = (sha256_base64url(&secret), password.is_none());
        self.store
            .write(move |tx| -> Result<(), WriteError> {
                let written = write_one(tx, &account, &author, &template)?;
                write_one(tx, &role, &author, &template)?;
                if written.change != Change::Created
                    && let Some(hash) = &hash
                {
                    replace_password(tx, &UserId(written.id.clone()), hash, &template)?;
                }
                if link {
                    let until = now.plus(LINK_LIFETIME);
                    store::invitations::create(tx, &digest, &UserId(written.id), until)?;
                }
                Ok(())
            })
            .await?;
        Ok(link.then(|| format!("{}/account/set-password?link={secret}", self.issuer())))
    }

    /// Whose password a link sets.
    ///
    /// # Errors
    /// [`PasswordError::DeadLink`].
    pub async fn invited(&self, secret: &str) -> Result<Account, PasswordError> {
        let (digest, now) = (sha256_base64url(secret), self.clock.now());
        let find = move |conn: &mut _| -> Result<_, PasswordError> {
            let user = store::invitations::find(conn, &digest, now)?;
            let user = user.ok_or(PasswordError::DeadLink)?;
            Ok(store::users::find(conn, &user)?)
        };
        self.store.read(find).await?.filter(|a| a.active).ok_or(PasswordError::DeadLink)
    }

    /// Sets a password by a one-time link; every session of the account ends.
    ///
    /// # Errors
    /// [`PasswordError`]; a password that will not do leaves the link good.
    pub async fn set_password(
        &self,
        secret: &str,
        new: String,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        let account = self.invited(secret).await?;
        let words = [account.username.as_deref(), account.email.as_deref()];
        let words: Vec<_> = words.into_iter().flatten().collect();
        password::check(&new, &words)?;
        let hash = self.hash_password(new).await?;
        let (digest, now) = (sha256_base64url(secret), self.clock.now());
        let mut event = caller.event(Action::PasswordSet, Outcome::Success, now);
        event = event.by(Actor::User(account.user_id()));
        event.user = Some(account.user_id());
        self.store
            .write(move |tx| -> Result<(), PasswordError> {
                if !store::invitations::redeem(tx, &digest, now)? {
                    return Err(PasswordError::DeadLink);
                }
                let current = store::users::find(tx, &account.user_id())?;
                let current = current.ok_or(PasswordError::DeadLink)?;
                let next = Account { password_hash: Some(hash.clone()), ..current };
                store::users::update(tx, &next, now)?;
                for session in store::sessions::end_all_of(tx, &next.user_id(), now)? {
                    let mut ended = Event { action: Action::SignOut, ..event.clone() };
                    ended.session = Some(session);
                    tx.audit(ended.detail("password set"));
                }
                tx.audit(event.clone());
                Ok(())
            })
            .await
    }

    /// Accounts for a page of the list: all in their order, or those that begin with `text`.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn list_users(&self, text: &str, offset: i64) -> Result<Vec<Account>, Error> {
        let text = text.trim().to_owned();
        let read = move |conn: &mut _| -> Result<_, Error> {
            if text.is_empty() {
                Ok(store::users::list(conn, offset, PAGE)?)
            } else {
                Ok(store::users::search(conn, &text, PAGE)?)
            }
        };
        self.store.read(read).await
    }

    /// One account, its roles and who gave them.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn find_user(&self, id: &UserId) -> Result<Option<(Account, Vec<UserRole>)>, Error> {
        let id = id.clone();
        let read = move |conn: &mut _| -> Result<_, Error> {
            let Some(account) = store::users::find(conn, &id)? else { return Ok(None) };
            let roles = store::user_roles::of_user(conn, &id)?;
            Ok(Some((account, roles)))
        };
        self.store.read(read).await
    }

    /// The names of roles, for people.
    #[must_use]
    pub fn role_names(&self, granted: &[GrantedRole]) -> Vec<String> {
        let configuration = self.configuration();
        let name = |grant: &GrantedRole| {
            let role = configuration.role(&grant.role);
            let role = role.map_or_else(|| grant.role.0.clone(), |role| role.name.clone());
            match &grant.organization {
                None => role,
                Some(id) => {
                    let place = configuration.organization(id);
                    let place = place.map_or_else(|| id.0.clone(), |o| o.name.clone());
                    format!("{role} ({place})")
                }
            }
        };
        granted.iter().map(name).collect()
    }

    /// The trace of a login or a refusal, by the reference that a person reads out.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn find_trace(
        &self,
        reference: &str,
    ) -> Result<Option<store::traces::StoredTrace>, Error> {
        let reference = reference.trim().to_uppercase();
        self.store.read(move |conn| Ok(store::traces::find(conn, &reference)?)).await
    }

    /// The newest traces first.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn newest_traces(&self) -> Result<Vec<store::traces::StoredTrace>, Error> {
        self.store.read(|conn| Ok(store::traces::newest(conn, 50)?)).await
    }
}

/// Whoever works on the machine itself may give a new password to an account that is there.
fn replace_password(
    tx: &mut Tx<'_>,
    user: &UserId,
    hash: &str,
    template: &Event,
) -> Result<(), WriteError> {
    let Some(current) = store::users::find(tx, user)? else { return Ok(()) };
    let next = Account { password_hash: Some(hash.to_owned()), ..current };
    store::users::update(tx, &next, template.at)?;
    store::sessions::end_all_of(tx, user, template.at)?;
    let mut event = Event { action: Action::PasswordSet, ..template.clone() };
    event.user = Some(user.clone());
    tx.audit(event);
    Ok(())
}

fn check_new_user(user: &UserResource) -> Result<(), crate::domain::resource::Invalid> {
    use crate::domain::resource::Invalid;
    let email = user.email.as_deref().unwrap_or_default();
    if !is_email(email) {
        return Err(Invalid::new("email", "is not an e-mail address"));
    }
    match &user.password {
        Some(new) => password::check(new, &[email])
            .map_err(|weak| Invalid::new("password", weak.to_string())),
        None => Ok(()),
    }
}
