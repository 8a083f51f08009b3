//! `medict serve`.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, home, settings::Settings};
use crate::http;

/// Flags that override settings.
#[derive(clap::Args)]
pub struct Overrides {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The URL by which browsers and applications reach this broker
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl Overrides {
    /// # Errors
    /// As for the settings themselves: a flag is held to the same rules as the file.
    pub fn apply(self, settings: Settings) -> Result<Settings, Failure> {
        Settings {
            listen: self.listen.unwrap_or(settings.listen),
            public_url: self.public_url.unwrap_or(settings.public_url),
            ..settings
        }
        .check()
    }
}

/// Serves until SIGTERM or SIGINT; then answers what is under way and ends.
pub async fn run(settings: Settings) -> Result<ExitCode, Failure> {
    let broker = home::open(&settings).await?;
    let options = http::Options {
        trusted_proxies: settings.trusted_proxies.clone(),
        tls: settings.tls_files(),
        ..http::Options::new(&settings.listen)
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let database = broker.store().database().display();
    let running = http::start(broker, options)?;
    println!("listening on {scheme}://{}", running.address);
    tracing::info!(
        address = %running.address, public_url = settings.public_url, database,
        "serving {} on {} with {database}", settings.public_url, running.address
    );
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: requests under way are answered first");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}
