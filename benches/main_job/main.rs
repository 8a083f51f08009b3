//! What the main job costs: processor time of the broker per operation.
//!
//! The broker runs as in life, in a process of its own on one core: SQLite with `synchronous=FULL` in a
//! temporary directory, audit on, one log line per request into a file. This process is the applications,
//! the browsers and the identity provider; what it spends is not counted. Wrong answers end the run;
//! slow ones never do. `docs/performance.md` says how to read the table.

mod crowd;
mod load;
mod operations;
mod peer;
mod people;
mod primitives;
mod server;
mod site;
mod table;
mod wire;

use std::{process::ExitCode, sync::Arc};

use load::{Lane, Round};
use operations::{OPERATIONS, Operation, follow_sign_in};
use peer::Peer;
use people::World;
use server::Server;
use site::Site;
use table::Row;

/// Connections, each used by one thread.
const LANES: usize = 16;
/// Rounds that count; each takes every operation in turn, so that a slow minute hits all alike.
const ROUNDS: usize = 5;

/// What the command line asks for.
struct Options {
    /// A tenth of the operations: for trying things out, not for quoting.
    quick: bool,
    /// On the empty PostgreSQL database that `MEDICT_BENCH_POSTGRES` names.
    postgres: bool,
    /// Among ten thousand other applications, and as many other providers.
    crowd: bool,
    /// Among a million other people, a hundred thousand of them signed in.
    people: bool,
    /// oidc-provider does the same, in turn with ours.
    peer: bool,
    /// Only operations whose name holds this.
    only: Option<String>,
}

impl Options {
    /// `None`: not asked to measure anything (`cargo test --all-targets` runs us without `--bench`).
    fn read() -> Option<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let only = arguments.iter().find(|argument| !argument.starts_with("--")).cloned();
        has("--bench").then(|| Self {
            quick: has("--quick"),
            postgres: has("--postgres"),
            crowd: has("--crowd"),
            people: has("--people"),
            peer: has("--peer"),
            only,
        })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

/// What went wrong: an answer, never a time.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(primitives::ONE_SIGNATURE) {
        return primitives::print_signature().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let Some(options) = Options::read() else {
        println!("a benchmark: run it with `cargo bench`");
        return ExitCode::SUCCESS;
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("main_job: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    server::stand_aside();
    let primitives = primitives::measure()?;
    let world = World::new(options.crowd)?;
    let mut server = Server::start(&world, options)?;
    table::heading(&server, &primitives);
    let mut lanes = open_lanes(server.port, server.process_id())?;
    world.sign_in_everyone(&mut lanes)?;
    let peer = options.peer.then(Peer::start).transpose()?;
    let mut peer_lanes = match &peer {
        Some(peer) => open_lanes(peer.port, peer.process_id())?,
        None => Vec::new(),
    };
    peer_lanes.iter_mut().try_for_each(follow_sign_in)?;
    let mut rows: Vec<Row> =
        OPERATIONS.iter().map(|operation| Row::new(operation.name, operation.requests)).collect();
    for round in 0..=ROUNDS {
        let warm_up = round == 0;
        for (operation, row) in OPERATIONS.iter().zip(&mut rows) {
            if !options.wants(operation.name) {
                continue;
            }
            let divisor = if options.quick { 10 } else { 1 } * if warm_up { 4 } else { 1 };
            let count = operation.count / divisor;
            let ours = one_round(&world, operation, &mut lanes, count)?;
            // It is slower by far; fewer of it say the same.
            let theirs = if operation.common && !peer_lanes.is_empty() {
                Some(one_round(&world, operation, &mut peer_lanes, count / 8)?)
            } else {
                None
            };
            if !warm_up {
                row.rounds.push(ours);
                row.peer.extend(theirs);
            }
        }
    }
    rows.retain(|row| !row.rounds.is_empty());
    table::print(&rows);
    let memory = server.peak_memory()?;
    let audit = server.end_and_verify_audit()?;
    table::footer(memory, &audit);
    Ok(())
}

fn open_lanes(port: u16, process: u32) -> Result<Vec<Lane>, Failure> {
    let site = Arc::new(Site::discover(port, process)?);
    (0..LANES).map(|_| Lane::open(&site)).collect()
}

fn one_round(
    world: &World,
    operation: &Operation,
    lanes: &mut [Lane],
    count: usize,
) -> Result<Round, Failure> {
    lanes.iter_mut().try_for_each(Lane::reconnect)?;
    (operation.prepare)(world, lanes, count)?;
    let measured = Round::of(lanes, count, |lane, at| (operation.run)(world, lane, at));
    world.forget();
    measured
}
