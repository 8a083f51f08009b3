//! Whoever may write in the database can spoil the log, but not without `verify` naming the first record
//! that is not as it was written.

use diesel::sql_query;
use medict::{
    broker::audit::{self, Fault, HeadFile, Problem, Report},
    store::{
        Database, Error, Run, Store,
        audit::{Head, heads},
    },
};

use crate::world::{Temporary, World, stories};

/// What somebody does in the database, and what `verify` then names: the chain (0 is the older), the record
/// and the fault. `A` and `B` stand for the names of the chains, `E` for the last record of `A`.
type Intrusion = (&'static str, &'static [&'static str], (usize, Place, Fault));

/// A record, counted from the front or from the end of its chain.
#[derive(Clone, Copy, Debug)]
enum Place {
    At(i64),
    AfterEnd(i64),
}

use Place::{AfterEnd, At};

const INTRUSIONS: [Intrusion; 23] = [
    (
        "a body is edited",
        &["UPDATE audit_records SET body = replace(body, 'success', 'refused') \
           WHERE node = 'A' AND sequence = 3"],
        (0, At(3), Fault::Edited),
    ),
    (
        "one space is added",
        &["UPDATE audit_records SET body = body || ' ' WHERE node = 'B' AND sequence = 2"],
        (1, At(2), Fault::Edited),
    ),
    (
        "a time is edited",
        &["UPDATE audit_records SET at = at - 1 WHERE node = 'A' AND sequence = 4"],
        (0, At(4), Fault::Edited),
    ),
    (
        "a hash is edited",
        &["UPDATE audit_records SET hash = 'x' WHERE node = 'A' AND sequence = 4"],
        (0, At(4), Fault::Edited),
    ),
    (
        "the first record is edited",
        &["UPDATE audit_records SET body = '{}' WHERE node = 'B' AND sequence = 1"],
        (1, At(1), Fault::Edited),
    ),
    (
        "the last record is edited",
        &["UPDATE audit_records SET body = '{}' WHERE node = 'A' AND sequence = E"],
        (0, AfterEnd(0), Fault::Edited),
    ),
    (
        "a record in the middle is deleted",
        &["DELETE FROM audit_records WHERE node = 'A' AND sequence = 5"],
        (0, At(5), Fault::Missing),
    ),
    (
        "a record is deleted and the rest moves up",
        &[
            "DELETE FROM audit_records WHERE node = 'A' AND sequence = 5",
            "UPDATE audit_records SET sequence = -sequence WHERE node = 'A' AND sequence > 5",
            "UPDATE audit_records SET sequence = -sequence - 1 WHERE node = 'A' AND sequence < 0",
        ],
        (0, At(5), Fault::Edited),
    ),
    (
        "the first record is deleted",
        &["DELETE FROM audit_records WHERE node = 'A' AND sequence = 1"],
        (0, At(1), Fault::Missing),
    ),
    (
        "the last record is deleted",
        &["DELETE FROM audit_records WHERE node = 'A' AND sequence = E"],
        (0, AfterEnd(0), Fault::Missing),
    ),
    (
        "the tail is deleted and the head follows",
        &[
            "DELETE FROM audit_records WHERE node = 'B' AND sequence > 2",
            "UPDATE audit_heads SET sequence = 2, hash = \
             (SELECT hash FROM audit_records WHERE node = 'B' AND sequence = 2) WHERE node = 'B'",
        ],
        (1, At(2), Fault::Signature),
    ),
    (
        "every record of a chain is deleted",
        &["DELETE FROM audit_records WHERE node = 'A'"],
        (0, At(1), Fault::Missing),
    ),
    (
        "two records are swapped",
        &[
            "UPDATE audit_records SET sequence = -1 WHERE node = 'A' AND sequence = 3",
            "UPDATE audit_records SET sequence = 3 WHERE node = 'A' AND sequence = 6",
            "UPDATE audit_records SET sequence = 6 WHERE node = 'A' AND sequence = -1",
        ],
        (0, At(3), Fault::Edited),
    ),
    (
        "a record of one chain is put into another",
        &[
            "DELETE FROM audit_records WHERE node = 'B' AND sequence = 2",
            "UPDATE audit_records SET node = 'B' WHERE node = 'A' AND sequence = 2",
        ],
        (0, At(2), Fault::Missing),
    ),
    (
        "a record is inserted beyond the head",
        &[
            "INSERT INTO audit_records SELECT node, sequence + 1, at, body, hash FROM audit_records \
           WHERE node = 'A' AND sequence = E",
        ],
        (0, AfterEnd(1), Fault::Inserted),
    ),
    (
        "a record is inserted far beyond the head",
        &[
            "INSERT INTO audit_records SELECT node, sequence + 9, at, body, hash FROM audit_records \
           WHERE node = 'A' AND sequence = E",
        ],
        (0, AfterEnd(9), Fault::Inserted),
    ),
    (
        "a record is inserted before the first",
        &["INSERT INTO audit_records SELECT node, 0, at, body, hash FROM audit_records \
           WHERE node = 'B' AND sequence = 1"],
        (1, At(0), Fault::Inserted),
    ),
    (
        "the head is moved to a record of one's own",
        &[
            "INSERT INTO audit_records SELECT node, sequence + 1, at, body, hash FROM audit_records \
             WHERE node = 'A' AND sequence = E",
            "UPDATE audit_heads SET sequence = sequence + 1 WHERE node = 'A'",
        ],
        (0, AfterEnd(1), Fault::Edited),
    ),
    (
        "a head is signed by nobody",
        &["UPDATE audit_heads SET signature = 'e30.e30.AAAA' WHERE node = 'A'"],
        (0, AfterEnd(0), Fault::Signature),
    ),
    (
        "a head has the signature of another",
        &[
            "UPDATE audit_heads SET signature = (SELECT signature FROM audit_heads WHERE node = 'B') \
           WHERE node = 'A'",
        ],
        (0, AfterEnd(0), Fault::Signature),
    ),
    ("a head is deleted", &["DELETE FROM audit_heads WHERE node = 'B'"], (1, At(1), Fault::NoHead)),
    (
        "a chain is deleted with its head",
        &["DELETE FROM audit_records WHERE node = 'A'", "DELETE FROM audit_heads WHERE node = 'A'"],
        (0, At(ANCHORED), Fault::Anchor),
    ),
    (
        "a chain is given another name",
        &[
            "UPDATE audit_records SET node = 'another' WHERE node = 'A'",
            "UPDATE audit_heads SET node = 'another' WHERE node = 'A'",
        ],
        // Its first hash covers the name.
        (2, At(1), Fault::Edited),
    ),
];

/// Stands for the record of the older chain that the newer one refers to.
const ANCHORED: i64 = i64::MAX;

stories! {
    /// Several logins at two brokers on one database: all is well, also while they go on.
    async fn a_log_that_nobody_touched_is_whole(world: World) {
        let (_second, running) = two_brokers_and_their_logins(&world).await;
        let report = verify(&world, None).await;
        assert_eq!(report.problem, None);
        assert_eq!(report.chains, 2);
        assert!(report.records > 25, "{report:?}");

        let kept = report.heads;
        let shop = world.shop();
        let (logins, checks) = tokio::join!(
            async {
                for _ in 0..5 {
                    let code = shop.sign_in(&mut world.browser(), "openid").await;
                    shop.redeem(&code).await.expect("tokens");
                }
            },
            async {
                let mut records = Vec::new();
                for _ in 0..10 {
                    let report = verify(&world, Some(kept.clone())).await;
                    assert_eq!(report.problem, None);
                    records.push(report.records);
                }
                records
            }
        );
        let () = logins;
        assert!(checks.is_sorted(), "{checks:?}");
        running.stop().await;
    }

    /// Whatever is done to the log, the first bad record is named; undone again, the log is whole.
    async fn every_intrusion_is_named(world: World) {
        let (second, running) = two_brokers_and_their_logins(&world).await;
        // From now on nobody writes but the intruder.
        drop(second);
        running.stop().await;
        sql(&world, &[
            "CREATE TABLE kept_records AS SELECT * FROM audit_records".to_owned(),
            "CREATE TABLE kept_heads AS SELECT * FROM audit_heads".to_owned(),
        ]).await;
        let chains = world.broker.store().read(heads).await.expect("heads");
        assert_eq!(chains.len(), 2);
        let outside = verify(&world, None).await.heads;
        for (what, statements, (chain, place, fault)) in INTRUSIONS {
            let statements: Vec<_> = statements.iter().map(|text| named(text, &chains)).collect();
            sql(&world, &statements).await;
            let node = chains.get(chain).map_or("another", |head| head.node.as_str());
            let sequence = match place {
                At(ANCHORED) => anchored(&world, &chains).await,
                At(sequence) => sequence,
                AfterEnd(further) => chains[chain].sequence + further,
            };
            let expected = Problem { node: node.to_owned(), sequence, fault };
            assert_eq!(verify(&world, None).await.problem, Some(expected), "{what}");
            restore(&world).await;
            assert_eq!(verify(&world, Some(outside.clone())).await.problem, None, "{what}, undone");
        }
    }

    /// The newest chain is anchored by none; a head that is kept elsewhere tells of it.
    async fn a_head_kept_outside_finds_a_chain_that_vanished(world: World) {
        let (second, running) = two_brokers_and_their_logins(&world).await;
        drop(second);
        running.stop().await;
        let outside = verify(&world, None).await.heads;
        let newest = world.broker.store().read(heads).await.expect("heads").pop().expect("a chain");
        let node = newest.node.clone();
        sql(&world, &[
            format!("DELETE FROM audit_records WHERE node = '{node}'"),
            format!("DELETE FROM audit_heads WHERE node = '{node}'"),
        ]).await;
        let expected = Problem { node, sequence: newest.sequence, fault: Fault::RolledBack };
        assert_eq!(verify(&world, Some(outside)).await.problem, Some(expected));
    }
}

/// An older copy of the whole file is whole in itself; only a head that was kept elsewhere tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_kept_outside_finds_a_rollback() {
    let world = World::on(Temporary::sqlite()).await;
    let shop = world.shop();
    shop.sign_in(&mut world.browser(), "corporate").await;
    let older = world.database.folder().join("older.db");
    let copy = format!("VACUUM INTO '{}'", older.display());
    let copied = world
        .broker
        .store()
        .read(move |conn| -> Result<usize, Error> { Ok(sql_query(copy).execute(conn)?) });
    copied.await.expect("copied");
    shop.sign_in(&mut world.browser(), "corporate").await;
    let outside = verify(&world, None).await.heads;

    let store = Store::open(Database::Sqlite(older), 1).expect("the older copy");
    let alone = audit::verify(&store, &world.master, None).await.expect("read");
    assert_eq!(alone.problem, None);
    let held_against = audit::verify(&store, &world.master, Some(outside.clone())).await;
    let (node, end) = outside.heads.first_key_value().expect("one chain");
    let sequence = end.split_once(':').expect("sequence and hash").0.parse().expect("a number");
    let expected = Problem { node: node.clone(), sequence, fault: Fault::RolledBack };
    assert_eq!(held_against.expect("read").problem, Some(expected));
}

async fn two_brokers_and_their_logins(
    world: &World,
) -> (std::sync::Arc<medict::broker::Broker>, medict::http::Running) {
    let shop = world.shop();
    for idp in ["corporate", "openid"] {
        let code = shop.sign_in(&mut world.browser(), idp).await;
        shop.redeem(&code).await.expect("tokens");
    }
    // UUIDs tell chains apart by the millisecond, the order of their heads by the second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let (second, running) = world.second_broker().await;
    let address = format!("http://{}", running.address);
    let clinic = world.clinic().at(&address);
    for _ in 0..3 {
        clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
    }
    let code = shop.sign_in(&mut world.browser(), "openid").await;
    world.shop().at(&address).token(&[("grant_type", "nonsense")]).await.unwrap_err();
    shop.redeem(&code).await.expect("tokens");
    (second, running)
}

async fn verify(world: &World, outside: Option<HeadFile>) -> Report {
    audit::verify(world.broker.store(), &world.master, outside).await.expect("the log is read")
}

fn named(text: &str, chains: &[Head]) -> String {
    let end = format!("= {}", chains[0].sequence);
    text.replace("'A'", &format!("'{}'", chains[0].node))
        .replace("'B'", &format!("'{}'", chains[1].node))
        .replace("= E", &end)
}

/// The record of the older chain that the newer chain's first record names.
async fn anchored(world: &World, chains: &[Head]) -> i64 {
    let newer = chains[1].node.clone();
    let read =
        move |conn: &mut medict::store::Conn| medict::store::audit::after(conn, &newer, 0, 1);
    let records = world.broker.store().read(read).await.expect("the first record");
    let body: serde_json::Value = serde_json::from_str(&records[0].body).expect("an event");
    let end = body["detail"]["anchors"][&chains[0].node].as_str().expect("an anchor").to_owned();
    end.split_once(':').expect("sequence and hash").0.parse().expect("a number")
}

async fn restore(world: &World) {
    let statements = [
        "DELETE FROM audit_records",
        "INSERT INTO audit_records SELECT * FROM kept_records",
        "DELETE FROM audit_heads",
        "INSERT INTO audit_heads SELECT * FROM kept_heads",
    ];
    sql(world, &statements.map(str::to_owned)).await;
}

async fn sql(world: &World, statements: &[String]) {
    let statements = statements.to_vec();
    let work = move |tx: &mut medict::store::Tx<'_>| -> Result<(), Error> {
        for statement in &statements {
            let rows = sql_query(statement.as_str()).execute(tx)?;
            assert!(rows > 0 || statement.starts_with("CREATE"), "nothing happened: {statement}");
        }
        Ok(())
    };
    world.broker.store().write(work).await.expect("no constraint stops the intruder");
}
