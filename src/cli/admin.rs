//! `medict admin`.

use std::process::ExitCode;

use super::{Failure, home, settings::Settings};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make an administrator; prints a one-time link to set a password
    Create {
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        /// Read the password from standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
}

impl Command {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode, Failure> {
        let Self::Create { email, password_stdin } = self;
        let password = password_stdin.then(read_password).transpose()?;
        let broker = home::open(settings).await?;
        match broker.create_administrator(&email, password).await? {
            Some(link) => {
                println!(
                    "{email} is an administrator. To set a password, open within a day:\n{link}"
                );
            }
            None => println!("{email} is an administrator."),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read_password() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
