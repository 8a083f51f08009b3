//! Tables change, rows stay: what the first version wrote is there after every later one, and after the way back.

use std::{path::Path, thread, time::Duration};

use diesel::{
    Connection, PgConnection, QueryableByName, SqliteConnection, backend::Backend,
    connection::SimpleConnection, sql_query, sql_types::BigInt,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use medict::store::{Database, Error, Run, Store, users};

use crate::world::Temporary;

/// A row in each table of the first version that people and machines live by.
const FIRST_ROWS: &str = "
    INSERT INTO seals VALUES ('master', 'sealed');
    INSERT INTO resources VALUES ('Role', 'nurse', 1, 10, 1, FALSE, '{}', NULL);
    INSERT INTO users VALUES
        ('u', 1, 10, 10, NULL, TRUE, 'Ada', 'ada@hospital.example', TRUE, 'ada', NULL, '{}', NULL, 'hash');
    INSERT INTO links VALUES ('corporate', 'ada', 'u', 10);
    INSERT INTO user_roles VALUES ('r', 'u', 'nurse', '', 'corporate', 10);
    INSERT INTO logins VALUES ('l', 'binding', 'state', NULL, '{}', 99);
    INSERT INTO browser_sessions VALUES
        ('s', 'cookie', 'u', 'corporate', 10, '[]', NULL, '{}', 10, 10, 99, NULL);
    INSERT INTO grants VALUES ('g', 'code', 'board', 'u', 's', '{}', 20, NULL, NULL, 99);
    INSERT INTO signing_keys VALUES ('k', 'token', 'ES256', 'active', 'sealed', NULL, 10, 10);
    INSERT INTO replays VALUES ('digest', 99);
    INSERT INTO traces VALUES ('reference', 'l', 10, 'signed-in', 'corporate', 'board', 'u', '[]');
    INSERT INTO throttles VALUES ('subject', 3, 10);
    INSERT INTO invitations VALUES ('digest', 'u', 99, NULL);
    INSERT INTO audit_heads VALUES ('node', 10, 1, 'hash', 'signature');
    INSERT INTO audit_records VALUES ('node', 1, 10, '{}', 'hash');
    INSERT INTO fetched VALUES ('corporate', 'https://idp.example/metadata', 10, '<xml/>');";

const FILLED: [&str; 16] = [
    "seals",
    "resources",
    "users",
    "links",
    "user_roles",
    "logins",
    "browser_sessions",
    "grants",
    "signing_keys",
    "replays",
    "traces",
    "throttles",
    "invitations",
    "audit_heads",
    "audit_records",
    "fetched",
];

/// What a database is asked outside the store.
trait Bare<DB: Backend>: MigrationHarness<DB> + SimpleConnection {
    fn write_first_rows(&mut self) {
        let mut pending = self.pending_migrations(migrations()).expect("migrations");
        pending.sort_by_key(|migration| migration.name().version().as_owned());
        self.run_migration(&*pending[0]).expect("the first tables");
        self.batch_execute(FIRST_ROWS).expect("rows");
    }

    fn go_back_to_the_first(&mut self) {
        while self.applied_migrations().expect("migrations").len() > 1 {
            self.revert_last_migration(migrations()).expect("a way back");
        }
    }
}

impl<DB: Backend, C: MigrationHarness<DB> + SimpleConnection> Bare<DB> for C {}

fn migrations() -> FileBasedMigrations {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    FileBasedMigrations::from_path(folder).expect("the folder of migrations")
}

/// Does this with a connection that is not the store's.
macro_rules! on_bare {
    ($database:expr, $bare:ident => $work:expr) => {
        match $database {
            Database::Sqlite(path) => {
                let $bare =
                    &mut SqliteConnection::establish(&path.display().to_string()).expect("SQLite");
                $work
            }
            Database::Postgres(url) => {
                let $bare = &mut PgConnection::establish(url).expect("PostgreSQL");
                $work
            }
        }
    };
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Opens the store, which brings the tables up to date, and looks for the rows.
async fn upgrade(database: &Database) {
    let store = Store::open(database.clone(), 1).expect("up to date");
    let counts = store.read(|conn| {
        let count = |table: &&str| {
            let rows: Count =
                sql_query(format!("SELECT COUNT(*) AS rows FROM {table}")).get_result(conn)?;
            Ok(rows.rows)
        };
        FILLED.iter().map(count).collect::<Result<Vec<_>, Error>>()
    });
    assert_eq!(counts.await.expect("counted"), [1; FILLED.len()], "{FILLED:?}");
    let ada = store.read(|conn| users::find(conn, &"u".into())).await.expect("read");
    assert_eq!(ada.expect("an account").username.as_deref(), Some("Ada"));
}

async fn rows_stay(temporary: Temporary) {
    let database = temporary.database();
    on_bare!(database, bare => bare.write_first_rows());
    upgrade(database).await;
    on_bare!(database, bare => bare.go_back_to_the_first());
    upgrade(database).await;
}

#[tokio::test]
async fn what_the_first_version_wrote_stays_in_sqlite() {
    rows_stay(Temporary::sqlite()).await;
}

#[tokio::test]
async fn what_the_first_version_wrote_stays_in_postgres() {
    if let Some(database) = Temporary::postgres() {
        rows_stay(database).await;
    }
}

/// Tables of a hospital take longer to rebuild than any request may take; nobody gives up meanwhile.
#[test]
fn whoever_starts_during_an_upgrade_waits_for_its_end() {
    let Some(temporary) = Temporary::postgres() else { return };
    let Database::Postgres(url) = temporary.database() else { unreachable!("PostgreSQL") };
    let mut upgrading = PgConnection::establish(url).expect("PostgreSQL");
    upgrading.batch_execute("SELECT pg_advisory_lock(7238542)").expect("the lock of upgrades");
    let database = temporary.database().clone();
    let waiting = thread::spawn(move || Store::open(database, 1).map(drop));
    // Longer than `statement_timeout`.
    thread::sleep(Duration::from_secs(6));
    drop(upgrading);
    waiting.join().expect("no panic").expect("its turn came");
}
