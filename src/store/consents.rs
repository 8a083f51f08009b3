//! What a person has allowed an application to learn and do.

use super::{
    Conn, Error, Tx,
    run::prelude::*,
    schema::{browser_sessions, consents, grants},
};
use crate::domain::words::{ClientId, UnixTime, UserId};

/// One person's word to one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub user: UserId,
    pub client: ClientId,
    /// Sorted; every scope that was ever agreed to.
    pub scopes: Vec<String>,
    pub given_at: UnixTime,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = consents)]
struct Row {
    user_id: String,
    client_id: String,
    scopes: String,
    given_at: i64,
}

impl From<Row> for Consent {
    fn from(row: Row) -> Self {
        Self {
            user: UserId(row.user_id),
            client: ClientId(row.client_id),
            scopes: row.scopes.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            given_at: UnixTime(row.given_at),
        }
    }
}

impl Consent {
    /// Whether it holds for all of these.
    #[must_use]
    pub fn covers(&self, scopes: &[String]) -> bool {
        scopes.iter().all(|scope| self.scopes.contains(scope))
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, user: &UserId, client: &ClientId) -> Result<Option<Consent>, Error> {
    let row = consents::table.find((user.as_str(), client.as_str()));
    let row: Option<Row> = row.get_result(conn).optional()?;
    Ok(row.map(Consent::from))
}

/// All that a person has given.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut Conn, user: &UserId) -> Result<Vec<Consent>, Error> {
    let rows = consents::table.filter(consents::user_id.eq(user.as_str()));
    let rows: Vec<Row> = rows.order(consents::client_id.asc()).load(conn)?;
    Ok(rows.into_iter().map(Consent::from).collect())
}

/// Remembers that the person agrees to these scopes, beside those of before.
///
/// # Errors
/// [`Error::Duplicate`] when another node was faster by a moment; trying again finds what it wrote.
pub fn give(
    conn: &mut Conn,
    user: &UserId,
    client: &ClientId,
    scopes: &[String],
    now: UnixTime,
) -> Result<(), Error> {
    let before = find(conn, user, client)?;
    let mut all = before.as_ref().map(|consent| consent.scopes.clone()).unwrap_or_default();
    all.extend(scopes.iter().cloned());
    all.sort();
    all.dedup();
    let text = all.join(" ");
    let Some(before) = before else {
        let row = Row {
            user_id: user.0.clone(),
            client_id: client.0.clone(),
            scopes: text,
            given_at: now.0,
        };
        diesel::insert_into(consents::table).values(&row).execute(conn)?;
        return Ok(());
    };
    let same = consents::table
        .find((user.as_str(), client.as_str()))
        .filter(consents::scopes.eq(before.scopes.join(" ")));
    let next = (consents::scopes.eq(text), consents::given_at.eq(now.0));
    match diesel::update(same).set(next).execute(conn)? {
        0 => Err(Error::Duplicate),
        _ => Ok(()),
    }
}

/// Takes a consent back, and ends everything that the application has of this person: pending codes and
/// every token, also those that outlive the session. `false`: there was none.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn revoke(
    tx: &mut Tx<'_>,
    user: &UserId,
    client: &ClientId,
    now: UnixTime,
) -> Result<bool, Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    let row = consents::table.find((user.as_str(), client.as_str()));
    let given = diesel::delete(row).execute(conn)? == 1;
    // Grants are found by their session, and where they outlive it by the person.
    let theirs = grants::client_id.eq(client.as_str()).and(grants::revoked_at.is_null());
    let sessions = browser_sessions::table.filter(browser_sessions::user_id.eq(user.as_str()));
    let of_sessions = grants::session_id.eq_any(sessions.select(browser_sessions::id));
    let by_session = grants::table.filter(of_sessions.and(theirs));
    diesel::update(by_session).set(grants::revoked_at.eq(now.0)).execute(conn)?;
    let offline = grants::user_id.eq(user.as_str()).and(grants::offline.is_not_null());
    let beyond = grants::table.filter(offline.and(theirs));
    diesel::update(beyond).set(grants::revoked_at.eq(now.0)).execute(conn)?;
    Ok(given)
}

/// Forgets every consent to an application, and ends all that it has of anybody.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end_client(tx: &mut Tx<'_>, client: &str, now: UnixTime) -> Result<(), Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    diesel::delete(consents::table.filter(consents::client_id.eq(client))).execute(conn)?;
    let theirs = grants::table.filter(grants::client_id.eq(client));
    let live = theirs.filter(grants::revoked_at.is_null());
    diesel::update(live).set(grants::revoked_at.eq(now.0)).execute(conn)?;
    Ok(())
}
