//! What must not be accepted twice: assertion identifiers, until their end of life.

use super::{Conn, Error, Tx, run::prelude::*, schema::replays};
use crate::domain::words::UnixTime;

/// Remembers a digest. `false`: it was here before, or another node remembered it at the same moment.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remember(conn: &mut Conn, digest: &str, until: UnixTime) -> Result<bool, Error> {
    let row = (replays::digest.eq(digest), replays::expires_at.eq(until.0));
    let insert = diesel::insert_into(replays::table).values(row).on_conflict_do_nothing();
    let rows = insert.execute(conn)?;
    Ok(rows == 1)
}

/// Remembers the digest of a token that is revoked. `false`: it was revoked before.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn revoke(tx: &mut Tx<'_>, digest: &str, until: UnixTime) -> Result<bool, Error> {
    tx.revokes();
    remember(tx, digest, until)
}

/// Whether a digest is remembered.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn holds(conn: &mut Conn, digest: &str) -> Result<bool, Error> {
    let rows = replays::table.filter(replays::digest.eq(digest)).count();
    Ok(rows.get_result::<i64>(conn)? > 0)
}
