//! The last good metadata of providers that publish theirs by URL.

use diesel::prelude::*;

use super::{
    Conn, Error,
    changes::{self, Topic},
    schema::fetched,
};
use crate::domain::words::{IdpId, UnixTime};

/// A document as it was last fetched.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = fetched)]
pub struct Fetched {
    pub idp: String,
    pub url: String,
    pub fetched_at: i64,
    pub body: String,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<Fetched>, Error> {
    Ok(fetched::table.load(conn)?)
}

/// Keeps `body` instead of what was kept before, and tells other processes.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn keep(
    conn: &mut Conn,
    idp: &IdpId,
    url: &str,
    body: &str,
    now: UnixTime,
) -> Result<(), Error> {
    diesel::delete(fetched::table.find(idp.as_str())).execute(conn)?;
    let row = Fetched {
        idp: idp.0.clone(),
        url: url.to_owned(),
        fetched_at: now.0,
        body: body.to_owned(),
    };
    diesel::insert_into(fetched::table).values(&row).execute(conn)?;
    changes::bump(conn, Topic::Configuration)?;
    Ok(())
}
