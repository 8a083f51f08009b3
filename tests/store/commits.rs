//! Many writes ride in one commit, and none of them notices the others.

use std::{sync::Arc, time::Duration};

use diesel::sql_query;
use futures_util::future::join_all;
use medict::{
    domain::audit::{Action, Event, Outcome},
    store::{
        Error, Run, Tx,
        audit::{self, HeadSigner},
        changes, replays, throttles,
    },
};
use serde_json::json;

use super::{Cellar, values::NOW};
use crate::world::{Temporary, stories};

/// So many writes arrive together: more than one commit takes.
const CROWD: usize = 400;

stories! {
    /// Everybody is answered, and what was answered is there for a process that comes later.
    async fn a_crowd_is_answered_and_kept(cellar: Cellar) {
        let answers = crowd(&cellar, remember).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(true))), "{answers:?}");
        assert_eq!(kept(&cellar).await, (0..CROWD).collect::<Vec<_>>());
    }

    /// An error undoes what its own closure did, before and after the others'.
    async fn an_error_undoes_only_its_own_write(cellar: Cellar) {
        let answers = crowd(&cellar, |tx, number| {
            let answer = remember(tx, number)?;
            if number % 4 == 1 { Err(Error::Overloaded) } else { Ok(answer) }
        }).await;
        assert_every_fourth_is_undone(&cellar, &answers).await;
    }

    /// The same when it is the database that refuses a statement.
    async fn a_refused_statement_undoes_only_its_own_write(cellar: Cellar) {
        let answers = crowd(&cellar, |tx, number| {
            let answer = remember(tx, number)?;
            if number % 4 == 1 {
                sql_query("INSERT INTO changes (topic, version) VALUES ('keys', 0)").execute(tx)?;
            }
            Ok(answer)
        }).await;
        assert_every_fourth_is_undone(&cellar, &answers).await;
        let duplicate = |answer: &Result<bool, Error>| matches!(answer, Err(Error::Duplicate));
        assert_eq!(answers.iter().filter(|answer| duplicate(answer)).count(), CROWD / 4);
    }

    /// The same when the closure panics; the thread goes on.
    async fn a_panic_undoes_only_its_own_write(cellar: Cellar) {
        let answers = crowd(&cellar, |tx, number| {
            let answer = remember(tx, number)?;
            // Without the hook: a panic on purpose needs no report.
            if number % 4 == 1 { std::panic::resume_unwind(Box::new("on purpose")) }
            Ok(answer)
        }).await;
        assert_every_fourth_is_undone(&cellar, &answers).await;
        cellar.given(|tx| remember(tx, CROWD)).await;
    }

    /// A closure that hides a refused statement takes nobody with it: the others are written all the same.
    async fn a_hidden_failure_takes_nobody_along(cellar: Cellar) {
        let answers = crowd(&cellar, |tx, number| {
            let answer = remember(tx, number)?;
            if number == 7 {
                drop(sql_query("SELECT nothing FROM nowhere").execute(tx));
            }
            Ok(answer)
        }).await;
        for (number, answer) in answers.iter().enumerate().filter(|(number, _)| *number != 7) {
            assert!(matches!(answer, Ok(true)), "{number}: {answer:?}");
        }
        // What was answered with success is there; what was not, is not.
        let seventh = kept(&cellar).await.contains(&7);
        assert_eq!(seventh, matches!(answers[7], Ok(true)));
    }

    /// Whoever stops waiting misses the answer; the write stands.
    async fn a_write_outlives_whoever_asked(cellar: Cellar) {
        let write = cellar.store.write(|tx| remember(tx, 1));
        drop(tokio::time::timeout(Duration::ZERO, write).await);
        cellar.given(|tx| remember(tx, 2)).await;
        assert_eq!(kept(&cellar).await, [1, 2]);
    }

    /// The log tells of what happened, in one unbroken chain, and of nothing that was undone.
    async fn the_log_tells_only_what_happened(cellar: Cellar) {
        cellar.store.open_audit_chain("0193a000-node".to_owned(), signer()).await.expect("a chain");
        let answers = crowd(&cellar, |tx, number| {
            tx.audit(event(number));
            let answer = remember(tx, number)?;
            tx.audit(event(number));
            match number % 4 {
                1 => Err(Error::Overloaded),
                2 => std::panic::resume_unwind(Box::new("on purpose")),
                _ => Ok(answer),
            }
        }).await;
        let done: Vec<_> = (0..CROWD).filter(|number| answers[*number].is_ok()).collect();
        assert_eq!(done.len(), CROWD / 2);

        let records = cellar.now(|conn| audit::after(conn, "0193a000-node", 0, 10_000)).await;
        let mut hash = audit::genesis();
        for (record, sequence) in records.iter().zip(1..) {
            assert_eq!((record.sequence, &record.hash), (sequence, &audit::link(&hash, record)));
            hash.clone_from(&record.hash);
        }
        let told = records.iter().filter_map(|record| {
            let event: Event = serde_json::from_str(&record.body).expect("an event");
            event.detail?.get("number")?.as_u64()
        });
        let mut told: Vec<_> = told.map(|number| number as usize).collect();
        told.sort_unstable();
        let twice: Vec<_> = done.iter().flat_map(|number| [*number, *number]).collect();
        assert_eq!(told, twice);
        let heads = cellar.now(audit::heads).await;
        assert_eq!((heads.len(), heads[0].sequence), (1, records.len() as i64));
        assert_eq!((&heads[0].hash, &heads[0].signature), (&hash, &heads[0].signed_text()));
    }

    /// Nothing that the log has to tell is written while it cannot.
    async fn no_event_is_lost_before_the_chain_is_open(cellar: Cellar) {
        let early = cellar.store.write(|tx| {
            tx.audit(event(1));
            remember(tx, 1)
        }).await;
        assert!(matches!(early, Err(Error::Unavailable(_))), "{early:?}");
        let broken: HeadSigner = Arc::new(|_| Err("no key".to_owned()));
        let opened = cellar.store.open_audit_chain("node".to_owned(), broken).await;
        assert!(opened.is_err());
        assert!(kept(&cellar).await.is_empty());
        assert!(cellar.now(audit::nodes).await.is_empty(), "no half of a chain");
    }

    /// A commit that cannot be signed does not happen.
    async fn no_commit_goes_unsigned(cellar: Cellar) {
        let signs = |text: &str| {
            if text.contains("node\n1\n") { Ok(String::new()) } else { Err("the key is gone".to_owned()) }
        };
        cellar.store.open_audit_chain("node".to_owned(), Arc::new(signs)).await.expect("a chain");
        let unsigned = cellar.store.write(|tx| {
            tx.audit(event(1));
            remember(tx, 1)
        }).await;
        assert!(matches!(unsigned, Err(Error::Unavailable(_))), "{unsigned:?}");
        assert!(kept(&cellar).await.is_empty());
        cellar.given(|tx| remember(tx, 2)).await;
        assert_eq!(kept(&cellar).await, [2], "what needs no signature goes on");
    }

    /// Attempts at the same time all count, whichever process they reach.
    async fn attempts_at_once_all_count(cellar: Cellar) {
        let stores = [cellar.store.clone(), cellar.second_store()];
        let attempts = (0..16).map(|number| {
            stores[number % 2].write(|tx| throttles::count(tx, "ada", NOW))
        });
        for answer in join_all(attempts).await {
            answer.expect("counted");
        }
        assert_eq!(cellar.now(|conn| throttles::find(conn, "ada")).await.count, 16);
    }
}

