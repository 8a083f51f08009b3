//! The broker: the program that operators run, on one core, seen from outside.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use medict::store::Database;

use crate::{Failure, Options, crowd, people::World, wire::Connection};

/// A running broker; it and its data go when this is dropped.
pub struct Server {
    pub port: u16,
    /// From the start of the process to its first answer; of several starts the middle one.
    pub start: Duration,
    /// Resident after the start, in KiB.
    pub idle_memory: u64,
    pub database: &'static str,
    /// Whether it has a core to itself.
    pub pinned: bool,
    folder: PathBuf,
    postgres: Option<String>,
    process: Child,
}

/// Built by Cargo beside this benchmark, with the same profile.
const PROGRAM: &str = env!("CARGO_BIN_EXE_medict");
/// Starts, of which the middle one counts.
const STARTS: usize = 5;
/// Linux counts processor time of processes in hundredths of a second, whatever the kernel's tick.
const TICK: Duration = Duration::from_millis(10);

impl Server {
    /// Applies the world's resources to a new database and starts the broker on it.
    pub fn start(world: &World, options: &Options) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("medict-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let port = free_port()?;
        let postgres = if options.postgres { Some(postgres_url()?) } else { None };
        let issuer = format!("http://localhost:{port}");
        let mut apply = command(PROGRAM, &folder, port, postgres.as_deref());
        apply.arg("apply");
        // One file is not to be larger than a person would write.
        let all = world.resources(&issuer).as_array().cloned().unwrap_or_default();
        for (number, some) in all.chunks(2_000).enumerate() {
            let file = folder.join(format!("resources-{number}.json"));
            fs::write(&file, serde_json::to_string(some)?)?;
            apply.arg(file);
        }
        expect_success(&mut apply)?;
        if options.people {
            let file = format!("sqlite://{}", folder.join("medict.db").display());
            let database = Database::parse(postgres.as_deref().unwrap_or(&file));
            crowd::settle(database.ok_or("no database of ours")?, world.now())?;
        }
        let pinned = pins();
        let database = if postgres.is_some() { "PostgreSQL" } else { "SQLite" };
        let mut began = Instant::now();
        let process = spawn(&folder, port, postgres.as_deref(), pinned)?;
        let (start, idle_memory) = (Duration::ZERO, 0);
        let mut server =
            Self { port, start, idle_memory, database, pinned, folder, postgres, process };
        let mut starts = Vec::new();
        loop {
            server.wait_for_an_answer()?;
            starts.push(began.elapsed());
            if starts.len() == STARTS {
                break;
            }
            server.end();
            began = Instant::now();
            server.process = spawn(&server.folder, port, server.postgres.as_deref(), pinned)?;
        }
        starts.sort_unstable();
        server.start = starts[STARTS / 2];
        thread::sleep(Duration::from_millis(500));
        server.idle_memory = server.status("VmRSS:")?;
        Ok(server)
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    fn wait_for_an_answer(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(mut connection) = Connection::open(self.port) {
                let answer = connection.get("/healthz", "")?;
                return if answer.status == 200 { Ok(()) } else { Err(answer.unexpected("200")) };
            }
            if let Some(status) = self.process.try_wait()? {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("the broker ended with {status}:\n{log}").into());
            }
            if Instant::now() > deadline {
                return Err("the broker does not answer".into());
            }
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// The most that was ever resident, in KiB.
    pub fn peak_memory(&self) -> Result<u64, Failure> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("an unreadable status")?.parse()?)
    }

    /// Ends the broker and lets the program check what the load wrote into the audit log.
    pub fn end_and_verify_audit(&mut self) -> Result<String, Failure> {
        let id = self.process.id().to_string();
        expect_success(Command::new("sh").args(["-c", "kill $0", &id]))?;
        let status = self.process.wait()?;
        if !status.success() {
            return Err(format!("the broker ended with {status}").into());
        }
        let mut verify = command(PROGRAM, &self.folder, self.port, self.postgres.as_deref());
        expect_success(verify.args(["audit", "verify"]))
    }

    fn end(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Processor time of all threads of a process so far, in user and kernel mode.
pub fn cpu_time(process: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the name in parentheses, which may hold anything (proc(5)).
    let (_, fields) = stat.rsplit_once(')').ok_or("an unreadable stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks =
        |at: usize| -> Result<u32, Failure> { Ok(fields.get(at).ok_or("a short stat")?.parse()?) };
    Ok(TICK * (ticks(11)? + ticks(12)?))
}

pub fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A program on the core of servers, where processes can be held to one.
pub fn pinned(program: &str) -> Command {
    if !pins() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]);
    command
}

/// Keeps this process off the core of the servers, where it can be kept.
pub fn stand_aside() {
    let id = std::process::id().to_string();
    let mut taskset = Command::new("taskset");
    drop(taskset.args(["-cp", "1", &id]).stdout(Stdio::null()).stderr(Stdio::null()).status());
}

fn postgres_url() -> Result<String, Failure> {
    let url = std::env::var("MEDICT_BENCH_POSTGRES");
    url.map_err(|_| "--postgres: MEDICT_BENCH_POSTGRES names an empty database".into())
}

/// Whether a process can be held to one core here.
fn pins() -> bool {
    let mut taskset = Command::new("taskset");
    let run =
        taskset.args(["-c", "0", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

fn spawn(folder: &Path, port: u16, postgres: Option<&str>, pinned: bool) -> Result<Child, Failure> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut serve = command(if pinned { "taskset" } else { PROGRAM }, folder, port, postgres);
    if pinned {
        serve.args(["-c", "0", PROGRAM]);
    }
    Ok(serve.arg("serve").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?)
}

/// `program` in an environment that has nothing but our settings.
fn command(program: &str, folder: &Path, port: u16, postgres: Option<&str>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("MEDICT_DATA_DIR", folder)
        .env("MEDICT_LISTEN", format!("127.0.0.1:{port}"))
        .env("MEDICT_PUBLIC_URL", format!("http://localhost:{port}"))
        .envs(postgres.map(|url| ("MEDICT_DATABASE_URL", url)))
        .current_dir(folder);
    command
}

/// What the program printed, when it ended well.
fn expect_success(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text.trim().to_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{command:?}: {}\n{text}{errors}", output.status).into())
}
