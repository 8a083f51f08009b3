//! One-time links to set a password.

use super::{Conn, Error, run::prelude::*, schema::invitations};
use crate::domain::words::{UnixTime, UserId};

/// Stores a link under the digest of its secret.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, digest: &str, user: &UserId, until: UnixTime) -> Result<(), Error> {
    diesel::insert_into(invitations::table)
        .values((
            invitations::digest.eq(digest),
            invitations::user_id.eq(user.as_str()),
            invitations::expires_at.eq(until.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whose password the link sets, while it is good.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, digest: &str, now: UnixTime) -> Result<Option<UserId>, Error> {
    let good = invitations::table
        .find(digest)
        .filter(invitations::used_at.is_null().and(invitations::expires_at.gt(now.0)))
        .select(invitations::user_id);
    Ok(good.get_result::<String>(conn).optional()?.map(UserId))
}

/// Uses the link up. `false`: someone was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn redeem(conn: &mut Conn, digest: &str, now: UnixTime) -> Result<bool, Error> {
    let unused = invitations::table.find(digest).filter(invitations::used_at.is_null());
    Ok(diesel::update(unused).set(invitations::used_at.eq(now.0)).execute(conn)? == 1)
}
