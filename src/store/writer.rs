//! One thread writes: it takes all that waits into one durable commit and answers after it.
//!
//! A commit costs the same whether one closure or a hundred ride in it, so under load the cost of
//! durability is shared. What a failed closure did is undone; the audit events of the others are appended
//! to this process's chain at the end of the group.

use std::{
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use tokio::sync::oneshot;

use super::{
    Conn, Database, Error,
    audit::{Chain, HeadSigner},
    changes,
    conn::{Begin, BeginImmediate, Commit, Release, Savepoint},
    run::Run,
};
use crate::domain::audit::Event;

/// More than this waiting means the disk does not keep up; new work is refused at once.
const QUEUE: usize = 8_192;
/// So many closures share one commit at most, so that the first does not wait for ever.
const GROUP: usize = 256;

/// A transaction: a connection, and the audit events that ride in its commit.
pub struct Tx<'c> {
    conn: &'c mut Conn,
    rider: Rider,
}

impl Tx<'_> {
    /// Writes `event` into the audit log, together with everything else this closure does.
    pub fn audit(&mut self, event: Event) {
        self.rider.events.push(event);
    }

    /// Says that something ends or changes here that tokens live by: every process forgets what it knew
    /// of tokens, this one before the answer leaves, the others when they look for changes.
    pub(super) const fn revokes(&mut self) {
        self.rider.revokes = true;
    }
}

impl Deref for Tx<'_> {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        self.conn
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn
    }
}

/// One closure on its way through the thread.
trait Work: Send {
    /// `false`: it failed, undo it.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Its answer leaves; `Some` replaces whatever it had answered.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

enum Message {
    Work(Box<dyn Work>),
    OpenChain(String, HeadSigner, oneshot::Sender<Result<(), Error>>),
}

/// The door to the writing thread; the thread ends when the last door is dropped.
#[derive(Clone)]
pub(super) struct Writer {
    sender: SyncSender<Message>,
    revocations: Arc<AtomicU64>,
}

struct Closure<F, T, E> {
    work: F,
    result: Option<Result<T, E>>,
    sender: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work for Closure<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)))
            .unwrap_or_else(|_| Err(Error::Unavailable("a write panicked".to_owned()).into()));
        let won = result.is_ok();
        self.result = Some(result);
        won
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let result = match (failure, self.result) {
            (Some(error), _) => Err(error.into()),
            (None, Some(result)) => result,
            (None, None) => Err(Error::Unavailable("a write was not run".to_owned()).into()),
        };
        // Whoever asked may have gone away; the commit stands all the same.
        drop(self.sender.send(result));
    }
}

impl Writer {
    pub(super) fn start(database: &Database) -> Result<Self, Error> {
        let (sender, receiver) = sync_channel(QUEUE);
        let conn = database.connect()?;
        let database = database.clone();
        let revocations = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&revocations);
        let thread = Thread { database, conn: Some(conn), chain: None, revocations: counted };
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run(&receiver))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self { sender, revocations })
    }

    pub(super) fn revocations(&self) -> u64 {
        AtomicU64::load(&self.revocations, Ordering::Acquire)
    }

    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let closure = Closure { work, result: None, sender };
        self.send(Message::Work(Box::new(closure)))?;
        receiver.await.unwrap_or_else(|_| Err(Error::Unknown.into()))
    }

    pub(super) async fn open_chain(&self, node: String, signer: HeadSigner) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.send(Message::OpenChain(node, signer, sender))?;
        receiver.await.unwrap_or(Err(Error::Unknown))
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        self.sender.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Disconnected(_) => Error::Unavailable("the writer ended".to_owned()),
        })
    }
}

struct Thread {
    database: Database,
    /// Absent after it broke, until the next work arrives.
    conn: Option<Conn>,
    chain: Option<Chain>,
    revocations: Arc<AtomicU64>,
}

/// What rides in the commit of a group beside what its closures wrote.
#[derive(Default)]
struct Rider {
    events: Vec<Event>,
    /// See [`Tx::revokes`].
    revokes: bool,
}

/// How a group ended as a whole.
enum Group {
    /// Each closure's own answer stands: what it did is durable, or undone because it failed.
    Done,
    /// Nothing of it happened.
    Failed(Error),
    /// It may or may not have happened.
    Unknown,
}

