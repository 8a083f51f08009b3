//! Our own keys, sealed, and the seal that proves the master key.

use super::{
    Conn, Error,
    changes::{self, Topic},
    run::prelude::*,
    schema::{seals, signing_keys},
};
use crate::domain::words::UnixTime;

/// A key as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct StoredKey {
    pub kid: String,
    /// `token`, `saml` or `audit`.
    pub purpose: String,
    pub alg: String,
    /// `next`, `active`, `retiring` or `retired`.
    pub state: String,
    pub sealed: String,
    /// PEM, for SAML.
    pub certificate: Option<String>,
    pub created_at: i64,
    pub state_since: i64,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<StoredKey>, Error> {
    Ok(signing_keys::table.order((signing_keys::created_at, signing_keys::kid)).load(conn)?)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, key: &StoredKey) -> Result<(), Error> {
    diesel::insert_into(signing_keys::table).values(key).execute(conn)?;
    changes::bump(conn, Topic::Keys)?;
    Ok(())
}

/// Moves a key from one state to the next. `false`: it was not in that state.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn advance(
    conn: &mut Conn,
    kid: &str,
    from: &str,
    to: &str,
    now: UnixTime,
) -> Result<bool, Error> {
    let row = signing_keys::table.find(kid).filter(signing_keys::state.eq(from));
    let set = (signing_keys::state.eq(to), signing_keys::state_since.eq(now.0));
    let rows = diesel::update(row).set(set).execute(conn)?;
    changes::bump(conn, Topic::Keys)?;
    Ok(rows == 1)
}

/// The value sealed under the master key when the database was new.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn seal(conn: &mut Conn) -> Result<Option<String>, Error> {
    let row = seals::table.find("master-key").select(seals::sealed);
    Ok(row.get_result(conn).optional()?)
}

/// # Errors
/// [`Error::Duplicate`] when another process was faster.
pub fn set_seal(conn: &mut Conn, sealed: &str) -> Result<(), Error> {
    diesel::insert_into(seals::table)
        .values((seals::name.eq("master-key"), seals::sealed.eq(sealed)))
        .execute(conn)?;
    Ok(())
}
