//! Accounts and the roles that people are given by hand.

use serde_json::{Value, json};

use super::{
    Author, Change, Mode, Prepared, WriteError, Written,
    documents::{body_of, change_of},
    references::{at, check_may_grant, check_organization},
    written,
};
use crate::{
    domain::{
        audit::{Action, Event},
        mapping::GrantedRole,
        resource::{Invalid, Ref, Resource, UserResource, UserRoleResource},
        roles,
        words::UserId,
    },
    store::{
        self, Tx,
        users::{self, Account},
    },
};

/// At least one person keeps the keys to the house.
pub(super) fn check_not_last_administrator(
    tx: &mut Tx<'_>,
    row: &store::user_roles::UserRole,
) -> Result<(), WriteError> {
    if row.role_id != roles::ADMINISTRATOR || !row.organization_id.is_empty() {
        return Ok(());
    }
    let others = other_administrators(tx, &row.user_id)?;
    if others { Ok(()) } else { Err(last_administrator()) }
}

pub(super) fn last_administrator() -> WriteError {
    WriteError::Forbidden("this is the last active administrator".to_owned())
}

pub(super) fn other_administrators(tx: &mut Tx<'_>, user: &str) -> Result<bool, WriteError> {
    for holder in store::user_roles::holders(tx, &roles::ADMINISTRATOR.into())? {
        let everywhere = holder.organization_id.is_empty() && holder.user_id != user;
        let account = users::find(tx, &UserId(holder.user_id))?;
        if everywhere && account.is_some_and(|account| account.active) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn write_user(
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
pub(super) fn check_outranks(
    tx: &mut Tx<'_>,
    author: &Author,
    account: &Account,
) -> Result<(), WriteError> {
    for grant in store::user_roles::granted_to(tx, &account.user_id())? {
        match check_may_grant(tx, author, &grant) {
            Ok(()) | Err(WriteError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sessions and tokens of a deactivated account end at once.
pub(super) fn deactivate(
    tx: &mut Tx<'_>,
    account: &Account,
    template: &Event,
) -> Result<(), WriteError> {
    let given = store::user_roles::granted_to(tx, &account.user_id())?;
    let administers = |grant: &GrantedRole| grant.role.as_str() == roles::ADMINISTRATOR;
    if given.iter().any(administers) && !other_administrators(tx, &account.id)? {
        return Err(last_administrator());
    }
    end_sessions(tx, account, template, "account deactivated")
}

pub(super) fn end_sessions(
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

pub(super) fn user_change(
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
pub(super) fn find_user(
    tx: &mut Tx<'_>,
    user: &UserResource,
) -> Result<Option<Account>, WriteError> {
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

pub(super) fn write_user_role(
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

pub(super) fn grant_detail(grant: &GrantedRole) -> Value {
    json!({ "role": grant.role, "organization": grant.organization })
}

/// By id; in files also by username or address.
pub(super) fn resolve_user(tx: &mut Tx<'_>, reference: &Ref<UserId>) -> Result<UserId, WriteError> {
    let found = match users::find(tx, &reference.0)? {
        Some(account) => Some(account),
        None => users::find_local(tx, reference.0.as_str())?,
    };
    let missing = || Invalid::new("user", format!("User/{} does not exist", reference.0));
    Ok(found.ok_or_else(missing)?.user_id())
}