/// The server ends the writer's connection: the write under way fails, the next one finds a new connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_replaced() {
    let Some(database) = Temporary::postgres() else { return };
    let cellar = Cellar::on(database).await;
    let broken = cellar.store.write(|tx| {
        remember(tx, 1)?;
        sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(tx)?;
        Ok(())
    });
    let broken: Result<(), Error> = broken.await;
    assert!(matches!(broken, Err(Error::Unavailable(_))), "{broken:?}");
    cellar.given(|tx| remember(tx, 2)).await;
    assert_eq!(kept(&cellar).await, [2]);
}

/// A commit that breaks off while it is under way is answered with "unknown", never with success or "no".
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_breaks_off_is_unknown() {
    let Some(database) = Temporary::postgres() else { return };
    let cellar = Cellar::on(database).await;
    cellar
        .given(|tx| {
            let fall = "CREATE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS \
                        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'";
            sql_query(fall).execute(tx)?;
            let at_commit = "CREATE CONSTRAINT TRIGGER fall AFTER INSERT ON replays \
                             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fall()";
            sql_query(at_commit).execute(tx)?;
            Ok(())
        })
        .await;
    let answer = cellar.store.write(|tx| remember(tx, 1)).await;
    assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    cellar.given(|tx| changes::bump(tx, changes::Topic::Keys)).await;
}

/// Runs `work` with every number up to [`CROWD`] at once.
async fn crowd(
    cellar: &Cellar,
    work: impl Fn(&mut Tx<'_>, usize) -> Result<bool, Error> + Copy + Send + 'static,
) -> Vec<Result<bool, Error>> {
    join_all((0..CROWD).map(|number| cellar.store.write(move |tx| work(tx, number)))).await
}

fn remember(tx: &mut Tx<'_>, number: usize) -> Result<bool, Error> {
    replays::remember(tx, &format!("{number:04}"), NOW)
}

/// The numbers that are remembered, as a process sees them that comes later.
async fn kept(cellar: &Cellar) -> Vec<usize> {
    let store = cellar.second_store();
    let find = |conn: &mut medict::store::Conn| -> Result<Vec<usize>, Error> {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            digest: String,
        }
        let rows: Vec<Row> = sql_query("SELECT digest FROM replays ORDER BY digest").load(conn)?;
        Ok(rows.iter().map(|row| row.digest.parse().expect("a number")).collect())
    };
    store.read(find).await.expect("read")
}

async fn assert_every_fourth_is_undone(cellar: &Cellar, answers: &[Result<bool, Error>]) {
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), number % 4 != 1, "{number}: {answer:?}");
    }
    let expected: Vec<_> = (0..CROWD).filter(|number| number % 4 != 1).collect();
    assert_eq!(kept(cellar).await, expected);
}

fn event(number: usize) -> Event {
    Event::new(Action::Create, Outcome::Success, NOW).detail(json!({ "number": number }))
}

/// Signs by repeating.
fn signer() -> HeadSigner {
    Arc::new(|text| Ok(text.to_owned()))
}
