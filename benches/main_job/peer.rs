//! oidc-provider (npm) doing the same work in the same run, for the ratio.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    operations::{CALLBACK, SECRET},
    server::{free_port, pinned},
    wire::Connection,
};

/// A running peer; it ends when this is dropped.
pub struct Peer {
    pub port: u16,
    process: Child,
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/oidc-provider");

impl Peer {
    /// Held to the same core as the broker, which is idle meanwhile.
    pub fn start() -> Result<Self, Failure> {
        if !Path::new(FOLDER).join("node_modules").is_dir() {
            return Err("--peer: run benches/peers/install first".into());
        }
        let port = free_port()?;
        let mut serve = pinned("node");
        serve.arg("serve.mjs").arg(port.to_string()).args([CALLBACK, SECRET]);
        let process = quiet(serve.current_dir(FOLDER)).spawn()?;
        let peer = Self { port, process };
        let deadline = Instant::now() + Duration::from_secs(20);
        while Connection::open(port).is_err() {
            if Instant::now() > deadline {
                return Err("the peer does not answer".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
