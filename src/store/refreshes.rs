//! How the refreshing of each provider's metadata goes: when it is due, and what is wrong.

use super::{Conn, Error, run::prelude::*, schema::refreshes};
use crate::domain::words::{IdpId, UnixTime};

/// The state of one provider's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = refreshes, primary_key(idp), treat_none_as_null = true)]
pub struct Refresh {
    pub idp: String,
    pub url: String,
    /// Not before; while somebody fetches, the end of that claim.
    pub due_at: i64,
    /// The last try, good or bad.
    pub asked_at: i64,
    /// When the provider last gave a good answer.
    pub checked_at: Option<i64>,
    /// In a row, since the last good answer.
    pub failures: i64,
    pub error: Option<String>,
    pub etag: Option<String>,
    pub modified: Option<String>,
    /// A document that waits for a person.
    pub held: Option<String>,
    pub held_at: Option<i64>,
    /// Digest of the document last refused or turned down.
    pub settled: Option<String>,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<Refresh>, Error> {
    Ok(refreshes::table.load(conn)?)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, idp: &IdpId) -> Result<Option<Refresh>, Error> {
    Ok(refreshes::table.find(idp.as_str()).get_result(conn).optional()?)
}

/// Claims the fetch for whoever saw `seen`, from `now` until `until`. `false`: somebody else has it.
///
/// # Errors
/// [`Error`] when the database fails; [`Error::Duplicate`] when somebody else made the first claim.
pub fn claim(
    conn: &mut Conn,
    idp: &IdpId,
    url: &str,
    seen: Option<i64>,
    now: UnixTime,
    until: i64,
) -> Result<bool, Error> {
    let Some(seen) = seen else {
        let (idp, url) = (idp.0.clone(), url.to_owned());
        let first = Refresh { idp, url, due_at: until, asked_at: now.0, ..Refresh::default() };
        diesel::insert_into(refreshes::table).values(&first).execute(conn)?;
        return Ok(true);
    };
    let unclaimed = refreshes::table.find(idp.as_str()).filter(refreshes::due_at.eq(seen));
    let claim = (refreshes::due_at.eq(until), refreshes::asked_at.eq(now.0));
    let rows = diesel::update(unclaimed).set(claim).execute(conn)?;
    Ok(rows == 1)
}

/// Writes how it went, for whoever holds the claim `claimed`. `false`: the claim was taken over.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn settle(conn: &mut Conn, claimed: i64, next: &Refresh) -> Result<bool, Error> {
    let ours = refreshes::table.find(&next.idp).filter(refreshes::due_at.eq(claimed));
    Ok(diesel::update(ours).set(next).execute(conn)? == 1)
}

/// Takes the held document `held` away, because a person decided; `settled` is its digest when it was
/// turned down. `false`: another document is held meanwhile, or none.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn decide(
    conn: &mut Conn,
    idp: &IdpId,
    held: &str,
    settled: Option<&str>,
) -> Result<bool, Error> {
    let row = refreshes::table.find(idp.as_str()).filter(refreshes::held.eq(held));
    let nothing: Option<String> = None;
    let never: Option<i64> = None;
    let set =
        (refreshes::held.eq(nothing), refreshes::held_at.eq(never), refreshes::settled.eq(settled));
    Ok(diesel::update(row).set(set).execute(conn)? == 1)
}
