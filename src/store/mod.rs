//! The cellar: everything that must survive, in SQLite or PostgreSQL.
//!
//! Comes in: closures over a [`Tx`] or a [`Conn`], and domain values. Goes out: domain values, or an
//! [`Error`] that no other room needs diesel to understand.
//!
//! Rows of a unique key are read without a `LIMIT`: SQLite parses a statement anew whenever its bound `LIMIT`
//! is set.
//!
//! **Invariants**
//! * Only this room names `diesel`.
//! * [`Store::write`] answers after its commit is durable, never before.
//! * A state change is one statement that names the state it leaves and says whether it won.
//! * An event of the audit log is written by the transaction that it tells of.

pub mod access_tokens;
pub mod audit;
pub mod changes;
mod conn;
pub mod consents;
pub mod devices;
pub mod entities;
mod error;
pub mod fetched;
pub mod grants;
pub mod invitations;
pub mod keys;
pub mod links;
pub mod logins;
pub mod logout_notices;
pub mod logouts;
pub mod member_uses;
pub mod purge;
pub mod pushed_requests;
pub mod refresh_tokens;
pub mod refreshes;
pub mod registrations;
pub mod replays;
pub mod resources;
mod run;
mod schema;
pub mod sessions;
pub mod throttles;
pub mod told_terms;
pub mod traces;
pub mod user_roles;
pub mod users;
mod writer;

pub use conn::{Conn, Database};
pub use error::Error;
pub use run::Run;
pub use writer::Tx;

use audit::HeadSigner;
use conn::Pool;
use writer::Writer;

/// The database: many readers, one writer that groups what waits into one durable commit.
#[derive(Clone)]
pub struct Store {
    database: Database,
    reads: Pool,
    writer: Writer,
}

impl Store {
    /// Opens the database and brings its tables up to date; one process at a time migrates.
    ///
    /// # Errors
    /// [`Error::Unavailable`] in words for the operator.
    pub fn open(database: Database, readers: u32) -> Result<Self, Error> {
        conn::migrate(&database)?;
        let reads = conn::pool(&database, readers)?;
        let writer = Writer::start(&database)?;
        Ok(Self { database, reads, writer })
    }

    /// How often this process has ended or changed something that tokens live by. It is raised before the
    /// answer leaves, so that who was told of an end never meets an older answer.
    #[must_use]
    pub fn revocations(&self) -> u64 {
        self.writer.revocations()
    }

    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// From now on every event goes into the chain of `node`, its head signed by `signer`.
    ///
    /// # Errors
    /// [`Error`] when the chain cannot be opened.
    pub async fn open_audit_chain(&self, node: String, signer: HeadSigner) -> Result<(), Error> {
        self.writer.open_chain(node, signer).await
    }

    /// Runs `work` on a connection for reading, off the async threads.
    ///
    /// # Errors
    /// Whatever `work` answers, or [`Error::Unavailable`] when no connection is to be had.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let pool = self.reads.clone();
        let run = move || {
            let mut conn = pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
            work(&mut conn)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Unavailable("a read ended unexpectedly".to_owned()).into()),
        }
    }

    /// Runs `work`, a few reads by key, where the caller is.
    ///
    /// On SQLite that is microseconds of memory, less than the way to another thread and back. On
    /// PostgreSQL, and while no connection is free, it is [`Self::read`].
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn look_up<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let near = matches!(self.database, Database::Sqlite(_));
        match near.then(|| self.reads.try_get()).flatten() {
            Some(mut conn) => work(&mut conn),
            None => self.read(work).await,
        }
    }

    /// Runs `work` on one unchanging view of everything, for checks that read a lot.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.read(move |conn| {
            conn::begin_snapshot(conn)?;
            let answer = work(conn);
            conn::end_snapshot(conn)?;
            answer
        })
        .await
    }

    /// Runs `work` inside the next durable commit.
    ///
    /// An error or panic of `work` undoes only what `work` did. `work` may run more than once (when it or
    /// another of its group has to be undone), so it does no I/O and no cryptography, and takes its values by
    /// reference or clone.
    ///
    /// # Errors
    /// Whatever `work` answers; [`Error::Overloaded`] when too much waits already;
    /// [`Error::Unknown`] when the connection broke during the commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.run(work).await
    }
}
