//! A folder of its own in which the program runs, and what it says there.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::world::{Application, Neighbours, Temporary, free_port};

/// Whatever takes longer than this has failed; nothing is ever waited for that long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A working directory with a `medict.toml`.
pub struct House {
    folder: Temporary,
    pub port: u16,
    pub url: String,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// `medict serve`, under way; killed when it is dropped.
pub struct Serving {
    child: Child,
}

impl House {
    /// Settings that fit this house, and `more`.
    pub fn new(more: &str) -> Self {
        let port = free_port();
        let url = format!("http://localhost:{port}");
        let house = Self { folder: Temporary::sqlite(), port, url };
        house.set(more);
        house
    }

    /// Other settings from now on.
    pub fn set(&self, more: &str) {
        let Self { port, url, .. } = self;
        let own = format!("public_url = '{url}'\nlisten = '127.0.0.1:{port}'\n");
        let own = own.lines().filter(|line| {
            let name = line.split(' ').next().expect("a name");
            !more.lines().any(|other| other.starts_with(name))
        });
        self.write("medict.toml", &format!("{}\n{more}", own.collect::<Vec<_>>().join("\n")));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.folder().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("medict-data")
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// A file that nobody else may read, as a key has to be.
    pub fn write_private(&self, name: &str, text: &str) {
        self.write(name, text);
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.path(name), mode).expect("private");
    }

    /// Makes a file that `apply` reads; JSON is YAML.
    pub fn write_resources(&self, name: &str, resources: &[Value]) {
        self.write(name, &serde_json::to_string(resources).expect("JSON"));
    }

    /// The program in this folder, with nothing of our own environment that it listens to.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_medict"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MEDICT_") {
                command.env_remove(name);
            }
        }
        command.env_remove("RUST_LOG").args(arguments).current_dir(self.folder.folder());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, "")
    }

    /// Runs a command to its end, with `input` to read.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Outcome {
        outcome(self.command(arguments), input, self.folder.folder())
    }

    /// A command that has to work; answers what it printed.
    pub fn does(&self, arguments: &[&str]) -> String {
        let Outcome { code, out, err } = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{err}");
        out
    }

    /// Starts `medict serve` and waits until it listens.
    pub fn serve(&self) -> Serving {
        let log = fs::File::options().create(true).append(true).open(self.path("serve.log"));
        let mut command = self.command(&["serve"]);
        command.stdout(Stdio::piped()).stderr(log.expect("a log"));
        let mut child = command.spawn().expect("started");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}{}", self.log());
        Serving { child }
    }

    /// What every `serve` in this house has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }
}

/// Runs `command`, its output in files, so that none of it can make it wait.
fn outcome(mut command: Command, input: &str, folder: &Path) -> Outcome {
    let name = |kind: &str| folder.join(format!("{kind}-{:?}", std::thread::current().id()));
    let (out, err) = (name("out"), name("err"));
    let file = |path: &PathBuf| fs::File::create(path).expect("a file");
    command.stdin(Stdio::piped()).stdout(file(&out)).stderr(file(&err));
    let mut child = command.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("its input");
    // A command that reads nothing closes it first.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let status = wait(&mut child);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        fs::remove_file(path).expect("removed");
        text
    };
    Outcome { code: status.code(), out: read(out), err: read(err) }
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("our child") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("killed");
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Serving {
    /// SIGTERM, as service managers send it.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(status.success());
    }

    /// SIGKILL, as near to a power cut as a process comes.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Waits for its end; answers the exit code and how long that took.
    pub fn ended(mut self) -> (Option<i32>, Duration) {
        let since = Instant::now();
        let status = wait(&mut self.child);
        (status.code(), since.elapsed())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Polls until `done`, up to a deadline that only a failure meets.
pub async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done().await {
        assert!(Instant::now() < deadline, "{what}: does not happen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A house with its neighbours, their configuration applied.
pub struct Neighbourhood {
    pub house: House,
    pub neighbours: Neighbours,
}

impl Neighbourhood {
    /// May call its neighbours although they are on this machine.
    pub fn new() -> Self {
        Self::with("[outbound]\nallow_private = true\n")
    }

    pub fn with(settings: &str) -> Self {
        let house = House::new(settings);
        let neighbours = Neighbours::start(&format!("{}/oidc/openid/callback", house.url));
        house.write_resources("neighbours.json", &neighbours.resources());
        house.does(&["apply", "neighbours.json"]);
        Self { house, neighbours }
    }

    pub fn shop(&self) -> Application {
        Application::of(&self.house.url, &self.neighbours, "shop", None)
    }
}
