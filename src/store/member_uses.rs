//! Which members of federations people come from: thousands are published, a few matter to a hospital.

use diesel::{query_dsl::methods, upsert::excluded};

use super::{
    Conn, Error,
    entities::{self, Entity},
    run::prelude::*,
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
    // One statement, and no row changes on most days.
    let first = (
        member_uses::idp.eq(idp.as_str()),
        member_uses::entity_id.eq(entity_id),
        member_uses::used_at.eq(now.0),
    );
    let again = diesel::insert_into(member_uses::table)
        .values(first)
        .on_conflict((member_uses::idp, member_uses::entity_id))
        .do_update()
        .set(member_uses::used_at.eq(excluded(member_uses::used_at)));
    methods::FilterDsl::filter(again, member_uses::used_at.le(now.0 - DAY)).execute(conn)?;
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
