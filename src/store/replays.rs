//! What must not be accepted twice: assertion identifiers, until their end of life.

use diesel::prelude::*;

use super::{Conn, Error, schema::replays};
use crate::domain::words::UnixTime;

/// Remembers a digest. `false`: it was here before.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remember(conn: &mut Conn, digest: &str, until: UnixTime) -> Result<bool, Error> {
    let known = replays::table.find(digest).count().get_result::<i64>(conn)? > 0;
    if known {
        return Ok(false);
    }
    // Two nodes at once: the primary key lets one of them in, the other's savepoint is undone.
    diesel::insert_into(replays::table)
        .values((replays::digest.eq(digest), replays::expires_at.eq(until.0)))
        .execute(conn)?;
    Ok(true)
}
