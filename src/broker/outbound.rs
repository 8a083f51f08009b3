//! The one door for calls that we make: to providers, key sets, metadata and logout receivers.
//!
//! Addresses come from administrators and from documents on the network, so every call is guarded:
//! https, public addresses only, no redirect to elsewhere, bounded in size and time.

mod addresses;
mod error;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::{
    HeaderMap, Method,
    header::{
        ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
        LOCATION,
    },
};
use reqwest::{
    Certificate, Client, NoProxy, Proxy, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

pub use addresses::AllowPrivate;
pub use error::{OutboundError, UnusableSettings};

use crate::domain::resource::is_loopback;
use error::{NoAddress, PrivateAddress};

/// A client for calls to the outside; cheap to clone, its connections are shared.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    allow_private: Arc<AllowPrivate>,
    timeout: Duration,
}

/// `outbound.*` of the configuration.
#[derive(Clone, Debug)]
pub struct OutboundSettings {
    pub allow_private: AllowPrivate,
    /// PEM certificates that count besides the system's roots.
    pub ca_file: Option<PathBuf>,
    /// An http proxy, `http://proxy.example:3128`. It resolves names for us, so that only address
    /// literals can be checked here; calls to loopback hosts do not go through it.
    pub proxy: Option<String>,
    /// For one call, redirects and body included.
    pub timeout: Duration,
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
    /// Seconds that the answer may be kept (`Cache-Control: max-age`, RFC 9111 §5.2.2.1); 0 for
    /// `no-store` and `no-cache`, `None` when nothing is said.
    pub max_age: Option<u64>,
    /// What a later request may be made conditional on (RFC 9110 §8.8).
    pub validators: Validators,
}

/// `ETag` and `Last-Modified`, as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub modified: Option<String>,
}

/// No answer that we understand is larger, in bytes.
const LARGEST: usize = 2 * 1024 * 1024;

