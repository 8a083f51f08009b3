//! Configuration documents: organizations, identity providers, client applications, roles.
//!
//! A deleted document leaves its row behind, marked, so that other processes hear of it.

use super::{
    Conn, Error, Tx,
    changes::{self, Topic},
    consents,
    run::prelude::*,
    schema::{entities, federations, fetched, member_uses, refreshes, resources},
};
use crate::domain::words::UnixTime;

/// A document as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = resources)]
pub struct Document {
    pub kind: String,
    pub id: String,
    pub version: i64,
    pub updated_at: i64,
    pub changed: i64,
    pub deleted: bool,
    pub body: String,
    /// Sealed (a provider's client secret) or a digest (an application's).
    pub secret: Option<String>,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, kind: &str, id: &str) -> Result<Option<Document>, Error> {
    let row = resources::table.find((kind, id)).filter(resources::deleted.eq(false));
    Ok(row.get_result(conn).optional()?)
}

/// Every document that changed after `version`, deleted ones included.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn changed_since(conn: &mut Conn, version: i64) -> Result<Vec<Document>, Error> {
    Ok(resources::table.filter(resources::changed.gt(version)).load(conn)?)
}

/// Stores a new document as version 1. `false`: there is one of that name.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(
    conn: &mut Conn,
    kind: &str,
    id: &str,
    body: &str,
    secret: Option<&str>,
    now: UnixTime,
) -> Result<bool, Error> {
    // First of all: the lock on the version row lets one process at a time look whether it is there.
    let changed = changes::bump(conn, Topic::Configuration)?;
    let row = resources::table.find((kind, id));
    let before: Option<Document> = row.get_result(conn).optional()?;
    if before.as_ref().is_some_and(|document| !document.deleted) {
        return Ok(false);
    }
    let document = Document {
        kind: kind.to_owned(),
        id: id.to_owned(),
        version: before.map_or(1, |document| document.version + 1),
        updated_at: now.0,
        changed,
        deleted: false,
        body: body.to_owned(),
        secret: secret.map(str::to_owned),
    };
    diesel::delete(row).execute(conn)?;
    diesel::insert_into(resources::table).values(&document).execute(conn)?;
    Ok(true)
}

/// Replaces the document that has this version. `false`: it has another by now. A `secret` of `None`
/// keeps the present one.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn update(
    conn: &mut Conn,
    before: &Document,
    body: &str,
    secret: Option<&str>,
    now: UnixTime,
) -> Result<bool, Error> {
    let changed = changes::bump(conn, Topic::Configuration)?;
    let row = resources::table.find((&before.kind, &before.id));
    let row = row.filter(resources::version.eq(before.version).and(resources::deleted.eq(false)));
    let rows = diesel::update(row)
        .set((
            resources::version.eq(before.version + 1),
            resources::updated_at.eq(now.0),
            resources::changed.eq(changed),
            resources::body.eq(body),
            resources::secret.eq(secret.or(before.secret.as_deref())),
        ))
        .execute(conn)?;
    Ok(rows == 1)
}

/// Marks the document as deleted and forgets its secret; of an application everything ends that people gave
/// it, of a provider what was fetched for it, so that another one of that name begins anew. Who was known by
/// a provider stays known. `false`: it was not there.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn delete(tx: &mut Tx<'_>, kind: &str, id: &str, now: UnixTime) -> Result<bool, Error> {
    if kind == "ClientApplication" {
        consents::end_client(tx, id, now)?;
    }
    let conn: &mut Conn = tx;
    let changed = changes::bump(conn, Topic::Configuration)?;
    let row = resources::table.find((kind, id)).filter(resources::deleted.eq(false));
    let rows = diesel::update(row)
        .set((
            resources::deleted.eq(true),
            resources::updated_at.eq(now.0),
            resources::changed.eq(changed),
            resources::secret.eq(None::<String>),
        ))
        .execute(conn)?;
    if rows == 1 && kind == "IdentityProvider" {
        forget_metadata(conn, id)?;
    }
    Ok(rows == 1)
}

fn forget_metadata(conn: &mut Conn, idp: &str) -> Result<(), Error> {
    diesel::delete(fetched::table.find(idp)).execute(conn)?;
    diesel::delete(refreshes::table.find(idp)).execute(conn)?;
    diesel::delete(federations::table.find(idp)).execute(conn)?;
    diesel::delete(entities::table.filter(entities::idp.eq(idp))).execute(conn)?;
    diesel::delete(member_uses::table.filter(member_uses::idp.eq(idp))).execute(conn)?;
    Ok(())
}
