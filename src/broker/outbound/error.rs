//! Why a call did not come about.

use std::{error::Error, net::IpAddr, path::PathBuf};

/// Why a call brought no answer. Each variant is one fact; none holds a path, a query or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("the address to call is not a URL with a host")]
    NotAUrl,
    #[error("{host}: only https is called")]
    NotHttps { host: String },
    #[error("{host}: a URL with a password in it is not called")]
    Credentials { host: String },
    #[error(
        "{host} is at {address}, a private address; allow its network in `outbound.allow_private`"
    )]
    Private { host: String, address: IpAddr },
    #[error("{host} has no address: {reason}")]
    Unresolved { host: String, reason: String },
    #[error("{host} cannot be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("{host} took too long")]
    TimedOut { host: String },
    #[error("{host} ended its answer early: {reason}")]
    Interrupted { host: String, reason: String },
    #[error("what came cannot be written to a file: {0}")]
    NotSpooled(String),
    #[error("{host} answers with more than is taken")]
    TooLarge { host: String },
    #[error("{host} redirects to elsewhere")]
    Redirected { host: String },
    #[error("{host} redirects again and again")]
    TooManyRedirects { host: String },
}

/// Why no client can be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum UnusableSettings {
    #[error("outbound.ca_file: {path}: {reason}", path = path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error("outbound.proxy: `{0}` is not of the form http://host:port")]
    Proxy(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// A name leads to nothing but addresses that we may not call.
#[derive(Debug, thiserror::Error)]
#[error("{0} is a private address")]
pub(super) struct PrivateAddress(pub IpAddr);

/// A name leads nowhere; the resolver says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAddress(pub String);

impl OutboundError {
    /// What the HTTP client met, told by the first cause that says something.
    pub(super) fn of(host: String, error: &reqwest::Error) -> Self {
        if let Some(PrivateAddress(address)) = causes(error).find_map(|e| e.downcast_ref()) {
            return Self::Private { host, address: *address };
        }
        if let Some(NoAddress(reason)) = causes(error).find_map(|e| e.downcast_ref()) {
            return Self::Unresolved { host, reason: reason.clone() };
        }
        let reason = cause(error);
        match () {
            () if error.is_timeout() => Self::TimedOut { host },
            () if error.is_body() || error.is_decode() => Self::Interrupted { host, reason },
            () => Self::Unreachable { host, reason },
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The innermost cause: what is outside of it repeats the URL.
pub(super) fn cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