/// A GET follows so many redirects within one origin.
const MOST_REDIRECTS: usize = 3;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may lie idle and still be used. Servers close theirs after five seconds or
/// more; a code sent into one that is being closed is lost, and must not be sent twice.
const IDLE: Duration = Duration::from_secs(2);

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            allow_private: AllowPrivate::Nothing,
            ca_file: None,
            proxy: None,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Outbound {
    /// # Errors
    /// [`UnusableSettings`] names the setting that cannot be used.
    pub fn new(settings: &OutboundSettings) -> Result<Self, UnusableSettings> {
        let allow_private = Arc::new(settings.allow_private.clone());
        let proxy = settings.proxy.as_deref().map(read_proxy).transpose()?;
        let guard = Guard {
            allow_private: Arc::clone(&allow_private),
            proxy: proxy.as_ref().and_then(|(url, _)| url.host_str().map(str::to_owned)),
        };
        let mut builder = Client::builder()
            .user_agent(concat!("medict/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .pool_idle_timeout(IDLE)
            .dns_resolver(guard)
            .no_proxy();
        if let Some((_, proxy)) = proxy {
            builder = builder.proxy(proxy);
        }
        if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        let client =
            builder.build().map_err(|error| UnusableSettings::Tls(error::cause(&error)))?;
        Ok(Self { client, allow_private, timeout: settings.timeout })
    }

    /// Gets `url`, following up to three redirects within its origin.
    ///
    /// # Errors
    /// [`OutboundError`]; an answer of any status is no error.
    pub async fn get(&self, url: &Url, accept: &str) -> Result<Answer, OutboundError> {
        let request = http::Request::get(url.as_str()).header(ACCEPT, accept).body(Vec::new());
        self.send(request.map_err(|_| OutboundError::NotAUrl)?).await
    }

    /// As [`Self::get`], unless nothing changed since `known` was sent: then the answer is a 304.
    ///
    /// # Errors
    /// [`OutboundError`]; an answer of any status is no error.
    pub async fn get_if_changed(
        &self,
        url: &Url,
        accept: &str,
        known: &Validators,
    ) -> Result<Answer, OutboundError> {
        let mut request = http::Request::get(url.as_str()).header(ACCEPT, accept);
        let conditions = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)];
        for (name, value) in conditions {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        self.send(request.body(Vec::new()).map_err(|_| OutboundError::NotAUrl)?).await
    }

    /// Sends `request`. Only a GET follows redirects; whatever else meets one gets it as the answer.
    ///
    /// # Errors
    /// [`OutboundError`]; an answer of any status is no error.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Answer, OutboundError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| OutboundError::NotAUrl)?;
        let host = host_of(&url)?;
        tokio::time::timeout(self.timeout, self.follow(url, request))
            .await
            .unwrap_or(Err(OutboundError::TimedOut { host }))
    }

    /// Gets `url` into a file, unless nothing changed since `known` was sent; the answer's body is empty.
    /// Such a call may last thirty times as long as another.
    ///
    /// # Errors
    /// [`OutboundError`]; the file may hold a part then.
    pub async fn spool(
        &self,
        url: &Url,
        accept: &str,
        known: &Validators,
        file: &std::path::Path,
        largest: u64,
    ) -> Result<Answer, OutboundError> {
        let mut headers = HeaderMap::new();
        let wanted = [(ACCEPT, Some(accept)), (IF_NONE_MATCH, known.etag.as_deref())];
        for (name, value) in
            wanted.into_iter().chain([(IF_MODIFIED_SINCE, known.modified.as_deref())])
        {
            let value = value.map(http::HeaderValue::from_str).transpose();
            if let Some(value) = value.map_err(|_| OutboundError::NotAUrl)? {
                headers.insert(name, value);
            }
        }
        let host = host_of(url)?;
        let call = async {
            let response = self.call(&Method::GET, url, &headers, &[]).await?;
            match redirect_target(url, &response) {
                Some(_) => Err(OutboundError::Redirected { host: host.clone() }),
                None => write_to(response, &host, file, largest).await,
            }
        };
        let timed_out = Err(OutboundError::TimedOut { host: host.clone() });
        tokio::time::timeout(self.timeout * 30, call).await.unwrap_or(timed_out)
    }

    async fn follow(
        &self,
        mut url: Url,
        request: http::Request<Vec<u8>>,
    ) -> Result<Answer, OutboundError> {
        let (parts, body) = request.into_parts();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.call(&parts.method, &url, &parts.headers, &body).await?;
            let target = redirect_target(&url, &response).filter(|_| parts.method == Method::GET);
            match target {
                None => return read(response, &host_of(&url)?).await,
                Some(next) if next.origin() == url.origin() => url = next,
                Some(_) => return Err(OutboundError::Redirected { host: host_of(&url)? }),
            }
        }
        Err(OutboundError::TooManyRedirects { host: host_of(&url)? })
    }

    async fn call(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response, OutboundError> {
        self.check(url)?;
        let request = self.client.request(method.clone(), url.clone()).headers(headers.clone());
        let host = host_of(url)?;
        let sent = request.body(body.to_vec()).send().await;
        sent.map_err(|error| OutboundError::of(host, &error))
    }

    /// What can be said before names are resolved.
    fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let host = host_of(url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Credentials { host });
        }
        if !self.scheme_allowed(url) {
            return Err(OutboundError::NotHttps { host });
        }
        // The resolver never sees a literal, and lets the proxy's name pass, which may be `localhost`.
        match known_address(url).filter(|address| !self.allow_private.admits(*address)) {
            Some(address) => Err(OutboundError::Private { host, address }),
            None => Ok(()),
        }
    }

    /// https; http to this machine, to a private address literal, or to any name once every private
    /// address is allowed.
    fn scheme_allowed(&self, url: &Url) -> bool {
        let trusted = || match known_address(url) {
            Some(address) => addresses::is_special(address),
            None => matches!(*self.allow_private, AllowPrivate::Everything),
        };
        url.scheme() == "https" || url.scheme() == "http" && trusted()
    }
}

