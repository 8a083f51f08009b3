//! Authorization requests that were pushed (RFC 9126), until a browser comes with their `request_uri`.

use super::{Conn, Error, run::prelude::*, schema::pushed_requests};
use crate::domain::words::{ClientId, UnixTime};

/// A pushed request, known by the digest of its `request_uri`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRequest {
    pub digest: String,
    pub client: ClientId,
    /// Its parameters, form-encoded.
    pub body: String,
    pub expires_at: UnixTime,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, pushed: &PushedRequest) -> Result<(), Error> {
    let row = (
        pushed_requests::digest.eq(&pushed.digest),
        pushed_requests::client_id.eq(pushed.client.as_str()),
        pushed_requests::body.eq(&pushed.body),
        pushed_requests::expires_at.eq(pushed.expires_at.0),
    );
    diesel::insert_into(pushed_requests::table).values(row).execute(conn)?;
    Ok(())
}

/// The parameters of a request that `client` pushed, for the browser of this binding; from now on for no
/// other one. `None`: it is unknown, another's, or too old.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn claim(
    conn: &mut Conn,
    digest: &str,
    client: &ClientId,
    browser: &str,
    now: UnixTime,
) -> Result<Option<String>, Error> {
    let own = pushed_requests::browser.is_null().or(pushed_requests::browser.eq(browser));
    let row = pushed_requests::table
        .find(digest)
        .filter(pushed_requests::client_id.eq(client.as_str()))
        .filter(pushed_requests::expires_at.gt(now.0).and(own));
    let claimed = diesel::update(row).set(pushed_requests::browser.eq(browser)).execute(conn)?;
    if claimed == 0 {
        return Ok(None);
    }
    let body = pushed_requests::table.find(digest).select(pushed_requests::body);
    Ok(body.get_result(conn).optional()?)
}

/// Forgets a request that has brought a code.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end(conn: &mut Conn, digest: &str) -> Result<(), Error> {
    diesel::delete(pushed_requests::table.find(digest)).execute(conn)?;
    Ok(())
}