impl Thread {
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let mut works = Vec::new();
            self.take(first, &mut works);
            self.gather(receiver, &mut works);
            if !works.is_empty() {
                self.commit(works);
            }
        }
    }

    /// Takes what waits. On a busy processor those who are about to write get their turn first, so that they
    /// ride along; on an idle one nobody has to wait.
    fn gather(&mut self, receiver: &Receiver<Message>, works: &mut Vec<Box<dyn Work>>) {
        let mut before = 0;
        while works.len() > before && works.len() < GROUP {
            before = works.len();
            thread::yield_now();
            let free = GROUP - before;
            receiver.try_iter().take(free).for_each(|message| self.take(message, works));
        }
    }

    fn take(&mut self, message: Message, works: &mut Vec<Box<dyn Work>>) {
        match message {
            Message::Work(work) => works.push(work),
            Message::OpenChain(node, signer, sender) => {
                // Before the first chain is open nothing is written that others may wait for.
                let opened = self.open_chain(node, signer);
                drop(sender.send(opened));
            }
        }
    }

    fn open_chain(&mut self, node: String, signer: HeadSigner) -> Result<(), Error> {
        let conn = self.connection()?;
        begin(conn)?;
        match Chain::open(conn, node, signer) {
            Ok(chain) => {
                conn.batch_execute("COMMIT")?;
                self.chain = Some(chain);
                Ok(())
            }
            Err(error) => {
                conn.batch_execute("ROLLBACK")?;
                Err(error)
            }
        }
    }

    /// Commits all together; when that fails for certain, each alone.
    fn commit(&mut self, mut works: Vec<Box<dyn Work>>) {
        match self.attempt(&mut works) {
            Group::Done => works.into_iter().for_each(|work| work.answer(None)),
            Group::Unknown => {
                works.into_iter().for_each(|work| work.answer(Some(Error::Unknown)));
            }
            Group::Failed(_) if works.len() > 1 => {
                for work in works {
                    self.commit(vec![work]);
                }
            }
            Group::Failed(error) => {
                let text = error.to_string();
                for work in works {
                    work.answer(Some(Error::Unavailable(text.clone())));
                }
            }
        }
    }

    fn attempt(&mut self, works: &mut [Box<dyn Work>]) -> Group {
        let mut chain = self.chain.clone();
        let conn = match self.connection() {
            Ok(conn) => conn,
            Err(error) => return Group::Failed(error),
        };
        let run = run(conn, works).and_then(|rider| {
            rider.close(conn, chain.as_mut())?;
            Ok(rider.revokes)
        });
        let revokes = match run {
            Ok(revokes) => revokes,
            Err(error) => {
                if conn.batch_execute("ROLLBACK").is_err() {
                    self.conn = None;
                }
                return Group::Failed(error);
            }
        };
        let committed = Commit.execute(conn);
        if revokes {
            self.revocations.fetch_add(1, Ordering::Release);
        }
        match committed {
            Ok(_) => {
                self.chain = chain;
                Group::Done
            }
            Err(error) => self.after_failed_commit(error.into()),
        }
    }

    /// A commit that fails and leaves the transaction open did not happen; otherwise nobody knows.
    fn after_failed_commit(&mut self, error: Error) -> Group {
        let undone = self.conn.as_mut().is_some_and(|conn| conn.batch_execute("ROLLBACK").is_ok());
        let sqlite = self.conn.as_ref().is_some_and(Conn::is_sqlite);
        if undone && sqlite {
            return Group::Failed(error);
        }
        self.conn = None;
        Group::Unknown
    }

    fn connection(&mut self) -> Result<&mut Conn, Error> {
        if self.conn.is_none() {
            self.conn = Some(self.database.connect()?);
        }
        self.conn.as_mut().ok_or(Error::Unknown)
    }
}

/// Takes the write lock at once on SQLite, so that no statement inside can find it taken.
fn begin(conn: &mut Conn) -> diesel::QueryResult<()> {
    let begun = if conn.is_sqlite() { BeginImmediate.execute(conn) } else { Begin.execute(conn) };
    begun.map(drop)
}

/// Begins a transaction and runs all closures in it, so that of those that failed nothing is left.
///
/// Hardly ever does a closure fail that has changed something. So they run as if they were one, and only
/// if something has to be undone, again with a savepoint for each.
fn run(conn: &mut Conn, works: &mut [Box<dyn Work>]) -> Result<Rider, Error> {
    begin(conn)?;
    let mut rider = Rider::default();
    if works.iter_mut().all(|work| run_bare(conn, work.as_mut(), &mut rider)) {
        return Ok(rider);
    }
    conn.batch_execute("ROLLBACK")?;
    begin(conn)?;
    let mut rider = Rider::default();
    works.iter_mut().try_for_each(|work| run_in_savepoint(conn, work.as_mut(), &mut rider))?;
    Ok(rider)
}

/// What the closure leaves for the commit; `None`: it failed.
fn run_work(conn: &mut Conn, work: &mut dyn Work) -> Option<Rider> {
    let mut tx = Tx { conn, rider: Rider::default() };
    let won = work.run(&mut tx);
    won.then_some(tx.rider)
}

/// `false`: something has to be undone, or may have to. A statement that fails ends the transaction on
/// PostgreSQL, whose `COMMIT` would be a silent rollback.
fn run_bare(conn: &mut Conn, work: &mut dyn Work, rider: &mut Rider) -> bool {
    let before = conn.marks;
    match run_work(conn, work) {
        Some(left) => {
            rider.take(left);
            conn.marks.failures == before.failures
        }
        None => conn.marks == before,
    }
}

/// An `Err` means that the transaction is of no more use: so says the release on PostgreSQL.
fn run_in_savepoint(conn: &mut Conn, work: &mut dyn Work, rider: &mut Rider) -> Result<(), Error> {
    Savepoint.execute(conn)?;
    let Some(left) = run_work(conn, work) else {
        conn.batch_execute("ROLLBACK TO SAVEPOINT work; RELEASE SAVEPOINT work")?;
        return Ok(());
    };
    rider.take(left);
    Release.execute(conn)?;
    Ok(())
}

impl Rider {
    /// Takes along what one closure left.
    fn take(&mut self, left: Self) {
        self.events.extend(left.events);
        self.revokes |= left.revokes;
    }

    /// The last statements of a group. The row that all processes share comes at the very end: whoever
    /// holds it waits for nobody.
    fn close(&self, conn: &mut Conn, chain: Option<&mut Chain>) -> Result<(), Error> {
        match chain {
            Some(chain) => chain.append(conn, &self.events)?,
            None if self.events.is_empty() => {}
            None => return Err(Error::Unavailable("the audit chain is not open".to_owned())),
        }
        if self.revokes {
            changes::bump(conn, changes::Topic::Revocations)?;
        }
        Ok(())
    }
}
