//! The door: actix-web and askama, and only here.
//!
//! Comes in: HTTP. Goes out: HTTP. In between every handler parses, calls the broker once, and renders.
//!
//! **Invariants**
//! * Status codes, headers, JSON errors and HTML exist here and nowhere else.
//! * No page has an inline script or style; forms stay with us on every page that leads nobody away.
//! * `Host` and `X-Forwarded-*` never decide a URL; the public URL is configured.
//! * A log line names no token, code, password or person.

mod account;
mod admin;
mod assets;
mod consent;
mod context;
mod cookies;
mod cors;
mod devices;
mod form;
mod health;
mod institution;
mod line;
mod login;
mod logout;
mod me;
mod oauth;
mod oidc;
mod page;
mod par;
mod register;
mod saml;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware, web};

use crate::broker::Broker;
pub use tls::TlsFiles;

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Options {
    /// `address:port`; port 0 takes any that is free.
    pub listen: String,
    /// Whose `X-Forwarded-For` is believed, for the audit log.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub tls: Option<TlsFiles>,
    pub workers: usize,
}

/// Why the door cannot open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {error}; choose another address with `listen`")]
    Listen { address: String, error: std::io::Error },
    #[error("tls.{setting} {path}: {reason}")]
    Tls { setting: &'static str, path: String, reason: String },
}

/// A server that runs.
pub struct Running {
    pub address: SocketAddr,
    broker: Arc<Broker>,
    handle: ServerHandle,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    watch: tokio::task::JoinHandle<()>,
}

/// A request under way may take so long to end after SIGTERM, in seconds.
const DRAIN: u64 = 8;

impl Options {
    #[must_use]
    pub fn new(listen: &str) -> Self {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { listen: listen.to_owned(), trusted_proxies: Vec::new(), tls: None, workers }
    }
}

/// Binds, serves, and lets the broker watch for changes.
///
/// # Errors
/// [`StartError`] in words for the operator.
pub fn start(broker: Arc<Broker>, options: Options) -> Result<Running, StartError> {
    let shared = web::Data::from(Arc::clone(&broker));
    let proxies = web::Data::new(context::Proxies(options.trusted_proxies));
    let factory = move || {
        App::new()
            .app_data(shared.clone())
            .app_data(proxies.clone())
            .configure(routes)
            .default_service(web::to(page::not_found))
            .wrap(middleware::from_fn(page::explain_method))
            .wrap(middleware::from_fn(line::log))
    };
    let server = HttpServer::new(factory)
        .workers(options.workers)
        .client_request_timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .shutdown_timeout(DRAIN)
        .disable_signals();
    let failed = |error| StartError::Listen { address: options.listen.clone(), error };
    let server = match &options.tls {
        None => server.bind(&options.listen).map_err(failed)?,
        Some(files) => server.bind_openssl(&options.listen, files.acceptor()?).map_err(failed)?,
    };
    let no_address = || std::io::Error::other("no address was bound");
    let address = server.addrs().first().copied().ok_or_else(|| failed(no_address()))?;
    let server = server.run();
    let handle = server.handle();
    let watch = tokio::spawn(Arc::clone(&broker).watch());
    Ok(Running { address, broker, handle, server: tokio::spawn(server), watch })
}

impl Running {
    /// Answers what is under way, then ends; within ten seconds.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        drop(self.server.await);
        self.watch.abort();
        self.broker.close().await;
    }
}

/// Every path, in the order of the contract.
fn routes(app: &mut web::ServiceConfig) {
    app.configure(oauth::routes)
        .configure(devices::routes)
        .configure(par::routes)
        .configure(register::routes)
        .configure(logout::routes)
        .configure(login::routes)
        .configure(institution::routes)
        .configure(consent::routes)
        .configure(saml::routes)
        .configure(oidc::routes)
        .configure(me::routes)
        .configure(account::routes)
        .configure(admin::routes)
        .configure(health::routes)
        .configure(assets::routes);
}
