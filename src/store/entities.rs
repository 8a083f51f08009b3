//! The members of federations, by generation: a set counts once it is complete.

use super::{
    Conn, Error,
    conn::Link,
    run::{on_either, prelude::*},
    schema::{entities, federations},
};
use crate::domain::words::IdpId;

/// The set of a federation that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = federations)]
pub struct Federation {
    pub idp: String,
    /// Digest of what it was believed by: address, signer, member.
    pub basis: String,
    pub generation: i64,
    pub fetched_at: i64,
    pub entities: i64,
    /// Identity providers in the feed that cannot be used.
    pub passed_over: i64,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = entities)]
pub struct Entity {
    pub idp: String,
    pub generation: i64,
    pub entity_id: String,
    pub name: String,
    /// Lower case.
    pub search: String,
    pub xml: String,
    /// JSON: the keys of earlier documents that still count.
    pub draining: String,
}

/// # Errors
/// [`Error`] when the database fails.
pub fn federation(conn: &mut Conn, idp: &IdpId) -> Result<Option<Federation>, Error> {
    Ok(federations::table.find(idp.as_str()).get_result(conn).optional()?)
}

/// Writes a part of a set that does not count yet.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn add(conn: &mut Conn, part: &[Entity]) -> Result<(), Error> {
    for entity in part {
        diesel::insert_into(entities::table).values(entity).execute(conn)?;
    }
    Ok(())
}

/// Puts a complete set in the place of the generation `was`. `false`: somebody was faster.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn put_in_force(conn: &mut Conn, was: Option<i64>, next: &Federation) -> Result<bool, Error> {
    let row = federations::table.find(&next.idp);
    let here: Option<i64> = row.select(federations::generation).get_result(conn).optional()?;
    if here != was {
        return Ok(false);
    }
    diesel::delete(row).execute(conn)?;
    diesel::insert_into(federations::table).values(next).execute(conn)?;
    Ok(true)
}

/// A member of that generation.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find(
    conn: &mut Conn,
    idp: &IdpId,
    generation: i64,
    entity_id: &str,
) -> Result<Option<Entity>, Error> {
    Ok(entities::table.find((idp.as_str(), generation, entity_id)).get_result(conn).optional()?)
}

/// The members of those names.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn named(
    conn: &mut Conn,
    idp: &IdpId,
    generation: i64,
    ids: &[String],
) -> Result<Vec<Entity>, Error> {
    let set = entities::idp.eq(idp.as_str()).and(entities::generation.eq(generation));
    Ok(entities::table.filter(set).filter(entities::entity_id.eq_any(ids)).load(conn)?)
}

/// Entity id and name of the first members that hold every word, by name.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn search(
    conn: &mut Conn,
    idp: &IdpId,
    generation: i64,
    words: &[String],
    most: i64,
) -> Result<Vec<(String, String)>, Error> {
    let set = entities::idp.eq(idp.as_str()).and(entities::generation.eq(generation));
    let plain = words.join(" ").to_lowercase().replace(['%', '_', '\\'], " ");
    let found = on_either!(conn => {
        let mut query = entities::table.filter(set).into_boxed();
        for word in plain.split_whitespace() {
            query = query.filter(entities::search.like(format!("%{word}%")));
        }
        let query = query.order((entities::name, entities::entity_id)).limit(most);
        diesel::RunQueryDsl::load(query.select((entities::entity_id, entities::name)), conn)
    });
    Ok(found?)
}

/// Deletes some members of generations other than `keep` that are older than `before`; answers how many.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn sweep(
    conn: &mut Conn,
    idp: &IdpId,
    keep: i64,
    before: i64,
    most: i64,
) -> Result<usize, Error> {
    let old = entities::generation.ne(keep).and(entities::generation.lt(before));
    let rows = entities::table.filter(entities::idp.eq(idp.as_str())).filter(old);
    let ids: Vec<(i64, String)> =
        rows.select((entities::generation, entities::entity_id)).limit(most).load(conn)?;
    for (generation, entity_id) in &ids {
        let row = entities::table.find((idp.as_str(), *generation, entity_id));
        diesel::delete(row).execute(conn)?;
    }
    Ok(ids.len())
}
