//! What logins went through, found by the reference that a person reads out.

use super::{Conn, Error, run::prelude::*, schema::traces};
use crate::domain::{
    trace::Trace,
    words::{ClientId, IdpId, LoginId, Reference, UnixTime, UserId},
};

/// The trace of one login, or of one refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTrace {
    pub reference: Reference,
    pub login: Option<LoginId>,
    pub at: UnixTime,
    /// `signed-in`, `signed-out`, or the check that failed.
    pub outcome: String,
    pub idp: Option<IdpId>,
    pub client: Option<ClientId>,
    pub user: Option<UserId>,
    pub trace: Trace,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = traces)]
struct Row {
    reference: String,
    login: Option<String>,
    at: i64,
    outcome: String,
    idp: Option<String>,
    client_id: Option<String>,
    user_id: Option<String>,
    body: String,
}

impl Row {
    fn trace(self) -> Result<StoredTrace, Error> {
        Ok(StoredTrace {
            reference: Reference(self.reference),
            login: self.login.map(LoginId),
            at: UnixTime(self.at),
            outcome: self.outcome,
            idp: self.idp.map(IdpId),
            client: self.client_id.map(ClientId),
            user: self.user_id.map(UserId),
            trace: Trace::read(&self.body)?,
        })
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, trace: &StoredTrace) -> Result<(), Error> {
    let row = Row {
        reference: trace.reference.0.clone(),
        login: trace.login.as_ref().map(|id| id.0.clone()),
        at: trace.at.0,
        outcome: trace.outcome.clone(),
        idp: trace.idp.as_ref().map(|id| id.0.clone()),
        client_id: trace.client.as_ref().map(|id| id.0.clone()),
        user_id: trace.user.as_ref().map(|id| id.0.clone()),
        body: serde_json::to_string(&trace.trace)?,
    };
    diesel::insert_into(traces::table).values(&row).execute(conn)?;
    Ok(())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, reference: &str) -> Result<Option<StoredTrace>, Error> {
    let row: Option<Row> = traces::table.find(reference).get_result(conn).optional()?;
    row.map(Row::trace).transpose()
}

/// Those of these references that have a trace.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn known(conn: &mut Conn, references: &[String]) -> Result<Vec<String>, Error> {
    let rows = traces::table.filter(traces::reference.eq_any(references));
    Ok(rows.select(traces::reference).load(conn)?)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn newest(conn: &mut Conn, limit: i64) -> Result<Vec<StoredTrace>, Error> {
    let rows: Vec<Row> = traces::table.order(traces::at.desc()).limit(limit).load(conn)?;
    rows.into_iter().map(Row::trace).collect()
}