/// Resolves names to addresses that we may call; a connection is made to these and no others, so
/// that a name cannot change its mind in between.
struct Guard {
    allow_private: Arc<AllowPrivate>,
    /// Named by the administrator, and usually in the private network.
    proxy: Option<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = Arc::clone(&self.allow_private);
        let is_proxy = self.proxy.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| NoAddress(error.to_string()))?;
            let found: Vec<SocketAddr> = found.collect();
            let good = |at: &SocketAddr| is_proxy || allow_private.admits(at.ip());
            let admitted: Vec<_> = found.iter().copied().filter(good).collect();
            match (admitted.is_empty(), found.first()) {
                (false, _) => Ok(Box::new(admitted.into_iter()) as Addrs),
                (true, Some(refused)) => Err(PrivateAddress(refused.ip()).into()),
                (true, None) => Err(NoAddress("none was found".to_owned()).into()),
            }
        })
    }
}

fn host_of(url: &Url) -> Result<String, OutboundError> {
    url.host_str().map(str::to_owned).ok_or(OutboundError::NotAUrl)
}

/// The address of a host that needs no resolver: a literal, or this machine.
fn known_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => is_loopback(url).then_some(Ipv4Addr::LOCALHOST.into()),
    }
}

/// Where a redirect leads, if `response` is one.
fn redirect_target(url: &Url, response: &Response) -> Option<Url> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    url.join(location.to_str().ok()?).ok()
}

/// The body piece by piece, so that a giant is noticed before it is in memory.
async fn read(mut response: Response, host: &str) -> Result<Answer, OutboundError> {
    let status = response.status().as_u16();
    let content_type = text_header(response.headers(), &CONTENT_TYPE);
    let max_age = text_header(response.headers(), &CACHE_CONTROL).and_then(|text| max_age(&text));
    let validators = Validators {
        etag: text_header(response.headers(), &ETAG),
        modified: text_header(response.headers(), &LAST_MODIFIED),
    };
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| OutboundError::of(host.to_owned(), &error))?
    {
        if body.len().saturating_add(chunk.len()) > LARGEST {
            return Err(OutboundError::TooLarge { host: host.to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, content_type, body, max_age, validators })
}

/// The body of a good answer as a file of ours, chunk by chunk.
async fn write_to(
    mut response: Response,
    host: &str,
    file: &std::path::Path,
    largest: u64,
) -> Result<Answer, OutboundError> {
    let unwritable = |error: std::io::Error| OutboundError::NotSpooled(error.to_string());
    let status = response.status().as_u16();
    let mut left = largest;
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.create(true).write(true).truncate(true).open(file).map_err(unwritable)?;
    let content_type = text_header(response.headers(), &CONTENT_TYPE);
    let validators = Validators {
        etag: text_header(response.headers(), &ETAG),
        modified: text_header(response.headers(), &LAST_MODIFIED),
    };
    while status == 200
        && let Some(chunk) =
            response.chunk().await.map_err(|error| OutboundError::of(host.to_owned(), &error))?
    {
        let size = chunk.len() as u64;
        let too_large = || OutboundError::TooLarge { host: host.to_owned() };
        left = left.checked_sub(size).ok_or_else(too_large)?;
        std::io::Write::write_all(&mut out, &chunk).map_err(unwritable)?;
    }
    Ok(Answer { status, content_type, body: Vec::new(), max_age: None, validators })
}

fn text_header(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn max_age(cache_control: &str) -> Option<u64> {
    let directives = || cache_control.split(',').map(str::trim);
    let is = |name: &str| directives().any(|directive| directive.eq_ignore_ascii_case(name));
    if is("no-store") || is("no-cache") {
        return Some(0);
    }
    let seconds = |directive: &str| {
        let (name, value) = directive.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok())?
    };
    directives().find_map(seconds)
}

fn read_proxy(text: &str) -> Result<(Url, Proxy), UnusableSettings> {
    let unusable = || UnusableSettings::Proxy(text.to_owned());
    let url = Url::parse(text).map_err(|_| unusable())?;
    if url.scheme() != "http" || url.host().is_none() {
        return Err(unusable());
    }
    let proxy = Proxy::all(url.clone()).map_err(|_| unusable())?;
    let home = NoProxy::from_string("localhost,127.0.0.0/8,::1");
    Ok((url, proxy.no_proxy(home)))
}

fn read_certificates(path: &PathBuf) -> Result<Vec<Certificate>, UnusableSettings> {
    let unusable = |reason: String| UnusableSettings::CaFile { path: path.clone(), reason };
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error::cause(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("it has no PEM certificate".to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests;
