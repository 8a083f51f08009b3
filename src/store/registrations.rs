//! Applications that registered themselves, and the tokens that let them.

use super::{
    Conn, Error,
    run::prelude::*,
    schema::{registration_tokens, registrations},
};
use crate::domain::words::{ClientId, OrganizationId, UnixTime};

/// An initial access token (RFC 7591 §3), known by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationToken {
    pub digest: String,
    pub name: String,
    pub organization: Option<OrganizationId>,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    /// So many more applications may register by it.
    pub uses_left: i64,
}

/// An application that registered itself.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = registrations)]
pub struct Registration {
    pub client_id: String,
    /// Of the registration access token.
    pub digest: String,
    pub registered_at: i64,
    /// The name of the token that it registered by.
    pub token: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = registration_tokens)]
struct Row {
    digest: String,
    name: String,
    organization: String,
    created_at: i64,
    expires_at: i64,
    uses_left: i64,
}

impl From<Row> for RegistrationToken {
    fn from(row: Row) -> Self {
        Self {
            digest: row.digest,
            name: row.name,
            organization: Some(OrganizationId(row.organization)).filter(|id| !id.0.is_empty()),
            created_at: UnixTime(row.created_at),
            expires_at: UnixTime(row.expires_at),
            uses_left: row.uses_left,
        }
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn create_token(conn: &mut Conn, token: &RegistrationToken) -> Result<(), Error> {
    let row = Row {
        digest: token.digest.clone(),
        name: token.name.clone(),
        organization: token.organization.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
        created_at: token.created_at.0,
        expires_at: token.expires_at.0,
        uses_left: token.uses_left,
    };
    diesel::insert_into(registration_tokens::table).values(&row).execute(conn)?;
    Ok(())
}

/// Those that can still be used, the newest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn tokens(conn: &mut Conn, now: UnixTime) -> Result<Vec<RegistrationToken>, Error> {
    let usable =
        registration_tokens::expires_at.gt(now.0).and(registration_tokens::uses_left.gt(0));
    let rows = registration_tokens::table.filter(usable);
    let rows: Vec<Row> = rows.order(registration_tokens::created_at.desc()).load(conn)?;
    Ok(rows.into_iter().map(RegistrationToken::from).collect())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find_token(conn: &mut Conn, digest: &str) -> Result<Option<RegistrationToken>, Error> {
    let row: Option<Row> = registration_tokens::table.find(digest).get_result(conn).optional()?;
    Ok(row.map(RegistrationToken::from))
}

/// Uses the token for one application. `false`: it is used up, or was taken back.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn spend_token(conn: &mut Conn, digest: &str, now: UnixTime) -> Result<bool, Error> {
    let usable = registration_tokens::table
        .find(digest)
        .filter(registration_tokens::expires_at.gt(now.0))
        .filter(registration_tokens::uses_left.gt(0));
    let spent = registration_tokens::uses_left.eq(registration_tokens::uses_left - 1);
    Ok(diesel::update(usable).set(spent).execute(conn)? == 1)
}

/// Takes a token back. `false`: there was none.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end_token(conn: &mut Conn, digest: &str) -> Result<bool, Error> {
    Ok(diesel::delete(registration_tokens::table.find(digest)).execute(conn)? == 1)
}

/// Remembers who registered; one of that name from before is forgotten.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, registration: &Registration) -> Result<(), Error> {
    diesel::delete(registrations::table.find(&registration.client_id)).execute(conn)?;
    diesel::insert_into(registrations::table).values(registration).execute(conn)?;
    Ok(())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, client: &ClientId) -> Result<Option<Registration>, Error> {
    Ok(registrations::table.find(client.as_str()).get_result(conn).optional()?)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn end(conn: &mut Conn, client: &ClientId) -> Result<(), Error> {
    diesel::delete(registrations::table.find(client.as_str())).execute(conn)?;
    Ok(())
}
