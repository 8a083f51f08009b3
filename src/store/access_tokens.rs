//! Opaque access tokens: by their digest, what a signed one would say.

use super::{Conn, Error, run::prelude::*, schema::access_tokens};
use crate::domain::words::UnixTime;

/// Stores the claims of a token, as JSON, under its digest.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(
    conn: &mut Conn,
    digest: &str,
    claims: &str,
    expires_at: UnixTime,
) -> Result<(), Error> {
    let row = (
        access_tokens::digest.eq(digest),
        access_tokens::claims.eq(claims),
        access_tokens::expires_at.eq(expires_at.0),
    );
    diesel::insert_into(access_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// The claims of a token, also of one that has expired and was not forgotten yet.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, digest: &str) -> Result<Option<String>, Error> {
    let claims = access_tokens::table.find(digest).select(access_tokens::claims);
    Ok(claims.get_result(conn).optional()?)
}
