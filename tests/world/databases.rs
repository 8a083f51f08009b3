//! Databases that live as long as a test: SQLite files, and databases of one PostgreSQL cluster that is
//! started for the test run in a temporary directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use medict::store::Database;

/// A database that nobody else uses.
pub struct Temporary {
    database: Database,
    folder: PathBuf,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

fn folder() -> PathBuf {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("medict-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

impl Temporary {
    pub fn sqlite() -> Self {
        let folder = folder();
        Self { database: Database::Sqlite(folder.join("medict.db")), folder }
    }

    /// `None` where PostgreSQL is not installed; then one line says so.
    pub fn postgres() -> Option<Self> {
        let cluster = CLUSTER.get_or_init(Cluster::start).as_ref()?;
        let folder = folder();
        let name = folder.file_name()?.to_string_lossy().replace('-', "_");
        cluster.create(&name);
        let socket = cluster.folder.display().to_string().replace('/', "%2F");
        let url = format!("postgres://postgres@localhost/{name}?host={socket}");
        Some(Self { database: Database::Postgres(url), folder })
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Where SQLite's files lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A running server; it ends when the pipe to its shell closes, that is, with this process.
struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    _shell: Child,
}

static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();

impl Cluster {
    fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            let demanded = std::env::var("MEDICT_TEST_POSTGRES").is_ok_and(|v| v == "required");
            assert!(!demanded, "PostgreSQL is demanded and not installed");
            eprintln!("PostgreSQL is not installed: its half of the tests was not run");
            return None;
        };
        let folder = folder();
        run(as_nobody_special("chown").args(["-R", "postgres"]).arg(&folder), true);
        let data = folder.join("data");
        let initdb = binaries.join("initdb");
        let mut init = as_postgres(&initdb);
        run(
            init.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"]),
            false,
        );
        let server = format!(
            "{}/postgres -D {} -k {} -c listen_addresses= -c fsync=off -c max_connections=300 \
             >{}/log 2>&1 & server=$!; cat; kill -QUIT $server; wait; rm -rf {}",
            binaries.display(),
            data.display(),
            folder.display(),
            folder.display(),
            folder.display()
        );
        let shell = as_postgres(Path::new("sh"))
            .args(["-c", &server])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let cluster = Self { folder, binaries, _shell: shell };
        cluster.wait();
        Some(cluster)
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let ready = || {
            let mut command = Command::new(self.binaries.join("pg_isready"));
            command.arg("-h").arg(&self.folder).stdout(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        while !ready() {
            assert!(Instant::now() < deadline, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn create(&self, name: &str) {
        let mut command = Command::new(self.binaries.join("createdb"));
        run(command.arg("-h").arg(&self.folder).args(["-U", "postgres", name]), false);
    }
}

fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The server refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn as_nobody_special(program: &str) -> Command {
    Command::new(program)
}

fn run(command: &mut Command, may_fail: bool) {
    let output = command.output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || may_fail, "{command:?}: {text}");
}
