//! What must not be accepted twice: assertion identifiers, until their end of life.
//!
//! Both databases know `ON CONFLICT`, only diesel's common connection does not; as text it is one statement
//! that says whether it won.

use diesel::{
    RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use super::{Conn, Error};
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
