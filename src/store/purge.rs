//! Forgetting what nobody can use any more.

use super::member_uses::REMEMBERED;
use super::{
    Conn, Error,
    run::prelude::*,
    schema::{
        access_tokens, browser_sessions, devices, grants, logins, logout_notices, logouts,
        member_uses, pushed_requests, refresh_tokens, replays, throttles, traces,
    },
};
use crate::domain::words::UnixTime;

/// Seconds that ended sessions stay findable.
const SESSIONS: i64 = 7 * 86_400;
/// Seconds that traces stay.
const TRACES: i64 = 30 * 86_400;
/// Seconds that receipts of sign-outs stay; longer than anybody is tried to be told.
const RECEIPTS: i64 = 30 * 86_400;
/// Seconds without a failure after which failures are forgotten.
const FAILURES: i64 = 86_400;

/// Deletes what has expired; answers how many rows went.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn expired(conn: &mut Conn, now: UnixTime) -> Result<usize, Error> {
    let at = |seconds: i64| now.plus(-seconds).0;
    let mut rows = 0;
    rows += diesel::delete(logins::table.filter(logins::expires_at.lt(now.0))).execute(conn)?;
    rows += diesel::delete(logouts::table.filter(logouts::expires_at.lt(now.0))).execute(conn)?;
    let old = pushed_requests::table.filter(pushed_requests::expires_at.lt(now.0));
    rows += diesel::delete(old).execute(conn)?;
    rows += diesel::delete(grants::table.filter(grants::expires_at.lt(now.0))).execute(conn)?;
    let old = refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now.0));
    rows += diesel::delete(old).execute(conn)?;
    let old = access_tokens::table.filter(access_tokens::expires_at.lt(now.0));
    rows += diesel::delete(old).execute(conn)?;
    rows += diesel::delete(replays::table.filter(replays::expires_at.lt(now.0))).execute(conn)?;
    let old = browser_sessions::table.filter(browser_sessions::expires_at.lt(at(SESSIONS)));
    rows += diesel::delete(old).execute(conn)?;
    rows += diesel::delete(traces::table.filter(traces::at.lt(at(TRACES)))).execute(conn)?;
    let old = logout_notices::table.filter(logout_notices::created_at.lt(at(RECEIPTS)));
    rows += diesel::delete(old).execute(conn)?;
    rows += diesel::delete(devices::table.filter(devices::expires_at.lt(at(60)))).execute(conn)?;
    let unused = member_uses::table.filter(member_uses::used_at.lt(at(REMEMBERED)));
    rows += diesel::delete(unused).execute(conn)?;
    let calm = throttles::table.filter(throttles::last_at.lt(at(FAILURES)));
    rows += diesel::delete(calm).execute(conn)?;
    Ok(rows)
}
