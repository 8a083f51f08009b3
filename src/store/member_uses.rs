//! Which members of federations people come from: thousands are published, a few matter to a hospital.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};

use super::{
    Conn, Error,
    entities::{self, Entity},
    schema::member_uses,
};
use crate::domain::words::{IdpId, UnixTime};

/// Seconds after which a use is forgotten.
pub const REMEMBERED: i64 = 90 * 86_400;
/// Uses nearer to each other, in seconds, are written once.
const DAY: i64 = 86_400;

/// Notes that somebody came from this member.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn note(conn: &mut Conn, idp: &IdpId, entity_id: &str, now: UnixTime) -> Result<(), Error> {
    // One statement, and no row changes on most days; as text, for diesel's common connection has no words
    // for it.
    let note = "INSERT INTO member_uses (idp, entity_id, used_at) VALUES ($1, $2, $3) \
                ON CONFLICT (idp, entity_id) DO UPDATE SET used_at = excluded.used_at \
                WHERE member_uses.used_at <= excluded.used_at - $4";
    sql_query(note)
        .bind::<Text, _>(idp.as_str())
        .bind::<Text, _>(entity_id)
        .bind::<BigInt, _>(now.0)
        .bind::<BigInt, _>(DAY)
        .execute(conn)?;
    Ok(())
}

/// The members of that generation that somebody came from within [`REMEMBERED`], the last used first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn in_use(
    conn: &mut Conn,
    idp: &IdpId,
    generation: i64,
    now: UnixTime,
    most: i64,
) -> Result<Vec<Entity>, Error> {
    let used = member_uses::table
        .filter(member_uses::idp.eq(idp.as_str()))
        .filter(member_uses::used_at.gt(now.0 - REMEMBERED))
        .order((member_uses::used_at.desc(), member_uses::entity_id.asc()))
        .limit(most)
        .select(member_uses::entity_id);
    let used: Vec<String> = used.load(conn)?;
    entities::named(conn, idp, generation, &used)
}
