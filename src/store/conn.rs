//! Connections: which database, how they are set up, and how its tables come up to date.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryResult, SqliteConnection,
    backend::Backend,
    connection::SimpleConnection,
    query_builder::{AstPass, QueryFragment, QueryId},
    r2d2::{ManageConnection, R2D2Connection},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Error, run::on_either};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// One connection to either database.
pub struct Conn {
    pub(super) link: Link,
    pub(super) marks: Marks,
}

/// Which of the two it is.
pub(super) enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// What the statements on a connection have left behind so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Rows changed.
    pub changes: usize,
    /// Statements that failed.
    pub failures: usize,
}

impl Conn {
    pub(super) const fn is_sqlite(&self) -> bool {
        matches!(self.link, Link::Sqlite(_))
    }

    /// Runs statements as they are written, parsed each time.
    pub(super) fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        let conn = self;
        on_either!(conn => conn.batch_execute(sql))
    }
}

pub(super) type Pool = diesel::r2d2::Pool<Database>;

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// A connection URL; may hold a password.
    Postgres(String),
}

impl Database {
    /// Reads `sqlite://path`, `postgres://…` or `postgresql://…`.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        match url.split_once("://")?.0 {
            "sqlite" => url.strip_prefix("sqlite://").map(|path| Self::Sqlite(path.into())),
            "postgres" | "postgresql" => Some(Self::Postgres(url.to_owned())),
            _ => None,
        }
    }

    /// The name for messages, without any password.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("SQLite at {}", path.display()),
            Self::Postgres(url) => {
                let place = url.rsplit_once('@').map_or(url.as_str(), |(_, place)| place);
                format!("PostgreSQL at {}", place.split('?').next().unwrap_or_default())
            }
        }
    }

    /// What diesel tells the two kinds apart by.
    fn target(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(url) => url.clone(),
        }
    }

    pub(super) fn connect(&self) -> Result<Conn, Error> {
        let link = match self {
            Self::Sqlite(_) => SqliteConnection::establish(&self.target()).map(Link::Sqlite),
            Self::Postgres(_) => PgConnection::establish(&self.target()).map(Link::Postgres),
        }
        .map_err(|error| self.unavailable(error))?;
        let mut conn = Conn { link, marks: Marks::default() };
        set_up_patiently(&mut conn).map_err(|error| self.unavailable(error))?;
        Ok(conn)
    }

    /// Names the database; libpq breaks its messages into lines, ours are one paragraph.
    fn unavailable(&self, error: impl std::fmt::Display) -> Error {
        let text = error.to_string();
        let reason = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Error::Unavailable(format!("{}: {reason}", self.display()))
    }
}

/// How long we wait for another process that holds the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// The switch of a new database to WAL does not wait for other processes, as all else does by
/// `busy_timeout`: of two that start at once, the second is told "locked" and tries again.
fn set_up_patiently(conn: &mut Conn) -> Result<(), diesel::result::Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match set_up(conn) {
            Err(error) if error.to_string().contains("locked") && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

/// What is acknowledged survives a power cut: WAL with `synchronous=FULL`.
fn set_up(conn: &mut Conn) -> Result<(), diesel::result::Error> {
    conn.batch_execute(match conn.link {
        Link::Sqlite(_) => {
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000;"
        }
        Link::Postgres(_) => {
            "SET statement_timeout = '5s'; SET lock_timeout = '4s'; \
             SET idle_in_transaction_session_timeout = '10s';"
        }
    })
}

/// Statements without values, prepared once per connection; `batch_execute` parses each time.
macro_rules! statements {
    ($($name:ident = $sql:literal;)*) => {$(
        #[derive(Clone, Copy, QueryId)]
        pub(super) struct $name;

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }
    )*};
}

statements! {
    Begin = "BEGIN";
    BeginImmediate = "BEGIN IMMEDIATE";
    Savepoint = "SAVEPOINT work";
    Release = "RELEASE SAVEPOINT work";
    Commit = "COMMIT";
}

pub(super) fn begin_snapshot(conn: &mut Conn) -> Result<(), Error> {
    let begin = match conn.link {
        Link::Sqlite(_) => "BEGIN",
        Link::Postgres(_) => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0"
        }
    };
    Ok(conn.batch_execute(begin)?)
}

pub(super) fn end_snapshot(conn: &mut Conn) -> Result<(), Error> {
    Ok(conn.batch_execute("ROLLBACK")?)
}

impl ManageConnection for Database {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn, Error> {
        self.connect()
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Error> {
        Ok(on_either!(conn => conn.ping())?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        on_either!(conn => conn.is_broken())
    }
}

pub(super) fn pool(database: &Database, size: u32) -> Result<Pool, Error> {
    // A file does not go away as a server may; asking it each time costs more than most reads.
    let may_vanish = matches!(database, Database::Postgres(_));
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .test_on_check_out(may_vanish)
        .connection_timeout(Duration::from_secs(5))
        .build(database.clone())
        .map_err(|error| database.unavailable(error))
}

/// Any number; the same in every process, so that one migrates while the others wait, as long as it takes.
/// Only who holds a table, as a broker at its work does for a moment, is not waited for without end.
const MIGRATION_LOCK: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
     SELECT pg_advisory_xact_lock(7238542); SET LOCAL lock_timeout = '4s';";

pub(super) fn migrate(database: &Database) -> Result<(), Error> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| database.unavailable(error);
    match database.connect()?.link {
        Link::Sqlite(mut conn) => conn.exclusive_transaction(|conn| run(conn).map_err(failed)),
        Link::Postgres(mut conn) => conn.transaction(|conn| {
            conn.batch_execute(MIGRATION_LOCK)?;
            run(conn).map_err(failed)
        }),
    }
}

fn run<DB: diesel::backend::Backend>(
    conn: &mut impl MigrationHarness<DB>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    conn.run_pending_migrations(MIGRATIONS).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_their_database_and_messages_hide_passwords() {
        let sqlite = Database::parse("sqlite:///var/lib/medict/medict.db").expect("sqlite");
        assert_eq!(sqlite.display(), "SQLite at /var/lib/medict/medict.db");
        let postgres = Database::parse("postgres://u:secret@db:5432/medict?x=y").expect("postgres");
        assert_eq!(postgres.display(), "PostgreSQL at db:5432/medict");
        assert_eq!(Database::parse("mysql://x"), None);
    }
}
