//! Writing resources: by file, by page, later by the API. One way, one set of checks.
//!
//! Everything costly or random is prepared before the transaction; inside it references are looked up,
//! powers compared, and the change and its audit record written together.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Broker, Caller, Error, configuration::resource_of, login::secret_place};
use crate::{
    crypto::{password, sha256_base64url},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        mapping::GrantedRole,
        resource::{
            ClientApplication, ClientType, Configuration as Wire, IdentityProvider, Invalid, Ref,
            Resource, Role, UserResource, UserRoleResource,
        },
        roles::{self, Powers},
        words::{IdpId, OrganizationId, RoleId, UnixTime, UserId},
    },
    sp,
    store::{
        self, Tx,
        resources::Document,
        users::{self, Account},
    },
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
pub(super) struct Prepared {
    resource: Resource,
    id: String,
    mode: Mode,
    /// Sealed, or a digest.
    secret: Option<String>,
    /// The secret itself, when we made it.
    made: Option<String>,
    password_hash: Option<String>,
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

    pub(super) fn change_event(&self, author: &Author, caller: Option<&Caller>) -> Event {
        let now = self.clock.now();
        let event = match caller {
            Some(caller) => caller.event(Action::Update, Outcome::Success, now),
            None => Event::new(Action::Update, Outcome::Success, now),
        };
        event.by(author.actor.clone())
    }

