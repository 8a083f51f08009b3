//! Which ends were told of already, so that each level is told once, by one process.

use super::{Conn, Error, run::prelude::*, schema::told_terms};

/// # Errors
/// [`Error`] when the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<(String, i64)>, Error> {
    Ok(told_terms::table.load(conn)?)
}

/// Notes that `subject`, last told at `was`, stands at `level`. `false`: somebody else noted it.
///
/// # Errors
/// [`Error`] when the database fails; [`Error::Duplicate`] when somebody else noted it first.
pub fn note(conn: &mut Conn, subject: &str, was: Option<i64>, level: i64) -> Result<bool, Error> {
    let Some(was) = was else {
        let row = (told_terms::subject.eq(subject), told_terms::level.eq(level));
        diesel::insert_into(told_terms::table).values(row).execute(conn)?;
        return Ok(true);
    };
    let row = told_terms::table.find(subject).filter(told_terms::level.eq(was));
    Ok(diesel::update(row).set(told_terms::level.eq(level)).execute(conn)? == 1)
}

/// Forgets what is not watched any more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn forget(conn: &mut Conn, subject: &str) -> Result<(), Error> {
    diesel::delete(told_terms::table.find(subject)).execute(conn)?;
    Ok(())
}
