//! Browser sessions: what the cookie names after a sign-in.

use super::{
    Conn, Error, Tx, logout_notices,
    run::prelude::*,
    schema::{browser_sessions, grants},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        identity::UpstreamSession,
        login::Authentication,
        words::{IdpId, SessionId, UnixTime, UserId},
    },
};

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    pub id: SessionId,
    pub authentication: Authentication,
    /// What an upstream logout will name.
    pub upstream: UpstreamSession,
    pub created_at: UnixTime,
    pub used_at: UnixTime,
    /// The absolute end.
    pub expires_at: UnixTime,
    pub ended_at: Option<UnixTime>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = browser_sessions, treat_none_as_null = true)]
struct Row {
    id: String,
    cookie: String,
    user_id: String,
    idp: Option<String>,
    auth_time: i64,
    amr: String,
    acr: Option<String>,
    upstream: String,
    created_at: i64,
    used_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    upstream_key: Option<String>,
}

impl Row {
    fn session(self) -> Result<BrowserSession, Error> {
        Ok(BrowserSession {
            id: SessionId(self.id),
            authentication: Authentication {
                user: UserId(self.user_id),
                idp: self.idp.map(IdpId),
                auth_time: UnixTime(self.auth_time),
                amr: serde_json::from_str(&self.amr)?,
                acr: self.acr,
            },
            upstream: serde_json::from_str(&self.upstream)?,
            created_at: UnixTime(self.created_at),
            used_at: UnixTime(self.used_at),
            expires_at: UnixTime(self.expires_at),
            ended_at: self.ended_at.map(UnixTime),
        })
    }

    fn of(session: &BrowserSession, cookie: &str) -> Result<Self, Error> {
        let authentication = &session.authentication;
        Ok(Self {
            id: session.id.0.clone(),
            cookie: cookie.to_owned(),
            user_id: authentication.user.0.clone(),
            idp: authentication.idp.as_ref().map(|idp| idp.0.clone()),
            auth_time: authentication.auth_time.0,
            amr: serde_json::to_string(&authentication.amr)?,
            acr: authentication.acr.clone(),
            upstream: serde_json::to_string(&session.upstream)?,
            created_at: session.created_at.0,
            used_at: session.used_at.0,
            expires_at: session.expires_at.0,
            ended_at: session.ended_at.map(|at| at.0),
            upstream_key: upstream_key(session),
        })
    }
}

impl BrowserSession {
    /// A session that begins at `now` and lasts `absolute` seconds at most, and no longer than the provider
    /// wants it to.
    #[must_use]
    pub fn new(
        id: SessionId,
        authentication: Authentication,
        upstream: UpstreamSession,
        now: UnixTime,
        absolute: i64,
    ) -> Self {
        let absolute = now.plus(absolute);
        let expires_at = upstream.not_on_or_after.map_or(absolute, |end| end.min(absolute));
        Self {
            id,
            authentication,
            upstream,
            created_at: now,
            used_at: now,
            expires_at,
            ended_at: None,
        }
    }

    /// Whether a use at `now` is worth noting: once a minute is often enough for a limit of an hour.
    #[must_use]
    pub fn is_worn(&self, now: UnixTime) -> bool {
        now.since(self.used_at) >= 60
    }

    /// Whether `other` is the same person, proven the same way: by the same provider, or by a password of ours.
    #[must_use]
    pub fn is_continued_by(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.authentication, &other.authentication);
        let same_provider = mine.idp == theirs.idp && self.upstream.entity == other.upstream.entity;
        mine.user == theirs.user && same_provider
    }

    /// Whether it counts at `now`: not ended, used within `idle` seconds, younger than its end.
    #[must_use]
    pub fn is_live(&self, now: UnixTime, idle: i64) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now < self.used_at.plus(idle)
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, session: &BrowserSession, cookie: &str) -> Result<(), Error> {
    let row = Row::of(session, cookie)?;
    diesel::insert_into(browser_sessions::table).values(&row).execute(conn)?;
    Ok(())
}

/// Puts the session of that name, under a new cookie, in the place of what it was; the cookie that it had
/// is good no more. `false`: it has ended.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn renew(tx: &mut Tx<'_>, session: &BrowserSession, cookie: &str) -> Result<bool, Error> {
    // Its end may have come nearer.
    tx.revokes();
    let conn: &mut Conn = tx;
    let live = browser_sessions::table.find(session.id.as_str());
    let live = live.filter(browser_sessions::ended_at.is_null());
    let rows = diesel::update(live).set(Row::of(session, cookie)?).execute(conn)?;
    Ok(rows == 1)
}

