//! Refresh tokens: of each grant the present one, and those that it followed.

use super::{Conn, Error, run::prelude::*, schema::refresh_tokens};
use crate::domain::words::{GrantId, UnixTime};

/// A refresh token, known by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    pub digest: String,
    pub grant: GrantId,
    pub issued_at: UnixTime,
    pub expires_at: UnixTime,
    pub state: State,
}

/// Whether it is its grant's present token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Current,
    /// Used, and followed by another, which is kept sealed while it may have to be told again.
    Rotated {
        at: UnixTime,
        successor: Option<String>,
    },
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = refresh_tokens)]
struct Row {
    digest: String,
    grant_id: String,
    issued_at: i64,
    expires_at: i64,
    rotated_at: Option<i64>,
    successor: Option<String>,
}

impl From<Row> for RefreshToken {
    fn from(row: Row) -> Self {
        let state = match row.rotated_at {
            None => State::Current,
            Some(at) => State::Rotated { at: UnixTime(at), successor: row.successor },
        };
        Self {
            digest: row.digest,
            grant: GrantId(row.grant_id),
            issued_at: UnixTime(row.issued_at),
            expires_at: UnixTime(row.expires_at),
            state,
        }
    }
}

/// Stores the present token of `grant` under its digest.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(
    conn: &mut Conn,
    digest: &str,
    grant: &GrantId,
    now: UnixTime,
    expires_at: UnixTime,
) -> Result<(), Error> {
    let row = Row {
        digest: digest.to_owned(),
        grant_id: grant.0.clone(),
        issued_at: now.0,
        expires_at: expires_at.0,
        rotated_at: None,
        successor: None,
    };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(conn)?;
    Ok(())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, digest: &str) -> Result<Option<RefreshToken>, Error> {
    let row: Option<Row> = refresh_tokens::table.find(digest).get_result(conn).optional()?;
    Ok(row.map(RefreshToken::from))
}

/// Marks the token as used, and keeps its sealed successor. `false`: someone was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn rotate(
    conn: &mut Conn,
    digest: &str,
    successor: Option<&str>,
    now: UnixTime,
) -> Result<bool, Error> {
    let current = refresh_tokens::table.find(digest).filter(refresh_tokens::rotated_at.is_null());
    let used =
        (refresh_tokens::rotated_at.eq(Some(now.0)), refresh_tokens::successor.eq(successor));
    Ok(diesel::update(current).set(used).execute(conn)? == 1)
}

/// Whether sealed successors are kept of tokens that were rotated before `end`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn holds_successors(conn: &mut Conn, end: UnixTime) -> Result<bool, Error> {
    let kept = refresh_tokens::table
        .filter(refresh_tokens::successor.is_not_null())
        .filter(refresh_tokens::rotated_at.lt(end.0));
    Ok(kept.count().get_result::<i64>(conn)? > 0)
}

/// Forgets the sealed successors of tokens that were rotated before `end`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn forget_successors(conn: &mut Conn, end: UnixTime) -> Result<usize, Error> {
    let kept = refresh_tokens::table
        .filter(refresh_tokens::successor.is_not_null())
        .filter(refresh_tokens::rotated_at.lt(end.0));
    Ok(diesel::update(kept).set(refresh_tokens::successor.eq(None::<String>)).execute(conn)?)
}
