//! What readers see: changes in their order, nothing missed, and a view that stands still.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use medict::store::{
    Conn, Error, Run, Store,
    changes::{self, Topic, Versions},
    resources::{self, Document},
};

use super::{Cellar, values::NOW};
use crate::world::{Temporary, stories};

stories! {
    /// Each topic has versions of its own, one after the other.
    async fn versions_count_up(cellar: Cellar) {
        assert_eq!(cellar.now(changes::versions).await, Versions::default());
        for expected in 1..=3 {
            assert_eq!(cellar.given(|tx| changes::bump(tx, Topic::Configuration)).await, expected);
        }
        assert_eq!(cellar.given(|tx| changes::bump(tx, Topic::Keys)).await, 1);
        assert_eq!(cellar.now(changes::versions).await, Versions { configuration: 3, keys: 1, revocations: 0 });
        let undone: Result<(), Error> = cellar.store.write(|tx| {
            changes::bump(tx, Topic::Keys)?;
            Err(Error::Overloaded)
        }).await;
        assert!(undone.is_err());
        assert_eq!(cellar.now(changes::versions).await.keys, 1, "undone with its write");
    }

    /// Whoever asks what changed hears of new, replaced and deleted documents, each in its last state.
    async fn changes_tell_of_deletions_too(cellar: Cellar) {
        for id in ["a", "b", "c"] {
            assert!(cellar.given(move |tx| resources::create(tx, "Role", id, "{}", Some("x"), NOW)).await);
        }
        let seen = cellar.now(changes::versions).await.configuration;
        assert!(cellar.now(move |conn| resources::changed_since(conn, seen)).await.is_empty());
        cellar.given(|tx| {
            let before = resources::find(tx, "Role", "a")?.expect("there");
            assert!(resources::update(tx, &before, "{\"new\":1}", None, NOW)?);
            assert!(resources::delete(tx, "Role", "b", NOW)?);
            assert!(!resources::delete(tx, "Role", "nobody", NOW)?);
            Ok(())
        }).await;
        let changed = since(&cellar, seen).await;
        let told: Vec<_> = changed.iter().map(|one| (one.id.as_str(), one.deleted, one.version)).collect();
        assert_eq!(told, [("a", false, 2), ("b", true, 1)]);
        assert_eq!(changed[0].secret.as_deref(), Some("x"), "a secret stays unless replaced");
        assert_eq!(changed[1].secret, None, "a deleted document keeps no secret");
        assert_eq!(cellar.now(|conn| resources::find(conn, "Role", "b")).await, None);

        let seen = cellar.now(changes::versions).await.configuration;
        assert!(cellar.given(|tx| resources::create(tx, "Role", "b", "{}", None, NOW)).await);
        assert!(!cellar.given(|tx| resources::create(tx, "Role", "b", "{\"x\":1}", None, NOW)).await);
        let changed = since(&cellar, seen).await;
        let told: Vec<_> = changed.iter().map(|one| (one.id.as_str(), one.deleted, one.version)).collect();
        assert_eq!(told, [("b", false, 2)], "the same name, a higher version");
        assert_eq!(changed[0].body, "{}", "the second is refused");
    }

    /// Two processes write; a third that follows the versions misses no document.
    async fn a_follower_misses_nothing(cellar: Cellar) {
        const EACH: usize = 60;
        let done = Arc::new(AtomicBool::new(false));
        let follower = {
            let (store, done) = (cellar.second_store(), Arc::clone(&done));
            tokio::spawn(async move { follow(&store, &done).await })
        };
        let writers = [cellar.store.clone(), cellar.second_store()].into_iter().enumerate();
        let writers: Vec<_> = writers.map(|(process, store)| tokio::spawn(async move {
            for number in 0..EACH {
                let id = format!("{process}-{number}");
                let write = move |tx: &mut medict::store::Tx<'_>| {
                    resources::create(tx, "Role", &id, "{}", None, NOW)
                };
                assert!(store.write(write).await.expect("written"));
            }
        })).collect();
        for writer in writers {
            writer.await.expect("written");
        }
        done.store(true, Ordering::Release);
        assert_eq!(follower.await.expect("followed"), 2 * EACH);
    }

    /// A snapshot does not see what is committed after it was taken; the next one does.
    async fn a_snapshot_stands_still(cellar: Cellar) {
        cellar.given(|tx| changes::bump(tx, Topic::Keys)).await;
        let writer = cellar.second_store();
        let (before, after) = cellar.store.snapshot(move |conn| {
            let before = changes::versions(conn)?.keys;
            let written = tokio::runtime::Handle::current()
                .block_on(writer.write(|tx| changes::bump(tx, Topic::Keys)))?;
            assert_eq!(written, 2, "a snapshot holds up no writer");
            Ok::<_, Error>((before, changes::versions(conn)?.keys))
        }).await.expect("read");
        assert_eq!((before, after), (1, 1));
        assert_eq!(cellar.store.snapshot(changes::versions).await.expect("read").keys, 2);
    }

    /// A snapshot that fails leaves a connection that others can use.
    async fn a_failed_snapshot_leaves_nothing_behind(cellar: Cellar) {
        for _ in 0..10 {
            let failed: Result<(), Error> = cellar.store.snapshot(|conn| {
                use diesel::sql_query;
                sql_query("SELECT nothing FROM nowhere").execute(conn)?;
                Ok(())
            }).await;
            assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
        }
        cellar.given(|tx| changes::bump(tx, Topic::Keys)).await;
        assert_eq!(cellar.now(changes::versions).await.keys, 1);
    }
}

/// Several processes that start at once on an empty database: each finds it complete.
#[test]
fn openers_at_once_find_a_complete_database() {
    for round in 0..5 {
        for database in [Some(Temporary::sqlite()), Temporary::postgres()].into_iter().flatten() {
            let at_once = Barrier::new(4);
            let opened: Vec<_> = thread::scope(|scope| {
                let open = || {
                    at_once.wait();
                    Store::open(database.database().clone(), 1)
                };
                let openers: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                openers.into_iter().map(|opener| opener.join().expect("no panic")).collect()
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            for store in opened {
                let store = store.unwrap_or_else(|error| panic!("round {round}: {error}"));
                let versions = runtime.block_on(store.read(changes::versions));
                assert_eq!(versions.expect("read"), Versions::default());
            }
        }
    }
}

async fn since(cellar: &Cellar, version: i64) -> Vec<Document> {
    let mut changed = cellar.now(move |conn| resources::changed_since(conn, version)).await;
    changed.sort_by(|a, b| a.id.cmp(&b.id));
    changed
}

/// Reads as a broker does: the version first, then what changed since the last one. Answers how many
/// documents came by, until two rounds after `done`.
async fn follow(store: &Store, done: &AtomicBool) -> usize {
    let (mut version, mut seen, mut rounds_left) = (0, std::collections::BTreeSet::new(), 2);
    while rounds_left > 0 {
        if done.load(Ordering::Acquire) {
            rounds_left -= 1;
        }
        let look = move |conn: &mut Conn| -> Result<_, Error> {
            let current = changes::versions(conn)?.configuration;
            Ok((current, resources::changed_since(conn, version)?))
        };
        let (current, changed) = store.read(look).await.expect("read");
        seen.extend(changed.into_iter().map(|document| document.id));
        version = current;
        tokio::task::yield_now().await;
    }
    seen.len()
}
