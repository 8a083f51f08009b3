//! Ties between an identity at a provider and an account, keyed by (provider, subject).

use super::{Conn, Error, run::prelude::*, schema::links};
use crate::domain::words::{IdpId, UnixTime, UserId};

/// The account that this identity leads to.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, idp: &IdpId, subject: &str) -> Result<Option<UserId>, Error> {
    let row = links::table.find((idp.as_str(), subject)).select(links::user_id);
    Ok(row.get_result::<String>(conn).optional()?.map(UserId))
}

/// # Errors
/// [`Error::Duplicate`] when the identity leads somewhere already.
pub fn create(
    conn: &mut Conn,
    idp: &IdpId,
    subject: &str,
    user: &UserId,
    now: UnixTime,
) -> Result<(), Error> {
    diesel::insert_into(links::table)
        .values((
            links::idp.eq(idp.as_str()),
            links::subject.eq(subject),
            links::user_id.eq(user.as_str()),
            links::created_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(())
}