    pub(super) async fn prepare(
        &self,
        resource: Resource,
        mode: Mode,
    ) -> Result<Prepared, WriteError> {
        let id = given_id(&resource).unwrap_or_else(|| self.random.uuid(self.clock.now()));
        let mut prepared =
            Prepared { resource, id, mode, secret: None, made: None, password_hash: None };
        match &prepared.resource {
            Resource::IdentityProvider(provider) => {
                check_usable(provider)?;
                prepared.secret = self.seal_client_secret(&prepared.id, provider)?;
            }
            Resource::ClientApplication(client) => {
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
        let wanted =
            client.client_type == ClientType::Confidential && !matches!(mode, Mode::Update { .. });
        client.secret.clone().or_else(|| wanted.then(|| self.random.token()))
    }

    pub(super) async fn hash_password(&self, password: String) -> Result<String, Error> {
        let random = self.random;
        let hash = tokio::task::spawn_blocking(move || password::hash(random, &password)).await;
        Ok(hash.map_err(|_| Error::Broken("hashing ended unexpectedly".to_owned()))??)
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

/// At least one person keeps the keys to the house.
fn check_not_last_administrator(
    tx: &mut Tx<'_>,
    row: &store::user_roles::UserRole,
) -> Result<(), WriteError> {
    if row.role_id != roles::ADMINISTRATOR || !row.organization_id.is_empty() {
        return Ok(());
    }
    let others = other_administrators(tx, &row.user_id)?;
    if others { Ok(()) } else { Err(last_administrator()) }
}

fn last_administrator() -> WriteError {
    WriteError::Forbidden("this is the last active administrator".to_owned())
}

fn other_administrators(tx: &mut Tx<'_>, user: &str) -> Result<bool, WriteError> {
    for holder in store::user_roles::holders(tx, &roles::ADMINISTRATOR.into())? {
        let everywhere = holder.organization_id.is_empty() && holder.user_id != user;
        let account = users::find(tx, &UserId(holder.user_id))?;
        if everywhere && account.is_some_and(|account| account.active) {
            return Ok(true);
        }
    }
    Ok(false)
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

pub(super) fn write_one(
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
    Written { kind: prepared.resource.kind(), id: id.to_owned(), change, secret: made }
}

fn write_document(
    tx: &mut Tx<'_>,
    prepared: &Prepared,
    author: &Author,
    template: &Event,
) -> Result<Written, WriteError> {
    let (kind, id) = (prepared.resource.kind(), prepared.id.as_str());
    check_references(tx, &prepared.resource, author)?;
    let body = body_of(&prepared.resource)?;
    let before = store::resources::find(tx, kind, id)?;
    let secret = prepared.secret.as_deref();
    let change = match (&before, prepared.mode) {
        (Some(_), Mode::Create) => return Err(WriteError::Exists(format!("{kind}/{id}"))),
        (None, Mode::Update { .. }) => return Err(WriteError::Missing(format!("{kind}/{id}"))),
        (None, _) => {
            // Another process may have made it since we looked.
            if !store::resources::create(tx, kind, id, &body, secret, template.at)? {
                return Err(WriteError::Conflict(format!("{kind}/{id}")));
            }
            Change::Created
        }
        (Some(before), mode) => update_document(tx, before, &body, secret, mode, template.at)?,
    };
    if change != Change::Unchanged {
        let previous = before.as_ref().map(|document| document.body.as_str());
        tx.audit(change_of(template, kind, id, previous, &body));
    }
    Ok(written(prepared, id, change))
}

fn update_document(
    tx: &mut Tx<'_>,
    before: &Document,
    body: &str,
    secret: Option<&str>,
    mode: Mode,
    now: UnixTime,
) -> Result<Change, WriteError> {
    let secret = secret.filter(|_| mode != Mode::Apply);
    let conflict = || WriteError::Conflict(format!("{}/{}", before.kind, before.id));
    if let Mode::Update { version } = mode
        && version != before.version
    {
        return Err(conflict());
    }
    if before.body == body && secret.is_none() {
        return Ok(Change::Unchanged);
    }
    if store::resources::update(tx, before, body, secret, now)? {
        Ok(Change::Updated)
    } else {
        Err(conflict())
    }
}

/// The document without its name, which is the key of its row.
fn body_of(resource: &Resource) -> Result<String, WriteError> {
    let mut value = match resource {
        Resource::Organization(organization) => serde_json::to_value(organization),
        Resource::IdentityProvider(provider) => serde_json::to_value(provider),
        Resource::ClientApplication(client) => serde_json::to_value(client),
        Resource::Role(role) => serde_json::to_value(role),
        Resource::User(user) => serde_json::to_value(user),
        Resource::UserRole(user_role) => serde_json::to_value(user_role),
    }
    .map_err(|error| Error::Broken(error.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("id");
    }
    Ok(value.to_string())
}

fn change_of(template: &Event, kind: &str, id: &str, before: Option<&str>, after: &str) -> Event {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let action = if before.is_some() { Action::Update } else { Action::Create };
    let detail = json!({
        "resource": format!("{kind}/{id}"), "before": before.map(parse), "after": parse(after),
    });
    Event { action, ..template.clone() }.detail(detail)
}

fn check_references(
    tx: &mut Tx<'_>,
    resource: &Resource,
    author: &Author,
) -> Result<(), WriteError> {
    match resource {
        Resource::Organization(organization) => check_domains_free(tx, organization),
        Resource::Role(role) => {
            let id = role.id.as_ref().map_or("", RoleId::as_str);
            if roles::is_built_in(&id.into()) {
                return Err(WriteError::Forbidden(format!("Role/{id} is built in")));
            }
            check_has(author, role, None)
        }
        Resource::IdentityProvider(provider) => {
            check_organization(tx, "organization", provider.organization.as_ref())?;
            for (index, rule) in provider.mapping.rules.iter().enumerate() {
                let path = format!("mapping.rules[{index}]");
                check_organization(
                    tx,
                    &format!("{path}.organization"),
                    rule.organization.as_ref(),
                )?;
                let organization = rule.organization.as_ref().map(|o| o.0.clone());
                let grant = GrantedRole { role: rule.role.0.clone(), organization };
                check_may_grant(tx, author, &grant).map_err(|e| at(e, &format!("{path}.role")))?;
            }
            Ok(())
        }
        Resource::ClientApplication(client) => check_client(tx, client, author),
        Resource::User(_) | Resource::UserRole(_) => Ok(()),
    }
}

fn check_client(
    tx: &mut Tx<'_>,
    client: &ClientApplication,
    author: &Author,
) -> Result<(), WriteError> {
    check_organization(tx, "organization", client.organization.as_ref())?;
    for (index, idp) in client.identity_providers.iter().enumerate() {
        if store::resources::find(tx, "IdentityProvider", idp.0.as_str())?.is_none() {
            let path = format!("identityProviders[{index}]");
            return Err(
                Invalid::new(path, format!("IdentityProvider/{} does not exist", idp.0)).into()
            );
        }
    }
    for (index, role) in client.roles.iter().enumerate() {
        let organization = client.organization.as_ref().map(|o| o.0.clone());
        let grant = GrantedRole { role: role.0.clone(), organization };
        check_may_grant(tx, author, &grant).map_err(|e| at(e, &format!("roles[{index}]")))?;
    }
    Ok(())
}

/// A missing role is a mistake at a path, not a missing page.
fn at(error: WriteError, path: &str) -> WriteError {
    match error {
        WriteError::Missing(what) => Invalid::new(path, format!("{what} does not exist")).into(),
        other => other,
    }
}

/// Two organizations with one domain: nobody could say where its people belong.
fn check_domains_free(
    tx: &mut Tx<'_>,
    organization: &crate::domain::resource::Organization,
) -> Result<(), WriteError> {
    let own = organization.id.as_ref().map_or("", OrganizationId::as_str);
    let wanted: BTreeSet<&String> = organization.domains.iter().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    for document in store::resources::changed_since(tx, -1)? {
        if document.kind != "Organization" || document.deleted || document.id == own {
            continue;
        }
        let Ok(Resource::Organization(other)) = resource_of(&document) else { continue };
        if let Some(taken) = other.domains.iter().find(|domain| wanted.contains(domain)) {
            let problem = format!("`{taken}` belongs to Organization/{}", document.id);
            return Err(Invalid::new("domains", problem).into());
        }
    }
    Ok(())
}

fn check_organization(
    tx: &mut Tx<'_>,
    path: &str,
    reference: Option<&Ref<OrganizationId>>,
) -> Result<(), WriteError> {
    let Some(reference) = reference else { return Ok(()) };
    let id = reference.0.as_str();
    if store::resources::find(tx, "Organization", id)?.is_some() {
        return Ok(());
    }
    Err(Invalid::new(path, format!("Organization/{id} does not exist")).into())
}

fn find_role(tx: &mut Tx<'_>, id: &RoleId) -> Result<Role, WriteError> {
    if let Some(role) = roles::built_in().into_iter().find(|role| role.id.as_ref() == Some(id)) {
        return Ok(role);
    }
    let document = store::resources::find(tx, "Role", id.as_str())?;
    match document.as_ref().map(resource_of) {
        Some(Ok(Resource::Role(role))) => Ok(role),
        _ => Err(WriteError::Missing(format!("Role/{id}"))),
    }
}

fn check_may_grant(
    tx: &mut Tx<'_>,
    author: &Author,
    grant: &GrantedRole,
) -> Result<(), WriteError> {
    let role = find_role(tx, &grant.role)?;
    check_has(author, &role, grant.organization.as_ref())
}

/// Nobody grants what he lacks.
fn check_has(
    author: &Author,
    role: &Role,
    organization: Option<&OrganizationId>,
) -> Result<(), WriteError> {
    if author.powers.may_grant(role, organization) {
        return Ok(());
    }
    Err(WriteError::Forbidden(format!("you cannot give more than you have: {}", role.name)))
}

fn write_user(
    tx: &mut Tx<'_>,
    prepared: &Prepared,
    user: &UserResource,
    author: &Author,
    template: &Event,
) -> Result<Written, WriteError> {
    let before = match prepared.mode {
        Mode::Create => None,
        Mode::Apply | Mode::Update { .. } => find_user(tx, user)?,
    };
    let Some(before) = before else {
        if matches!(prepared.mode, Mode::Update { .. }) {
            return Err(WriteError::Missing(format!("User/{}", prepared.id)));
        }
        let hash = prepared.password_hash.clone();
        let account = Account::local(UserId(prepared.id.clone()), user, hash, template.at)?;
        users::create(tx, &account)?;
        tx.audit(user_change(template, None, &account)?);
        return Ok(written(prepared, &prepared.id, Change::Created));
    };
    let conflict = || WriteError::Conflict(format!("User/{}", before.id));
    if matches!(prepared.mode, Mode::Update { version } if version != before.version) {
        return Err(conflict());
    }
    let mut account = before.clone();
    account.take_over(user)?;
    if let (Mode::Update { .. }, Some(hash)) = (prepared.mode, &prepared.password_hash) {
        account.password_hash = Some(hash.clone());
        end_sessions(tx, &before, template, "password set by an administrator")?;
    }
    if account == before {
        return Ok(written(prepared, &before.id, Change::Unchanged));
    }
    if before.active && !account.active {
        deactivate(tx, &before, template)?;
    }
    check_outranks(tx, author, &before)?;
    if !users::update(tx, &account, template.at)? {
        return Err(conflict());
    }
    tx.audit(user_change(template, Some(&before), &account)?);
    Ok(written(prepared, &before.id, Change::Updated))
}

/// Changing the account of somebody who may more than the author would be a way to his powers.
fn check_outranks(tx: &mut Tx<'_>, author: &Author, account: &Account) -> Result<(), WriteError> {
    for grant in store::user_roles::granted_to(tx, &account.user_id())? {
        match check_may_grant(tx, author, &grant) {
            Ok(()) | Err(WriteError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sessions and tokens of a deactivated account end at once.
fn deactivate(tx: &mut Tx<'_>, account: &Account, template: &Event) -> Result<(), WriteError> {
    let given = store::user_roles::granted_to(tx, &account.user_id())?;
    let administers = |grant: &GrantedRole| grant.role.as_str() == roles::ADMINISTRATOR;
    if given.iter().any(administers) && !other_administrators(tx, &account.id)? {
        return Err(last_administrator());
    }
    end_sessions(tx, account, template, "account deactivated")
}

fn end_sessions(
    tx: &mut Tx<'_>,
    account: &Account,
    template: &Event,
    reason: &str,
) -> Result<(), WriteError> {
    for session in store::sessions::end_all_of(tx, &account.user_id(), template.at)? {
        let mut event = Event { action: Action::SignOut, ..template.clone() };
        (event.user, event.session) = (Some(account.user_id()), Some(session));
        tx.audit(event.detail(reason));
    }
    Ok(())
}

fn user_change(
    template: &Event,
    before: Option<&Account>,
    after: &Account,
) -> Result<Event, WriteError> {
    let body = |account: &Account| body_of(&Resource::User(Box::new(account.resource())));
    let previous = before.map(body).transpose()?;
    let mut event = change_of(template, "User", &after.id, previous.as_deref(), &body(after)?);
    event.user = Some(after.user_id());
    Ok(event)
}

/// By id, then username, then local e-mail address.
fn find_user(tx: &mut Tx<'_>, user: &UserResource) -> Result<Option<Account>, WriteError> {
    if let Some(id) = &user.id {
        return Ok(users::find(tx, id)?);
    }
    for name in [&user.username, &user.email].into_iter().flatten() {
        if let Some(found) = users::find_local(tx, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn write_user_role(
    tx: &mut Tx<'_>,
    prepared: &Prepared,
    user_role: &UserRoleResource,
    author: &Author,
    template: &Event,
) -> Result<Written, WriteError> {
    let user = resolve_user(tx, &user_role.user)?;
    check_organization(tx, "organization", user_role.organization.as_ref())?;
    let organization = user_role.organization.as_ref().map(|reference| reference.0.clone());
    let grant = GrantedRole { role: user_role.role.0.clone(), organization };
    check_may_grant(tx, author, &grant).map_err(|error| at(error, "role"))?;
    let id = prepared.id.clone();
    let Some(row) = store::user_roles::grant(tx, id, &user, &grant, None, template.at)? else {
        return Ok(written(prepared, &prepared.id, Change::Unchanged));
    };
    let mut event = Event { action: Action::RoleGranted, ..template.clone() };
    event.user = Some(user);
    tx.audit(event.detail(grant_detail(&grant)));
    Ok(written(prepared, &row.id, Change::Created))
}

fn grant_detail(grant: &GrantedRole) -> Value {
    json!({ "role": grant.role, "organization": grant.organization })
}

/// By id; in files also by username or address.
fn resolve_user(tx: &mut Tx<'_>, reference: &Ref<UserId>) -> Result<UserId, WriteError> {
    let found = match users::find(tx, &reference.0)? {
        Some(account) => Some(account),
        None => users::find_local(tx, reference.0.as_str())?,
    };
    let missing = || Invalid::new("user", format!("User/{} does not exist", reference.0));
    Ok(found.ok_or_else(missing)?.user_id())
}
