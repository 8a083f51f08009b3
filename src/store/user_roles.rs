//! Roles given to people, by hand or by a provider's rules.

use std::collections::BTreeSet;

use super::{Conn, Error, Tx, run::prelude::*, schema::user_roles};
use crate::domain::{
    mapping::GrantedRole,
    words::{IdpId, OrganizationId, RoleId, UnixTime, UserId},
};

/// One role given, as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = user_roles)]
pub struct UserRole {
    pub id: String,
    pub user_id: String,
    pub role_id: String,
    /// Empty: everywhere.
    pub organization_id: String,
    /// Empty: by hand or by file; otherwise the provider whose rules gave it.
    pub source: String,
    pub created_at: i64,
}

/// What a provider's rules changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    pub granted: Vec<GrantedRole>,
    pub revoked: Vec<GrantedRole>,
}

impl UserRole {
    #[must_use]
    pub fn granted(&self) -> GrantedRole {
        let organization = Some(&self.organization_id).filter(|id| !id.is_empty());
        GrantedRole {
            role: RoleId(self.role_id.clone()),
            organization: organization.cloned().map(OrganizationId),
        }
    }
}

/// Every role of a person, whoever gave it.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut Conn, user: &UserId) -> Result<Vec<UserRole>, Error> {
    let own = user_roles::table.filter(user_roles::user_id.eq(user.as_str()));
    Ok(own.order((user_roles::role_id.asc(), user_roles::organization_id.asc())).load(conn)?)
}

/// The same as grants, each once.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn granted_to(conn: &mut Conn, user: &UserId) -> Result<Vec<GrantedRole>, Error> {
    let all: BTreeSet<_> = of_user(conn, user)?.iter().map(UserRole::granted).collect();
    Ok(all.into_iter().collect())
}

/// Who has `role` from any source.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn holders(conn: &mut Conn, role: &RoleId) -> Result<Vec<UserRole>, Error> {
    Ok(user_roles::table.filter(user_roles::role_id.eq(role.as_str())).load(conn)?)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<UserRole>, Error> {
    Ok(user_roles::table.find(id).get_result(conn).optional()?)
}

/// Gives a role by hand; `None`: the person has it already, by hand.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn grant(
    tx: &mut Tx<'_>,
    id: String,
    user: &UserId,
    grant: &GrantedRole,
    source: Option<&IdpId>,
    now: UnixTime,
) -> Result<Option<UserRole>, Error> {
    let row = UserRole {
        id,
        user_id: user.0.clone(),
        role_id: grant.role.0.clone(),
        organization_id: place(grant).to_owned(),
        source: source.map(|idp| idp.0.clone()).unwrap_or_default(),
        created_at: now.0,
    };
    tx.revokes();
    let conn: &mut Conn = tx;
    let same = user_roles::table.filter(
        user_roles::user_id
            .eq(&row.user_id)
            .and(user_roles::role_id.eq(&row.role_id))
            .and(user_roles::organization_id.eq(&row.organization_id))
            .and(user_roles::source.eq(&row.source)),
    );
    if same.count().get_result::<i64>(conn)? > 0 {
        return Ok(None);
    }
    diesel::insert_into(user_roles::table).values(&row).execute(conn)?;
    Ok(Some(row))
}

/// Takes back one role. `false`: it was not there.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn revoke(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    Ok(diesel::delete(user_roles::table.find(id)).execute(conn)? == 1)
}

/// Makes what the rules of `idp` give to `user` exactly `wanted`; roles from elsewhere stay. `ids` gives
/// a name to each new row.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn recompute(
    tx: &mut Tx<'_>,
    user: &UserId,
    idp: &IdpId,
    wanted: &[GrantedRole],
    ids: &[String],
    now: UnixTime,
) -> Result<Recomputed, Error> {
    let from_idp = |row: &UserRole| row.source == idp.0;
    let had: Vec<UserRole> = of_user(tx, user)?.into_iter().filter(from_idp).collect();
    let mut changes = Recomputed::default();
    for row in had.iter().filter(|row| !wanted.contains(&row.granted())) {
        revoke(tx, &row.id)?;
        changes.revoked.push(row.granted());
    }
    let missing = wanted.iter().filter(|grant| had.iter().all(|row| row.granted() != **grant));
    for (new, id) in missing.zip(ids) {
        grant(tx, id.clone(), user, new, Some(idp), now)?;
        changes.granted.push(new.clone());
    }
    Ok(changes)
}

fn place(grant: &GrantedRole) -> &str {
    grant.organization.as_ref().map_or("", OrganizationId::as_str)
}
