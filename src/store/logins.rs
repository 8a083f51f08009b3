//! Logins under way.

use super::{Conn, Error, run::prelude::*, schema::logins};
use crate::domain::{login::Login, words::LoginId};

/// A login and what binds it to its browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub login: Login,
    /// Digest of the binding cookie.
    pub binding: String,
    /// Digest of the one-time handle, once proven.
    pub handle: Option<String>,
    /// The row as it was read: a change is made only to this state.
    read: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = logins)]
struct Row {
    id: String,
    binding: String,
    upstream_state: Option<String>,
    handle: Option<String>,
    body: String,
    expires_at: i64,
}

impl Row {
    fn pending(self) -> Result<Pending, Error> {
        Ok(Pending {
            login: serde_json::from_str(&self.body)?,
            binding: self.binding,
            handle: self.handle,
            read: Some(self.body),
        })
    }
}

impl Pending {
    #[must_use]
    pub const fn new(login: Login, binding: String) -> Self {
        Self { login, binding, handle: None, read: None }
    }

    /// A login that no browser began; it waits under the digest of a handle.
    #[must_use]
    pub const fn unbound(login: Login, handle: String) -> Self {
        Self { login, binding: String::new(), handle: Some(handle), read: None }
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create(
    conn: &mut Conn,
    pending: &Pending,
    upstream_state: Option<&str>,
) -> Result<(), Error> {
    let row = Row {
        id: pending.login.id.0.clone(),
        binding: pending.binding.clone(),
        upstream_state: upstream_state.map(str::to_owned),
        handle: pending.handle.clone(),
        body: serde_json::to_string(&pending.login)?,
        expires_at: pending.login.expires_at().0,
    };
    diesel::insert_into(logins::table).values(&row).execute(conn)?;
    Ok(())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, id: &LoginId) -> Result<Option<Pending>, Error> {
    let row: Option<Row> = logins::table.find(id.as_str()).get_result(conn).optional()?;
    row.map(Row::pending).transpose()
}

/// The login of that name, if it waits for an answer with this `RelayState` or `state`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_by_state(conn: &mut Conn, id: &LoginId, state: &str) -> Result<Option<Pending>, Error> {
    let row = logins::table.find(id.as_str()).filter(logins::upstream_state.eq(state));
    let row: Option<Row> = row.get_result(conn).optional()?;
    row.map(Row::pending).transpose()
}

/// Moves a login on from the state in which `pending` was read. `false`: somebody was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn advance(
    conn: &mut Conn,
    pending: &Pending,
    next: &Login,
    upstream_state: Option<&str>,
    handle: Option<&str>,
) -> Result<bool, Error> {
    let Some(read) = &pending.read else { return Ok(false) };
    let row = logins::table.find(next.id.as_str()).filter(logins::body.eq(read));
    let rows = diesel::update(row)
        .set((
            logins::body.eq(serde_json::to_string(next)?),
            logins::upstream_state.eq(upstream_state),
            logins::handle.eq(handle),
        ))
        .execute(conn)?;
    Ok(rows == 1)
}

/// Binds a login that waits under this handle to a browser; the handle is good no more. `false`: there is
/// none, or somebody was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn bind(conn: &mut Conn, id: &LoginId, handle: &str, binding: &str) -> Result<bool, Error> {
    let row = logins::table.find(id.as_str());
    let row = row.filter(logins::handle.eq(handle).and(logins::binding.eq("")));
    let bound = (logins::handle.eq(None::<String>), logins::binding.eq(binding));
    Ok(diesel::update(row).set(bound).execute(conn)? == 1)
}

/// Ends a login from the state in which `pending` was read. `false`: somebody was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end(conn: &mut Conn, pending: &Pending) -> Result<bool, Error> {
    let Some(read) = &pending.read else { return Ok(false) };
    let row = logins::table.find(pending.login.id.as_str()).filter(logins::body.eq(read));
    Ok(diesel::delete(row).execute(conn)? == 1)
}
