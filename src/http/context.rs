//! Who asks: the request's reference, address and cookies.

use std::{
    future::{Ready, ready},
    net::IpAddr,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::header::{HeaderMap, USER_AGENT},
    web,
};

use super::cookies;
use crate::{
    broker::{Broker, Caller},
    domain::words::Reference,
};

/// Whose forwarding headers are believed.
pub struct Proxies(pub Vec<ipnet::IpNet>);

/// What every handler knows about its request.
pub struct Context {
    pub broker: web::Data<Broker>,
    pub caller: Caller,
    /// The value of the session cookie.
    pub session: Option<String>,
    /// The value of the cookie that binds logins to this browser.
    pub browser: Option<String>,
    /// The value of the cookie that binds an arrival to the browser that was asked.
    pub arrival: Option<String>,
    /// The value of the cookie that remembers a bounce.
    pub bounced: Option<String>,
}

impl Context {
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub fn browser(&self) -> Option<&str> {
        self.browser.as_deref()
    }
}

impl FromRequest for Context {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request))
    }
}

fn read(request: &HttpRequest) -> Result<Context, actix_web::Error> {
    let missing = || actix_web::error::ErrorInternalServerError("no broker");
    let broker = request.app_data::<web::Data<Broker>>().ok_or_else(missing)?.clone();
    let names = cookies::Names::of(&broker);
    let cookie = |name: &str| {
        request.cookie(name).map(|c| c.value().to_owned()).filter(|value| value.len() <= 128)
    };
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let caller = Caller {
        reference: reference(request),
        address: address(request),
        agent: agent.unwrap_or_default().chars().take(200).collect(),
    };
    Ok(Context {
        session: cookie(names.session),
        browser: cookie(names.browser),
        arrival: cookie(names.arrival),
        bounced: cookie(names.bounced),
        broker,
        caller,
    })
}

/// The reference that the log line of this request has.
pub fn reference(request: &HttpRequest) -> Reference {
    let found = request.extensions().get::<Reference>().cloned();
    found.unwrap_or_else(|| Reference(crate::crypto::Random.reference()))
}

/// Gives the request its reference.
pub fn mark(request: &ServiceRequest) -> Reference {
    let reference = Reference(crate::crypto::Random.reference());
    request.extensions_mut().insert(reference.clone());
    reference
}

/// The peer, or whom a trusted proxy says it speaks for.
fn address(request: &HttpRequest) -> String {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip()) else { return String::new() };
    let proxies = request.app_data::<web::Data<Proxies>>();
    let trusted = |address: IpAddr| {
        proxies.is_some_and(|proxies| proxies.0.iter().any(|net| net.contains(&address)))
    };
    forwarded_for(request.headers(), peer, trusted).to_string()
}

/// The last address of the chain that is not itself a trusted proxy.
fn forwarded_for(headers: &HeaderMap, peer: IpAddr, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut address = peer;
    let texts = headers.get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = texts.flat_map(|text| text.split(',')).map(str::trim).collect();
    for text in chain.iter().rev() {
        match text.parse() {
            Ok(next) if trusted(address) => address = next,
            _ => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn only_trusted_proxies_are_believed() {
        let peer: IpAddr = "10.0.0.1".parse().expect("address");
        let find = |chain: &'static str, trusted: &'static [&'static str]| {
            let mut headers = HeaderMap::new();
            let name = HeaderName::from_static("x-forwarded-for");
            headers.insert(name, HeaderValue::from_static(chain));
            let trusted = |address: IpAddr| trusted.contains(&address.to_string().as_str());
            forwarded_for(&headers, peer, trusted).to_string()
        };
        assert_eq!(find("1.2.3.4", &[]), "10.0.0.1");
        assert_eq!(find("1.2.3.4", &["10.0.0.1"]), "1.2.3.4");
        assert_eq!(find("6.6.6.6, 1.2.3.4", &["10.0.0.1"]), "1.2.3.4");
        assert_eq!(find("1.2.3.4, 10.0.0.2", &["10.0.0.1", "10.0.0.2"]), "1.2.3.4");
        assert_eq!(find("nonsense", &["10.0.0.1"]), "10.0.0.1");
    }
}
