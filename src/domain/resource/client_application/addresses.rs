//! The addresses of an application: which will do, and when two are the same.

use url::Url;

use super::{ClientApplication, ClientType};
use crate::domain::resource::{Invalid, check_url, is_loopback};

impl ClientApplication {
    /// Every address is written in the characters of a URI (RFC 3986 §2). The parser forgives others, and
    /// even drops line breaks; but what is registered goes out as it is, in headers too.
    ///
    /// # Errors
    /// [`Invalid`] names the first that is not.
    pub(in crate::domain::resource) fn check_characters(&self) -> Result<(), Invalid> {
        for (field, addresses) in [
            ("redirectUris", &self.redirect_uris),
            ("postLogoutRedirectUris", &self.post_logout_redirect_uris),
            ("resources", &self.resources),
            ("audiences", &self.audiences),
            ("exchangeAudiences", &self.exchange_audiences),
        ] {
            for (index, address) in addresses.iter().enumerate() {
                check_visible(&format!("{field}[{index}]"), address)?;
            }
        }
        for (field, address) in [
            ("initiateLoginUri", &self.initiate_login_uri),
            ("backchannelLogoutUri", &self.backchannel_logout_uri),
            ("frontchannelLogoutUri", &self.frontchannel_logout_uri),
            ("jwksUri", &self.jwks_uri),
        ] {
            address.as_deref().map_or(Ok(()), |address| check_visible(field, address))?;
        }
        Ok(())
    }
}

fn check_visible(path: &str, address: &str) -> Result<(), Invalid> {
    if address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let problem = "holds a blank, a line break or a letter beyond ASCII; write it percent-encoded, as in \
                   https://app.example/r%C3%BCckruf, and a host name in its xn-- form";
    Err(Invalid::new(path, problem))
}

/// Same loopback address literal, same everything, other port.
pub(super) fn differs_by_port_only(registered: &str, uri: &str) -> bool {
    let (Ok(mut registered), Ok(mut given)) = (Url::parse(registered), Url::parse(uri)) else {
        return false;
    };
    let literal = matches!(given.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)));
    // The parser forgives what a comparison must not: the text has to be its own normal form.
    if !literal || given.scheme() != "http" || !is_loopback(&given) || given.as_str() != uri {
        return false;
    }
    registered.set_port(None).is_ok() && given.set_port(None).is_ok() && registered == given
}

/// An absolute URI without fragment: https, http on loopback, or a native application's own scheme.
pub(super) fn check_redirect_uri(uri: &str, client_type: ClientType) -> Result<(), String> {
    let absolute = "is no absolute URI, as in https://app.example/callback";
    let url = Url::parse(uri).map_err(|_| absolute.to_owned())?;
    if url.fragment().is_some() {
        return Err("has a fragment".to_owned());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err("is http on a host that is not loopback".to_owned()),
        // RFC 8252 §7.1: private-use schemes are domain names in reverse.
        own if own.contains('.') && client_type == ClientType::Public => Ok(()),
        _ => Err("is neither https nor a native application's own scheme".to_owned()),
    }
}

/// An https URL without fragment, or http on loopback.
pub(super) fn check_web_address(uri: &str) -> Result<(), String> {
    let url = check_url("", uri).map_err(|invalid| invalid.problem)?;
    if url.fragment().is_some() { Err("has a fragment".to_owned()) } else { Ok(()) }
}

/// A serialized origin and nothing more (RFC 6454 §6.1).
pub(super) fn check_origin(origin: &str) -> Result<(), String> {
    let url = check_url("", origin).map_err(|invalid| invalid.problem)?;
    if url.origin().ascii_serialization() == origin {
        Ok(())
    } else {
        Err("is not an origin, as in https://app.example".to_owned())
    }
}
