//! The demonstration: a whole neighbourhood on loopback, ready to click.
//!
//! Comes in: a port, and whether to click by itself. Goes out: a broker on SQLite with a sample SAML
//! identity provider, a sample OpenID provider and a sample application around it, until it is stopped.
//!
//! ```text
//! app_site ──▶ the broker (http://localhost:PORT) ──▶ saml_site | oidc_site
//! ```
//!
//! **Invariants**
//! * Everything listens on loopback, and only there.
//! * Keys, passwords and the database are made at start and gone at the end.
//! * The neighbours live on `127.0.0.1`, the broker on `localhost`: other sites, as in life.
//! * Nothing here is part of `serve`.

mod app_site;
mod broker;
mod check;
mod directory;
mod oidc_site;
mod people;
mod resources;
mod saml_site;
mod site;
mod words;

use std::{io, sync::Arc};

use crate::{
    broker::{Broker, Clock, StartError, apply::ApplyError, resources::WriteError},
    crypto::{self, Random},
    domain::resource::Invalid,
    http, store,
};
use app_site::AppSite;
pub use check::Failed;
use directory::Directory;
use oidc_site::OidcSite;
use saml_site::SamlSite;
use site::{Plot, Site};

/// What `medict demo` is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The broker's port; 0 takes any that is free.
    pub port: u16,
    /// Sign in twice by itself, tell how it went, and stop.
    pub check: bool,
}

/// Why there is no demonstration. Each variant is one fact.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(
        "port {port} of this machine cannot be used: {error}; choose another with `--port`, or 0 for any that is free"
    )]
    Port { port: u16, error: io::Error },
    #[error("a sample site cannot be opened: {0}")]
    Site(io::Error),
    #[error("the directory for the demonstration's data cannot be made: {0}")]
    Directory(io::Error),
    #[error(transparent)]
    Cryptography(#[from] crypto::Failure),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Broker(#[from] StartError),
    #[error("a resource of the demonstration is refused: {0}")]
    Resource(#[from] Invalid),
    #[error("the resources of the demonstration cannot be applied: {0}")]
    Apply(#[from] ApplyError),
    #[error("the administrator's account cannot be made: {0}")]
    Administrator(#[from] WriteError),
    #[error(transparent)]
    Door(#[from] http::StartError),
    #[error("the sample application cannot call out: {0}")]
    Outbound(String),
    #[error(transparent)]
    Check(#[from] Failed),
}

impl From<openssl::error::ErrorStack> for Failure {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Cryptography(error.into())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 8080, check: false }
    }
}

/// Starts the demonstration and runs it until Ctrl-C, or until it has checked itself.
///
/// # Errors
/// [`Failure`] in words for whoever typed the command; with [`Options::check`] also when a sign-in did
/// not end in a verified ID token.
pub async fn run(options: Options) -> Result<(), Failure> {
    let demonstration = Demonstration::start(options.port).await?;
    let outcome = if options.check {
        check::run(&demonstration.places).await.map_err(Failure::from)
    } else {
        println!("{}", words::invitation(&demonstration.places, &demonstration.password));
        stopped().await;
        Ok(())
    };
    demonstration.stop().await;
    outcome
}

/// Where everything is; URLs without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Places {
    broker: String,
    app: String,
    saml: String,
    oidc: String,
}

/// All of it, while it runs.
struct Demonstration {
    places: Places,
    /// Of the administrator's account.
    password: String,
    broker: http::Running,
    sites: [Site; 3],
    /// Goes last: the database lies in it.
    directory: Directory,
}

impl Demonstration {
    async fn start(port: u16) -> Result<Self, Failure> {
        let ([app, saml, oidc], port) = (plots()?, free_port(port)?);
        let places = Places {
            broker: format!("http://localhost:{port}"),
            app: app.url.clone(),
            saml: saml.url.clone(),
            oidc: oidc.url.clone(),
        };
        let (clock, secret) = (Clock::default(), Random.token());
        let sites = [
            app.serve(AppSite::new(&places, clock.clone())?)?,
            saml.serve(SamlSite::new(&places, clock.clone())?)?,
            oidc.serve(OidcSite::new(&places, &secret, clock.clone())?)?,
        ];
        let directory = Directory::new().map_err(Failure::Directory)?;
        let broker = broker::open(&places.broker, &directory, clock).await?;
        broker.apply(resources::all(&places, &secret)?).await?;
        let password = broker::administrator(&broker).await?;
        let broker = open_the_door(broker, port)?;
        Ok(Self { places, password, broker, sites, directory })
    }

    async fn stop(self) {
        self.broker.stop().await;
        for site in self.sites {
            site.stop().await;
        }
        drop(self.directory);
    }
}

/// The land for the three neighbours.
fn plots() -> Result<[Plot; 3], Failure> {
    let plot = || Plot::new().map_err(Failure::Site);
    Ok([plot()?, plot()?, plot()?])
}

/// The port, or any that is free. The broker has to know its address before it listens there.
fn free_port(port: u16) -> Result<u16, Failure> {
    let free = std::net::TcpListener::bind(("127.0.0.1", port)).and_then(|l| l.local_addr());
    free.map(|address| address.port()).map_err(|error| Failure::Port { port, error })
}

fn open_the_door(broker: Arc<Broker>, port: u16) -> Result<http::Running, Failure> {
    let options = http::Options { workers: 2, ..http::Options::new(&format!("127.0.0.1:{port}")) };
    Ok(http::start(broker, options)?)
}

/// Until somebody presses Ctrl-C or asks the process to end.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    tokio::signal::ctrl_c().await.ok();
}

#[cfg(test)]
mod tests;
