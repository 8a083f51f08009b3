//! Sign-outs that a provider was asked to follow, until its answer leads the browser on.

use super::{Conn, Error, run::prelude::*, schema::logouts};
use crate::domain::words::{IdpId, RequestId, UnixTime};

/// A `LogoutRequest` of ours, and where the person goes once it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingLogout {
    pub id: RequestId,
    pub idp: IdpId,
    /// In a federation, the entityID of the member that was asked.
    pub member: Option<String>,
    /// Digest of the binding cookie.
    pub binding: String,
    pub redirect: Option<String>,
    /// Why the provider has not signed out everything; absent also while it has not answered.
    pub complaint: Option<String>,
    pub expires_at: UnixTime,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = logouts)]
struct Row {
    id: String,
    idp: String,
    binding: String,
    redirect: Option<String>,
    handle: Option<String>,
    complaint: Option<String>,
    expires_at: i64,
    member: String,
}

impl From<Row> for PendingLogout {
    fn from(row: Row) -> Self {
        Self {
            id: RequestId(row.id),
            idp: IdpId(row.idp),
            member: Some(row.member).filter(|member| !member.is_empty()),
            binding: row.binding,
            redirect: row.redirect,
            complaint: row.complaint,
            expires_at: UnixTime(row.expires_at),
        }
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, pending: &PendingLogout) -> Result<(), Error> {
    let row = Row {
        id: pending.id.0.clone(),
        idp: pending.idp.0.clone(),
        binding: pending.binding.clone(),
        redirect: pending.redirect.clone(),
        handle: None,
        complaint: None,
        expires_at: pending.expires_at.0,
        member: pending.member.clone().unwrap_or_default(),
    };
    diesel::insert_into(logouts::table).values(&row).execute(conn)?;
    Ok(())
}

/// Keeps the answer of a provider, or of a federation's `member`, under the digest of a handle. `false`: it
/// was not asked so, has answered before, or is too late.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn answer(
    conn: &mut Conn,
    id: &RequestId,
    (idp, member): (&IdpId, Option<&str>),
    handle: &str,
    complaint: Option<&str>,
    now: UnixTime,
) -> Result<bool, Error> {
    let waiting = logouts::table
        .find(id.as_str())
        .filter(logouts::idp.eq(idp.as_str()))
        .filter(logouts::member.eq(member.unwrap_or_default()))
        .filter(logouts::handle.is_null())
        .filter(logouts::expires_at.gt(now.0));
    let answered = (logouts::handle.eq(handle), logouts::complaint.eq(complaint));
    Ok(diesel::update(waiting).set(answered).execute(conn)? == 1)
}

/// Takes what was answered, in the browser that asked. `None`: nothing waits there under this handle.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn take(
    conn: &mut Conn,
    handle: &str,
    binding: &str,
    now: UnixTime,
) -> Result<Option<PendingLogout>, Error> {
    let answered = logouts::table
        .filter(logouts::handle.eq(handle))
        .filter(logouts::binding.eq(binding))
        .filter(logouts::expires_at.gt(now.0));
    let Some(row) = answered.get_result::<Row>(conn).optional()? else { return Ok(None) };
    let gone = diesel::delete(logouts::table.find(&row.id)).execute(conn)? == 1;
    Ok(gone.then(|| row.into()))
}
