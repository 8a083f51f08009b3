//! Failed attempts, counted where every node sees them.

use diesel::upsert::excluded;

use super::{Conn, Error, run::prelude::*, schema::throttles};
use crate::domain::words::UnixTime;

/// So many consecutive failures, the last of them then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: i64,
    pub last_at: UnixTime,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, subject: &str) -> Result<Failures, Error> {
    let row = throttles::table.find(subject).select((throttles::failures, throttles::last_at));
    let row: Option<(i64, i64)> = row.get_result(conn).optional()?;
    let (count, last_at) = row.unwrap_or_default();
    Ok(Failures { count, last_at: UnixTime(last_at) })
}

/// Counts one more attempt before it is tried, so that attempts at the same time all count.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn count(conn: &mut Conn, subject: &str, now: UnixTime) -> Result<(), Error> {
    // One statement, so that the first attempts on two nodes both count.
    let first =
        (throttles::subject.eq(subject), throttles::failures.eq(1), throttles::last_at.eq(now.0));
    let one_more = (
        throttles::failures.eq(throttles::failures + 1),
        throttles::last_at.eq(excluded(throttles::last_at)),
    );
    diesel::insert_into(throttles::table)
        .values(first)
        .on_conflict(throttles::subject)
        .do_update()
        .set(one_more)
        .execute(conn)?;
    Ok(())
}

/// Takes one attempt back, which turned out to be no failure.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn uncount(conn: &mut Conn, subject: &str) -> Result<(), Error> {
    let counted = throttles::table.find(subject).filter(throttles::failures.gt(0));
    diesel::update(counted).set(throttles::failures.eq(throttles::failures - 1)).execute(conn)?;
    Ok(())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn clear(conn: &mut Conn, subject: &str) -> Result<(), Error> {
    diesel::delete(throttles::table.find(subject)).execute(conn)?;
    Ok(())
}
