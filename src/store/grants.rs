//! What an authorization produced: a code, and by it tokens.

use super::{Conn, Error, Tx, run::prelude::*, schema::grants, sessions::BrowserSession};
use crate::domain::{
    login::{Authentication, AuthorizationRequest},
    words::{ClientId, GrantId, SessionId, UnixTime, UserId},
};

/// The right of one application to tokens for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub client_id: ClientId,
    pub user_id: UserId,
    pub session_id: SessionId,
    pub request: AuthorizationRequest,
    pub code_expires_at: UnixTime,
    pub redeemed_at: Option<UnixTime>,
    pub revoked_at: Option<UnixTime>,
    /// When nothing that came of it can be of use any more.
    pub expires_at: UnixTime,
    /// How the person was authenticated, where the grant outlives the session (`offline_access`); else it
    /// ends with the session.
    pub offline: Option<Authentication>,
    /// Thumbprint of the key that its refresh tokens are bound to (RFC 9449 §5).
    pub jkt: Option<String>,
}

/// No access token lives longer than this, in seconds: so long a code that was replayed has to be known.
pub const LONGEST_ACCESS: i64 = 3_600;

impl Grant {
    /// What a person just allowed in `session`; its code is good until `code_expires_at`.
    #[must_use]
    pub fn new(
        id: GrantId,
        request: AuthorizationRequest,
        session: &BrowserSession,
        code_expires_at: UnixTime,
    ) -> Self {
        Self {
            id,
            client_id: request.client_id.clone(),
            user_id: session.authentication.user.clone(),
            session_id: session.id.clone(),
            request,
            code_expires_at,
            redeemed_at: None,
            revoked_at: None,
            expires_at: code_expires_at.plus(LONGEST_ACCESS),
            offline: None,
            jkt: None,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = grants)]
struct Row {
    id: String,
    code: String,
    client_id: String,
    user_id: String,
    session_id: String,
    request: String,
    code_expires_at: i64,
    redeemed_at: Option<i64>,
    revoked_at: Option<i64>,
    expires_at: i64,
    offline: Option<String>,
    jkt: Option<String>,
}

impl Row {
    fn grant(self) -> Result<Grant, Error> {
        Ok(Grant {
            id: GrantId(self.id),
            client_id: ClientId(self.client_id),
            user_id: UserId(self.user_id),
            session_id: SessionId(self.session_id),
            request: serde_json::from_str(&self.request)?,
            code_expires_at: UnixTime(self.code_expires_at),
            redeemed_at: self.redeemed_at.map(UnixTime),
            revoked_at: self.revoked_at.map(UnixTime),
            expires_at: UnixTime(self.expires_at),
            offline: self.offline.map(|by| serde_json::from_str(&by)).transpose()?,
            jkt: self.jkt,
        })
    }
}

/// Stores a grant under the digest of its code.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, grant: &Grant, code: &str) -> Result<(), Error> {
    let row = Row {
        id: grant.id.0.clone(),
        code: code.to_owned(),
        client_id: grant.client_id.0.clone(),
        user_id: grant.user_id.0.clone(),
        session_id: grant.session_id.0.clone(),
        request: serde_json::to_string(&grant.request)?,
        code_expires_at: grant.code_expires_at.0,
        redeemed_at: None,
        revoked_at: None,
        expires_at: grant.expires_at.0,
        offline: None,
        jkt: None,
    };
    diesel::insert_into(grants::table).values(&row).execute(conn)?;
    Ok(())
}

/// The grant of that name, if it was stored under the digest of this code.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_by_code(conn: &mut Conn, id: &GrantId, code: &str) -> Result<Option<Grant>, Error> {
    let row = grants::table.find(id.as_str()).filter(grants::code.eq(code));
    let row: Option<Row> = row.get_result(conn).optional()?;
    row.map(Row::grant).transpose()
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, id: &GrantId) -> Result<Option<Grant>, Error> {
    let row: Option<Row> = grants::table.find(id.as_str()).get_result(conn).optional()?;
    row.map(Row::grant).transpose()
}

/// Marks the grant as redeemed, of use until its `expires_at`, by its `offline` beyond the session, and by
/// its `jkt` with that key only.
/// `false`: someone was faster, or it was revoked.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn redeem(conn: &mut Conn, grant: &Grant, now: UnixTime) -> Result<bool, Error> {
    let unused = grants::table
        .find(grant.id.as_str())
        .filter(grants::redeemed_at.is_null().and(grants::revoked_at.is_null()));
    let offline = grant.offline.as_ref().map(serde_json::to_string).transpose()?;
    let redeemed = (
        grants::redeemed_at.eq(Some(now.0)),
        grants::expires_at.eq(grant.expires_at.0),
        grants::offline.eq(offline),
        grants::jkt.eq(grant.jkt.as_deref()),
    );
    Ok(diesel::update(unused).set(redeemed).execute(conn)? == 1)
}

/// Ends everything that came of the grant. `false`: it had ended before.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn revoke(tx: &mut Tx<'_>, id: &GrantId, now: UnixTime) -> Result<bool, Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    let live = grants::table.find(id.as_str()).filter(grants::revoked_at.is_null());
    Ok(diesel::update(live).set(grants::revoked_at.eq(now.0)).execute(conn)? == 1)
}
