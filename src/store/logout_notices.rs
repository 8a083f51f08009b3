//! Which applications still have to hear that a session ended, and receipts of those that did.

use super::{
    Conn, Error,
    run::prelude::*,
    schema::{grants, logout_notices},
};
use crate::domain::words::{ClientId, SessionId, UnixTime, UserId};

/// The end of one session, to be told to one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub session: SessionId,
    pub client: ClientId,
    pub user: UserId,
    pub created_at: UnixTime,
    pub state: State,
}

/// How far the telling is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Tried `attempts` times, and not again before `due_at`.
    Waiting { due_at: UnixTime, attempts: i64, error: Option<String> },
    /// The application heard, at `at`.
    Told { at: UnixTime, attempts: i64 },
    /// Given up.
    Unheard { attempts: i64, error: String },
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = logout_notices)]
struct Row {
    session_id: String,
    client_id: String,
    user_id: String,
    created_at: i64,
    due_at: Option<i64>,
    attempts: i64,
    told_at: Option<i64>,
    error: Option<String>,
}

impl From<Row> for Notice {
    fn from(row: Row) -> Self {
        let attempts = row.attempts;
        let state = match (row.due_at.map(UnixTime), row.told_at.map(UnixTime)) {
            (_, Some(at)) => State::Told { at, attempts },
            (Some(due_at), None) => State::Waiting { due_at, attempts, error: row.error },
            (None, None) => State::Unheard { attempts, error: row.error.unwrap_or_default() },
        };
        Self {
            session: SessionId(row.session_id),
            client: ClientId(row.client_id),
            user: UserId(row.user_id),
            created_at: UnixTime(row.created_at),
            state,
        }
    }
}

/// Notes that every application which got tokens in this session is to be told of its end. Whether it wants
/// to be told is looked at when it is told.
///
/// # Errors
/// [`Error`] when the database fails.
pub(super) fn create(conn: &mut Conn, session: &SessionId, now: UnixTime) -> Result<(), Error> {
    let redeemed = grants::session_id.eq(session.as_str()).and(grants::redeemed_at.is_not_null());
    let listeners: Vec<(String, String)> = grants::table
        .filter(redeemed)
        .select((grants::client_id, grants::user_id))
        .distinct()
        .load(conn)?;
    for (client_id, user_id) in listeners {
        let row = Row {
            session_id: session.0.clone(),
            client_id,
            user_id,
            created_at: now.0,
            due_at: Some(now.0),
            attempts: 0,
            told_at: None,
            error: None,
        };
        diesel::insert_into(logout_notices::table).values(&row).execute(conn)?;
    }
    Ok(())
}

/// At most `most` that are due, the longest waiting first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn due(conn: &mut Conn, now: UnixTime, most: i64) -> Result<Vec<Notice>, Error> {
    let due = logout_notices::table.filter(logout_notices::due_at.le(now.0));
    let rows: Vec<Row> = due.order(logout_notices::due_at).limit(most).load(conn)?;
    Ok(rows.into_iter().map(Notice::from).collect())
}

/// All of one session.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_session(conn: &mut Conn, session: &SessionId) -> Result<Vec<Notice>, Error> {
    let rows = logout_notices::table.filter(logout_notices::session_id.eq(session.as_str()));
    let rows: Vec<Row> = rows.order(logout_notices::client_id).load(conn)?;
    Ok(rows.into_iter().map(Notice::from).collect())
}

/// Takes a waiting notice until `until`, for whoever saw it due at `seen`. `false`: somebody else has it.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn claim(
    conn: &mut Conn,
    notice: &Notice,
    seen: UnixTime,
    until: UnixTime,
) -> Result<bool, Error> {
    let unclaimed = logout_notices::table
        .find((notice.session.as_str(), notice.client.as_str()))
        .filter(logout_notices::due_at.eq(seen.0));
    let claim = (
        logout_notices::due_at.eq(until.0),
        logout_notices::attempts.eq(logout_notices::attempts + 1),
    );
    Ok(diesel::update(unclaimed).set(claim).execute(conn)? == 1)
}

/// Writes how it went, for whoever holds the claim `claimed`. `false`: the claim was taken over.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn settle(conn: &mut Conn, notice: &Notice, claimed: UnixTime) -> Result<bool, Error> {
    let held = logout_notices::table
        .find((notice.session.as_str(), notice.client.as_str()))
        .filter(logout_notices::due_at.eq(claimed.0));
    let (due_at, told_at, error) = match &notice.state {
        State::Waiting { due_at, error, .. } => (Some(due_at.0), None, error.clone()),
        State::Told { at, .. } => (None, Some(at.0), None),
        State::Unheard { error, .. } => (None, None, Some(error.clone())),
    };
    let how = (
        logout_notices::due_at.eq(due_at),
        logout_notices::told_at.eq(told_at),
        logout_notices::error.eq(error),
    );
    Ok(diesel::update(held).set(how).execute(conn)? == 1)
}

/// Forgets a notice that nobody wants to hear.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn forget(conn: &mut Conn, notice: &Notice) -> Result<(), Error> {
    let row = logout_notices::table.find((notice.session.as_str(), notice.client.as_str()));
    diesel::delete(row).execute(conn)?;
    Ok(())
}
