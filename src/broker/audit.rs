//! Checking the audit log: every record in its place, every head signed, every anchor kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Error, keyring};
use crate::{
    crypto::{Jws, MasterKey, VerifyingKey},
    domain::audit::{Action, Event},
    store::{
        Conn, Store,
        audit::{self, Head, Record, genesis, link, signed_text},
    },
};

const PAGE: i64 = 500;

/// What a check of the whole log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub chains: usize,
    pub records: i64,
    /// The first thing that is not as it was written.
    pub problem: Option<Problem>,
    /// Where every chain ends now; keep it elsewhere, to notice a rollback.
    pub heads: HeadFile,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence} of chain {node}: {fault}")]
pub struct Problem {
    pub node: String,
    pub sequence: i64,
    pub fault: Fault,
}

/// One fact about a broken log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is missing (deleted, or out of order)")]
    Missing,
    #[error("its content is not what was written")]
    Edited,
    #[error("it lies beyond the signed ends of its chain (inserted)")]
    Inserted,
    #[error("the signature of the chain's end does not verify")]
    Signature,
    #[error("the chain has no signed end")]
    NoHead,
    #[error("a later chain refers to it, and it is gone or different")]
    Anchor,
    #[error("a head kept outside refers to it, and it is gone or different (rolled back)")]
    RolledBack,
}

/// Ends of chains, as kept outside the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadFile {
    /// Node → `sequence:hash`.
    pub heads: BTreeMap<String, String>,
}

/// Checks everything, as of one moment, whether or not brokers are running.
///
/// # Errors
/// [`Error`] when the log cannot be read; what is wrong with it is in the report.
pub async fn verify(
    store: &Store,
    master: &MasterKey,
    outside: Option<HeadFile>,
) -> Result<Report, Error> {
    let key = keyring::audit_key(store, master).await?;
    let key = key.jwk()?.verifying_key(key.alg());
    let key = key.ok_or_else(|| Error::Broken("the audit key does not verify".to_owned()))?;
    store
        .snapshot(move |conn| {
            let mut report = Report::default();
            let checked = check_all(conn, &key, outside.as_ref(), &mut report)?;
            report.problem = checked.err();
            Ok(report)
        })
        .await
}

fn check_all(
    conn: &mut Conn,
    key: &VerifyingKey,
    outside: Option<&HeadFile>,
    report: &mut Report,
) -> Result<Result<(), Problem>, Error> {
    let heads = audit::heads(conn)?;
    for node in audit::nodes(conn)? {
        if heads.iter().all(|head| head.node != node) {
            return Ok(Err(Problem { node, sequence: 1, fault: Fault::NoHead }));
        }
    }
    if let Some(Record { node, sequence, .. }) = audit::before_the_first(conn)? {
        return Ok(Err(Problem { node, sequence, fault: Fault::Inserted }));
    }
    for head in &heads {
        if let Err(problem) = check_chain(conn, key, head, report)? {
            return Ok(Err(problem));
        }
        let end = format!("{}:{}", head.sequence, head.hash);
        report.heads.heads.insert(head.node.clone(), end);
        report.chains += 1;
    }
    match outside {
        Some(file) => check_anchors(conn, &file.heads, Fault::RolledBack),
        None => Ok(Ok(())),
    }
}

fn check_chain(
    conn: &mut Conn,
    key: &VerifyingKey,
    head: &Head,
    report: &mut Report,
) -> Result<Result<(), Problem>, Error> {
    let problem = |sequence, fault| Ok(Err(Problem { node: head.node.clone(), sequence, fault }));
    let (mut sequence, mut hash) = (0, genesis());
    loop {
        let records = audit::after(conn, &head.node, sequence, PAGE)?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if let Err(fault) = check_record(&record, sequence, &hash, head) {
                let inserted = fault == Fault::Inserted;
                return problem(if inserted { record.sequence } else { sequence + 1 }, fault);
            }
            if let Err(other) = check_anchors_of(conn, &record)? {
                return Ok(Err(other));
            }
            (sequence, hash) = (record.sequence, record.hash);
            report.records += 1;
        }
    }
    if sequence != head.sequence {
        return problem(sequence + 1, Fault::Missing);
    }
    if hash != head.hash || !is_signed(key, head) {
        return problem(sequence, Fault::Signature);
    }
    Ok(Ok(()))
}

fn check_record(record: &Record, previous: i64, hash: &str, head: &Head) -> Result<(), Fault> {
    if previous == head.sequence {
        return Err(Fault::Inserted);
    }
    if record.sequence != previous + 1 {
        return Err(Fault::Missing);
    }
    if link(hash, record) != record.hash {
        return Err(Fault::Edited);
    }
    Ok(())
}

#[derive(Deserialize)]
struct SignedHead {
    head: String,
}

fn is_signed(key: &VerifyingKey, head: &Head) -> bool {
    let signed = Jws::parse(&head.signature).and_then(|jws| jws.verify::<SignedHead>(key));
    signed.is_ok_and(|signed| signed.head == signed_text(&head.node, head.sequence, &head.hash))
}

fn check_anchors_of(conn: &mut Conn, record: &Record) -> Result<Result<(), Problem>, Error> {
    if record.sequence != 1 {
        return Ok(Ok(()));
    }
    let event: Option<Event> = serde_json::from_str(&record.body).ok();
    let detail = event.filter(|event| event.action == Action::ChainOpened);
    let anchors = detail.and_then(|event| event.detail?.get("anchors").cloned());
    let anchors = anchors.and_then(|anchors| serde_json::from_value(anchors).ok());
    check_anchors(conn, &anchors.unwrap_or_default(), Fault::Anchor)
}

/// Every record that is referred to is still there, with the hash that it had.
fn check_anchors(
    conn: &mut Conn,
    anchors: &BTreeMap<String, String>,
    fault: Fault,
) -> Result<Result<(), Problem>, Error> {
    for (node, end) in anchors {
        let (sequence, hash) = end.split_once(':').unwrap_or_default();
        let sequence: i64 = sequence.parse().unwrap_or_default();
        let found = audit::after(conn, node, sequence - 1, 1)?;
        let kept = found.first().is_some_and(|r| r.sequence == sequence && r.hash == hash);
        if !kept {
            return Ok(Err(Problem { node: node.clone(), sequence, fault }));
        }
    }
    Ok(Ok(()))
}

/// The records of every chain in their order, `write` called with each as one line of JSON.
///
/// # Errors
/// [`Error`] when the log cannot be read.
pub async fn export(
    store: &Store,
    mut write: impl FnMut(String) -> bool + Send + 'static,
) -> Result<(), Error> {
    store
        .snapshot(move |conn| {
            for head in audit::heads(conn)? {
                let mut sequence = 0;
                loop {
                    let records = audit::after(conn, &head.node, sequence, PAGE)?;
                    let Some(last) = records.last() else { break };
                    sequence = last.sequence;
                    if !records.iter().all(|record| write(line(record))) {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
        .await
}

fn line(record: &Record) -> String {
    let mut value = serde_json::from_str(&record.body).unwrap_or_else(|_| serde_json::json!({}));
    if let Some(fields) = value.as_object_mut() {
        fields.insert("node".to_owned(), record.node.clone().into());
        fields.insert("sequence".to_owned(), record.sequence.into());
        fields.insert("hash".to_owned(), record.hash.clone().into());
    }
    value.to_string()
}
