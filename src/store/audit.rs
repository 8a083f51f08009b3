//! The audit log: append-only, one hash chain per process, the head signed.
//!
//! `hash = SHA-256(previous hash ‖ body)`; the first record of a chain follows 64 zeros and anchors the
//! heads of the chains that were there before it, so that a chain cannot vanish as a whole.

use std::sync::Arc;

use super::{Conn, Error, run::prelude::*, schema::audit_heads, schema::audit_records};
use crate::{
    crypto::sha256_hex,
    domain::audit::{Action, Actor, Event, Outcome},
    domain::words::UnixTime,
};

/// Signs the head of a chain: (node, sequence, hash) as text → signature.
pub type HeadSigner = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// Of so many chains before it a new chain anchors the heads.
const ANCHORS: i64 = 64;

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_records)]
pub struct Record {
    pub node: String,
    pub sequence: i64,
    pub at: i64,
    /// An [`Event`] as JSON.
    pub body: String,
    pub hash: String,
}

/// Where a record stands among those of all chains: by time, then by its number, then by its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: i64,
    pub sequence: i64,
    pub node: String,
}

impl Record {
    #[must_use]
    pub fn place(&self) -> Place {
        Place { at: self.at, sequence: self.sequence, node: self.node.clone() }
    }
}

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_heads)]
pub struct Head {
    pub node: String,
    pub opened_at: i64,
    pub sequence: i64,
    pub hash: String,
    pub signature: String,
}

impl Head {
    /// What the signature covers.
    #[must_use]
    pub fn signed_text(&self) -> String {
        signed_text(&self.node, self.sequence, &self.hash)
    }
}

/// What the signature of a head covers.
#[must_use]
pub fn signed_text(node: &str, sequence: i64, hash: &str) -> String {
    format!("medict-audit-head\n{node}\n{sequence}\n{hash}")
}

/// The hash before the first record.
#[must_use]
pub fn genesis() -> String {
    "0".repeat(64)
}

/// The hash of a record, given the one before it.
#[must_use]
pub fn link(previous: &str, record: &Record) -> String {
    let Record { node, sequence, at, body, .. } = record;
    sha256_hex(format!("{previous}\n{node}\n{sequence}\n{at}\n{body}"))
}

/// This process's chain; cloned before a group, kept when the group commits.
#[derive(Clone)]
pub(super) struct Chain {
    node: String,
    sequence: i64,
    hash: String,
    written: i64,
    signer: HeadSigner,
}

impl Chain {
    /// Begins a new chain for `node`, with a first record that anchors the others.
    pub(super) fn open(conn: &mut Conn, node: String, signer: HeadSigner) -> Result<Self, Error> {
        let newest_first = audit_heads::opened_at.desc();
        let heads: Vec<Head> = audit_heads::table
            .order((newest_first, audit_heads::node.desc()))
            .limit(ANCHORS)
            .load(conn)?;
        let at = heads.iter().map(|head| head.opened_at).max().unwrap_or_default();
        let mut chain = Self { node, sequence: 0, hash: genesis(), written: 0, signer };
        let anchors: serde_json::Map<_, _> = heads
            .into_iter()
            .map(|head| (head.node, format!("{}:{}", head.sequence, head.hash).into()))
            .collect();
        let now = chain.opened_at().max(at);
        let mut event = Event::new(Action::ChainOpened, Outcome::Success, UnixTime(now));
        event = event.by(Actor::Broker).detail(serde_json::json!({ "anchors": anchors }));
        chain.insert(conn, &[event])?;
        chain.create_head(conn, now)?;
        Ok(chain)
    }

    /// The node's name is a UUIDv7: its first 48 bits are the time in milliseconds.
    fn opened_at(&self) -> i64 {
        let digits: String = self.node.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        i64::from_str_radix(&digits, 16).unwrap_or_default() / 1_000
    }

    /// Appends what a group of writes has to tell, and moves the head row, in the group's own transaction.
    pub(super) fn append(&mut self, conn: &mut Conn, events: &[Event]) -> Result<(), Error> {
        self.insert(conn, events)?;
        if events.is_empty() { Ok(()) } else { self.advance_head(conn) }
    }

    fn insert(&mut self, conn: &mut Conn, events: &[Event]) -> Result<(), Error> {
        for event in events {
            let mut record = Record {
                node: self.node.clone(),
                sequence: self.sequence + 1,
                at: event.at.0,
                body: serde_json::to_string(event)?,
                hash: String::new(),
            };
            record.hash = link(&self.hash, &record);
            diesel::insert_into(audit_records::table).values(&record).execute(conn)?;
            (self.sequence, self.hash) = (record.sequence, record.hash);
        }
        Ok(())
    }

