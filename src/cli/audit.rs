//! `medict audit`.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Failure, home, settings::Settings};
use crate::broker::audit::{self, HeadFile};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Check every record of every chain; exit 1 and name the first that is not as it was written
    Verify {
        /// Ends of chains kept outside the database: also finds a rollback of the whole database
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
        /// Write the ends of the chains to this file, when all is well
        #[arg(long, value_name = "FILE")]
        save_head: Option<PathBuf>,
    },
    /// Write every record as a line of JSON
    Export,
}

impl Command {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode, Failure> {
        match self {
            Self::Verify { head, save_head } => verify(settings, head, save_head).await,
            Self::Export => export(settings).await,
        }
    }
}

async fn verify(
    settings: &Settings,
    head: Option<PathBuf>,
    save_head: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let outside = head.as_deref().map(read_heads).transpose()?;
    let (store, master) = home::open_store(settings).await?;
    let report = audit::verify(&store, &master, outside).await?;
    if let Some(problem) = report.problem {
        println!("the audit log is NOT as it was written: {problem}");
        return Ok(ExitCode::FAILURE);
    }
    println!("the audit log is whole: {} records in {} chains", report.records, report.chains);
    if let Some(path) = save_head {
        std::fs::write(&path, serde_json::to_vec_pretty(&report.heads)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_heads(path: &Path) -> Result<HeadFile, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parsed = serde_json::from_slice(&bytes);
    parsed.map_err(|error| format!("{}: is no file of heads: {error}", path.display()).into())
}

async fn export(settings: &Settings) -> Result<ExitCode, Failure> {
    let (store, _) = home::open_store(settings).await?;
    let mut out = BufWriter::new(std::io::stdout());
    audit::export(&store, move |line| writeln!(out, "{line}").is_ok()).await?;
    Ok(ExitCode::SUCCESS)
}
