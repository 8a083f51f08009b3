//! Version numbers that tell running processes what to read again.

use super::{Conn, Error, run::prelude::*, schema::changes};

/// What other processes keep in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Configuration,
    Keys,
    /// Something has ended or changed that tokens live by; see `Tx::revokes`.
    Revocations,
}

impl Topic {
    const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Keys => "keys",
            Self::Revocations => "revocations",
        }
    }
}

/// The versions that were current when they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    pub configuration: i64,
    pub keys: i64,
    pub revocations: i64,
}

/// Raises the version of `topic` in the present transaction and answers the new one. The row stays
/// locked until the commit, so versions become visible in their order.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn bump(conn: &mut Conn, topic: Topic) -> Result<i64, Error> {
    let row = changes::table.find(topic.name());
    diesel::update(row).set(changes::version.eq(changes::version + 1)).execute(conn)?;
    Ok(row.select(changes::version).get_result(conn)?)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn versions(conn: &mut Conn) -> Result<Versions, Error> {
    let rows: Vec<(String, i64)> = changes::table.load(conn)?;
    let of = |topic: Topic| {
        rows.iter().find(|(name, _)| name == topic.name()).map_or(0, |(_, version)| *version)
    };
    Ok(Versions {
        configuration: of(Topic::Configuration),
        keys: of(Topic::Keys),
        revocations: of(Topic::Revocations),
    })
}

/// # Errors
/// [`Error`] when the database fails.
pub fn version(conn: &mut Conn, topic: Topic) -> Result<i64, Error> {
    let row = changes::table.find(topic.name()).select(changes::version);
    Ok(row.get_result(conn)?)
}
