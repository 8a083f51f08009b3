//! The last good metadata of providers that publish theirs by URL.

use super::{
    Conn, Error,
    changes::{self, Topic},
    run::prelude::*,
    schema::fetched,
};

/// A document as it was last fetched.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = fetched)]
pub struct Fetched {
    pub idp: String,
    pub url: String,
    pub fetched_at: i64,
    pub body: String,
    /// JSON: the keys of earlier documents that still count.
    pub draining: String,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<Fetched>, Error> {
    Ok(fetched::table.load(conn)?)
}

/// Puts `next` in the place of the document that was fetched at `was`, and tells other processes.
/// `was` is `None` when there was none. `false`: somebody was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn replace(conn: &mut Conn, was: Option<i64>, next: &Fetched) -> Result<bool, Error> {
    let row = fetched::table.find(&next.idp);
    let here: Option<i64> = row.select(fetched::fetched_at).get_result(conn).optional()?;
    if here != was {
        return Ok(false);
    }
    diesel::delete(row).execute(conn)?;
    diesel::insert_into(fetched::table).values(next).execute(conn)?;
    changes::bump(conn, Topic::Configuration)?;
    Ok(true)
}
