//! `medict keys`.

use std::process::ExitCode;

use super::{Failure, home, settings::Settings};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show every key, its use and where it is in its life
    List,
    /// Sign with the next key from now on; tokens signed before stay valid
    Rotate,
}

impl Command {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode, Failure> {
        let broker = home::open(settings).await?;
        if matches!(self, Self::Rotate) {
            broker.rotate_keys().await?;
        }
        println!("{:<36}  {:<7}  {:<5}  {:<8}  since", "kid", "purpose", "alg", "state");
        for key in broker.list_keys().await? {
            let since = key.since.to_rfc3339();
            let (kid, purpose, alg, state) = (key.kid, key.purpose, key.alg, key.state);
            println!("{kid:<36}  {purpose:<7}  {alg:<5}  {state:<8}  {since}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