/// The session of that name, if it was stored under the digest of this cookie.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_by_cookie(
    conn: &mut Conn,
    id: &SessionId,
    cookie: &str,
) -> Result<Option<BrowserSession>, Error> {
    let row = browser_sessions::table.find(id.as_str());
    let row = row.filter(browser_sessions::cookie.eq(cookie));
    let row: Option<Row> = row.get_result(conn).optional()?;
    row.map(Row::session).transpose()
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, id: &SessionId) -> Result<Option<BrowserSession>, Error> {
    let row: Option<Row> = browser_sessions::table.find(id.as_str()).get_result(conn).optional()?;
    row.map(Row::session).transpose()
}

/// The sessions that have not ended, of the person whom `idp`, or `member` of that federation, calls
/// `name_id`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_upstream(
    conn: &mut Conn,
    (idp, member): (&IdpId, Option<&str>),
    name_id: &str,
) -> Result<Vec<BrowserSession>, Error> {
    let theirs = browser_sessions::upstream_key.eq(key_of(idp, member, name_id));
    let live = browser_sessions::table.filter(theirs.and(browser_sessions::ended_at.is_null()));
    let rows: Vec<Row> = live.order(browser_sessions::id).load(conn)?;
    rows.into_iter().map(Row::session).collect()
}

fn upstream_key(session: &BrowserSession) -> Option<String> {
    let (idp, name_id) = (session.authentication.idp.as_ref()?, &session.upstream.name_id);
    let member = session.upstream.entity.as_deref();
    name_id.as_ref().map(|name_id| key_of(idp, member, name_id))
}

/// Only a way to find rows: what is found is compared member by member.
fn key_of(idp: &IdpId, member: Option<&str>, name_id: &str) -> String {
    let member = member.map(|member| format!(" {member}")).unwrap_or_default();
    sha256_base64url(format!("{idp}{member} {name_id}"))
}

/// Notes that the session was used.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn touch(conn: &mut Conn, id: &SessionId, now: UnixTime) -> Result<(), Error> {
    let row = browser_sessions::table.find(id.as_str());
    let row = row.filter(browser_sessions::used_at.lt(now.0));
    diesel::update(row).set(browser_sessions::used_at.eq(now.0)).execute(conn)?;
    Ok(())
}

/// Ends a session and every grant that lives by it; its applications are to be told. `false`: it had ended
/// before.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end(tx: &mut Tx<'_>, id: &SessionId, now: UnixTime) -> Result<bool, Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    let live = browser_sessions::table.find(id.as_str());
    let live = live.filter(browser_sessions::ended_at.is_null());
    let ended = diesel::update(live).set(browser_sessions::ended_at.eq(now.0)).execute(conn)? == 1;
    if ended {
        logout_notices::create(conn, id, now)?;
    }
    let theirs = grants::table
        .filter(grants::session_id.eq(id.as_str()))
        .filter(grants::offline.is_null().and(grants::revoked_at.is_null()));
    diesel::update(theirs).set(grants::revoked_at.eq(now.0)).execute(conn)?;
    Ok(ended)
}

/// Ends every session and every grant of a person, also those that outlive a session. Answers which sessions.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end_all_of(tx: &mut Tx<'_>, user: &UserId, now: UnixTime) -> Result<Vec<SessionId>, Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    let live: Vec<String> = browser_sessions::table
        .filter(browser_sessions::user_id.eq(user.as_str()))
        .filter(browser_sessions::ended_at.is_null())
        .select(browser_sessions::id)
        .load(conn)?;
    let live: Vec<SessionId> = live.into_iter().map(SessionId).collect();
    for id in &live {
        end(tx, id, now)?;
    }
    // All others ended with their session.
    let theirs = grants::table
        .filter(grants::user_id.eq(user.as_str()).and(grants::offline.is_not_null()))
        .filter(grants::revoked_at.is_null());
    let conn: &mut Conn = tx;
    diesel::update(theirs).set(grants::revoked_at.eq(now.0)).execute(conn)?;
    Ok(live)
}
