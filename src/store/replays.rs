//! What must not be accepted twice: assertion identifiers, until their end of life.
//!
//! Both databases know `ON CONFLICT`, only diesel's common connection does not; as text it is one statement
//! that says whether it won.

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use super::{Conn, Error, Tx, schema::replays};
use crate::domain::words::UnixTime;

/// Remembers a digest. `false`: it was here before, or another node remembered it at the same moment.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remember(conn: &mut Conn, digest: &str, until: UnixTime) -> Result<bool, Error> {
    let insert = "INSERT INTO replays (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let rows =
        sql_query(insert).bind::<Text, _>(digest).bind::<BigInt, _>(until.0).execute(conn)?;
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
