//! What the main job costs: processor time of the broker per operation.
//!
//! The broker runs as in life, in a process of its own on one core: SQLite with `synchronous=FULL` in a
//! temporary directory, audit on, one log line per request into a file. This process is the applications,
//! the browsers and the identity provider; what it spends is not counted. Wrong answers end the run;
//! slow ones never do. `docs/performance.md` says how to read the table.

mod load;
mod operations;
mod primitives;
mod server;
mod table;
mod wire;

use std::process::ExitCode;

use load::{Lane, Round};
use operations::{OPERATIONS, World};
use server::Server;
use table::Row;

/// Connections, each used by one thread.
const LANES: usize = 16;
/// Rounds that count; each takes every operation in turn, so that a slow minute hits all alike.
const ROUNDS: usize = 3;

/// What the command line asks for.
struct Options {
    /// A tenth of the operations: for trying things out, not for quoting.
    quick: bool,
    /// On the empty PostgreSQL database that `MEDICT_BENCH_POSTGRES` names.
    postgres: bool,
    /// Only operations whose name holds this.
    only: Option<String>,
}

impl Options {
    /// `None`: not asked to measure anything (`cargo test --all-targets` runs us without `--bench`).
    fn read() -> Option<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let only = arguments.iter().find(|argument| !argument.starts_with("--")).cloned();
        has("--bench").then(|| Self { quick: has("--quick"), postgres: has("--postgres"), only })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

/// What went wrong: an answer, never a time.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
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
    let primitives = primitives::measure()?;
    let world = World::new()?;
    let mut server = Server::start(&world, options.postgres)?;
    table::heading(&server, &primitives);
    let mut lanes = (0..LANES).map(|_| Lane::open(server.port)).collect::<Result<Vec<_>, _>>()?;
    world.sign_in_everyone(&mut lanes)?;
    let mut rows: Vec<Row> =
        OPERATIONS.iter().map(|operation| Row::new(operation.name, operation.requests)).collect();
    for round in 0..=ROUNDS {
        let warm_up = round == 0;
        for (operation, row) in OPERATIONS.iter().zip(&mut rows) {
            let divisor = if options.quick { 10 } else { 1 } * if warm_up { 4 } else { 1 };
            let count = operation.count / divisor;
            if options.wants(operation.name) {
                (operation.prepare)(&world, &mut lanes, count)?;
                let measured = Round::of(&server, &mut lanes, count, |lane, at| {
                    (operation.run)(&world, lane, at)
                })?;
                if !warm_up {
                    row.rounds.push(measured);
                }
            }
            world.forget();
        }
    }
    rows.retain(|row| !row.rounds.is_empty());
    table::print(&rows, &primitives);
    let memory = server.peak_memory()?;
    let audit = server.end_and_verify_audit()?;
    table::footer(memory, &audit);
    Ok(())
}
