//! The command line: settings, commands, and errors as one paragraph that names the thing and the mend.

mod admin;
mod audit;
mod files;
mod health;
mod home;
mod keys;
mod serve;
mod settings;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::demo;
use settings::Settings;

/// A federated SSO broker: SAML and OpenID Connect in, OpenID Connect out.
#[derive(Parser)]
#[command(name = "medict", version, propagate_version = true)]
struct Arguments {
    /// The settings file [default: medict.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "MEDICT_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine, ready to click: broker, sample identity providers, sample application
    Demo(DemoArguments),
    /// Run the broker
    Serve(serve::Overrides),
    /// Create or update resources from YAML or JSON files; all of them, or none
    Apply(files::Files),
    /// Show what `apply` would change; exit 2 when there is a difference
    Plan(files::Files),
    /// Administrators
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
    /// Signing keys
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// The audit log
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// Exit 0 when the broker that these settings describe is ready
    Healthcheck,
}

#[derive(clap::Args)]
struct DemoArguments {
    /// The broker's port; 0 takes any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Sign in over SAML and over OpenID Connect by itself, say how it went, and stop
    #[arg(long)]
    check: bool,
}

/// What ends a command early: a paragraph for the operator.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line and answers the process's exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = runtime().and_then(|runtime| runtime.run(arguments));
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("medict: {failure}");
            ExitCode::FAILURE
        }
    }
}

struct Runtime(tokio::runtime::Runtime);

fn runtime() -> Result<Runtime, Failure> {
    Ok(Runtime(tokio::runtime::Builder::new_multi_thread().enable_all().build()?))
}

impl Runtime {
    fn run(self, arguments: Arguments) -> Result<ExitCode, Failure> {
        let settings = || Settings::read(arguments.config.as_deref());
        match arguments.command {
            Command::Demo(demo) => run_demo(&self.0, &demo),
            Command::Serve(overrides) => {
                let settings = overrides.apply(settings()?)?;
                settings.start_logging();
                self.0.block_on(serve::run(settings))
            }
            Command::Apply(files) => self.0.block_on(files.apply(&settings()?)),
            Command::Plan(files) => self.0.block_on(files.plan(&settings()?)),
            Command::Admin { command } => self.0.block_on(command.run(&settings()?)),
            Command::Keys { command } => self.0.block_on(command.run(&settings()?)),
            Command::Audit { command } => self.0.block_on(command.run(&settings()?)),
            Command::Healthcheck => health::check(&settings()?),
        }
    }
}

fn run_demo(runtime: &tokio::runtime::Runtime, demo: &DemoArguments) -> Result<ExitCode, Failure> {
    let options = demo::Options { port: demo.port, check: demo.check };
    runtime.block_on(demo::run(options))?;
    Ok(ExitCode::SUCCESS)
}