    fn create_head(&mut self, conn: &mut Conn, opened_at: i64) -> Result<(), Error> {
        let head = Head {
            node: self.node.clone(),
            opened_at,
            sequence: self.sequence,
            hash: self.hash.clone(),
            signature: self.sign()?,
        };
        diesel::insert_into(audit_heads::table).values(&head).execute(conn)?;
        self.written = self.sequence;
        Ok(())
    }

    fn advance_head(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let own = audit_heads::table.find(&self.node);
        let here = own.filter(audit_heads::sequence.eq(self.written));
        let moved = diesel::update(here)
            .set((
                audit_heads::sequence.eq(self.sequence),
                audit_heads::hash.eq(&self.hash),
                audit_heads::signature.eq(self.sign()?),
            ))
            .execute(conn)?;
        if moved != 1 {
            return Err(Error::Damaged("the head of the audit chain was moved by another".into()));
        }
        self.written = self.sequence;
        Ok(())
    }

    fn sign(&self) -> Result<String, Error> {
        let text = signed_text(&self.node, self.sequence, &self.hash);
        (self.signer)(&text).map_err(Error::Unavailable)
    }
}

/// All heads, oldest chain first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn heads(conn: &mut Conn) -> Result<Vec<Head>, Error> {
    let oldest_first = (audit_heads::opened_at.asc(), audit_heads::node.asc());
    Ok(audit_heads::table.order(oldest_first).load(conn)?)
}

/// The next records of one chain after `sequence`, in order, so many at most.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn after(conn: &mut Conn, node: &str, sequence: i64, limit: i64) -> Result<Vec<Record>, Error> {
    Ok(audit_records::table
        .filter(audit_records::node.eq(node).and(audit_records::sequence.gt(sequence)))
        .order(audit_records::sequence.asc())
        .limit(limit)
        .load(conn)?)
}

/// A record that stands before the first of its chain: we write none.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn before_the_first(conn: &mut Conn) -> Result<Option<Record>, Error> {
    let misplaced = audit_records::table.filter(audit_records::sequence.lt(1));
    Ok(misplaced.order(audit_records::sequence.asc()).get_result(conn).optional()?)
}

/// The nodes that have records, whether or not they have a head.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn nodes(conn: &mut Conn) -> Result<Vec<String>, Error> {
    Ok(audit_records::table.select(audit_records::node).distinct().load(conn)?)
}

/// The newest records of all chains, newest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn newest(conn: &mut Conn, limit: i64) -> Result<Vec<Record>, Error> {
    let newest_first =
        (audit_records::at.desc(), audit_records::sequence.desc(), audit_records::node.desc());
    // Says nothing, and has SQLite go by the index where it would sort a million records.
    let all = audit_records::table.filter(audit_records::at.le(i64::MAX));
    Ok(all.order(newest_first).limit(limit).load(conn)?)
}

/// The records of all chains before a place, newest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn older(conn: &mut Conn, than: &Place, limit: i64) -> Result<Vec<Record>, Error> {
    let Place { at, sequence, node } = than;
    let of_its_number =
        audit_records::sequence.eq(sequence).and(audit_records::node.lt(node.as_str()));
    let of_its_time = audit_records::sequence.lt(sequence).or(of_its_number);
    let before = audit_records::at.lt(at).or(audit_records::at.eq(at).and(of_its_time));
    let newest_first =
        (audit_records::at.desc(), audit_records::sequence.desc(), audit_records::node.desc());
    // The first of the two is what the index is searched by.
    let rows = audit_records::table.filter(audit_records::at.le(at)).filter(before);
    Ok(rows.order(newest_first).limit(limit).load(conn)?)
}

/// The records of all chains after a place, oldest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn newer(conn: &mut Conn, than: &Place, limit: i64) -> Result<Vec<Record>, Error> {
    let Place { at, sequence, node } = than;
    let of_its_number =
        audit_records::sequence.eq(sequence).and(audit_records::node.gt(node.as_str()));
    let of_its_time = audit_records::sequence.gt(sequence).or(of_its_number);
    let after = audit_records::at.gt(at).or(audit_records::at.eq(at).and(of_its_time));
    let oldest_first =
        (audit_records::at.asc(), audit_records::sequence.asc(), audit_records::node.asc());
    let rows = audit_records::table.filter(audit_records::at.ge(at)).filter(after);
    Ok(rows.order(oldest_first).limit(limit).load(conn)?)
}
