//! The cookie jar (RFC 6265, and what became of `SameSite` in its successor draft).
//!
//! Cookies belong to a host, not to a port, and never reach subdomains here. Lifetimes are not kept:
//! a cookie stays until its server deletes it with `Max-Age=0`, whatever the clock.

use http::{HeaderMap, header::SET_COOKIE};
use url::Url;

/// What is kept, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
}

/// One cookie as its server set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub host: String,
    pub path: String,
    pub secure: bool,
    pub http_only: bool,
    pub same_site: SameSite,
}

/// Whether a cookie travels when another site sends the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    None,
    /// Only when a link or redirect leads there; also where a server says nothing.
    #[default]
    Lax,
    Strict,
}

/// How the browser comes to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// From a page of the same site, or by hand.
    Home,
    /// From another site, by a method that changes nothing.
    Away,
    /// From another site, by POST.
    AwayPost,
}

impl Jar {
    /// The cookies of a host.
    pub fn of<'j>(&'j self, host: &'j str) -> impl Iterator<Item = &'j Cookie> {
        self.cookies.iter().filter(move |cookie| cookie.host == host)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }

    /// The `Cookie` header for a visit; longer paths first (RFC 6265 §5.4).
    pub(super) fn header(&self, url: &Url, visit: Visit) -> Option<String> {
        let mut sent: Vec<_> = self.cookies.iter().filter(|c| c.goes_to(url, visit)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Every `Set-Cookie` of an answer from `url`.
    pub(super) fn keep_all(&mut self, headers: &HeaderMap, url: &Url) {
        for value in headers.get_all(SET_COOKIE) {
            if let Ok(text) = value.to_str() {
                self.keep(text, url);
            }
        }
    }

    fn keep(&mut self, set_cookie: &str, url: &Url) {
        let Some((cookie, deleted)) = read(set_cookie, url) else { return };
        let same = |old: &Cookie| {
            (&old.name, &old.host, &old.path) == (&cookie.name, &cookie.host, &cookie.path)
        };
        self.cookies.retain(|old| !same(old));
        if !deleted {
            self.cookies.push(cookie);
        }
    }
}

impl Cookie {
    fn goes_to(&self, url: &Url, visit: Visit) -> bool {
        let crossing = match self.same_site {
            SameSite::None => true,
            SameSite::Lax => visit != Visit::AwayPost,
            SameSite::Strict => visit == Visit::Home,
        };
        crossing
            && url.host_str() == Some(&self.host)
            && (url.scheme() == "https" || !self.secure)
            && path_matches(&self.path, url.path())
    }

    /// Rules that make a browser ignore a cookie: `Secure` over http, `SameSite=None` without
    /// `Secure`, `__Host-` without what it promises.
    fn may_be_kept(&self, url: &Url, has_domain: bool) -> bool {
        let secure = self.secure && url.scheme() == "https";
        let host_only = secure && !has_domain && self.path == "/";
        (secure || !self.secure)
            && (secure || self.same_site != SameSite::None)
            && (secure || !self.name.starts_with("__Secure-"))
            && (host_only || !self.name.starts_with("__Host-"))
    }
}

/// The cookie, and whether it is there to be deleted.
fn read(set_cookie: &str, url: &Url) -> Option<(Cookie, bool)> {
    let mut parts = set_cookie.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        host: url.host_str()?.to_owned(),
        path: default_path(url.path()),
        secure: false,
        http_only: false,
        same_site: SameSite::default(),
    };
    let (mut deleted, mut has_domain) = (false, false);
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = same_site(value),
            "max-age" => deleted = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            "domain" => has_domain = true,
            _ => {}
        }
    }
    cookie.may_be_kept(url, has_domain).then_some((cookie, deleted))
}

fn same_site(value: &str) -> SameSite {
    match value.to_ascii_lowercase().as_str() {
        "none" => SameSite::None,
        "strict" => SameSite::Strict,
        _ => SameSite::Lax,
    }
}

/// The directory of the address (RFC 6265 §5.1.4).
fn default_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => directory.to_owned(),
        _ => "/".to_owned(),
    }
}

fn path_matches(of_cookie: &str, path: &str) -> bool {
    let rest = path.strip_prefix(of_cookie);
    rest.is_some_and(|rest| rest.is_empty() || of_cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("url")
    }

    fn jar(origin: &str, set_cookie: &str) -> Jar {
        let mut jar = Jar::default();
        jar.keep(set_cookie, &url(origin));
        jar
    }

    #[test]
    fn same_site_decides_what_another_site_can_send() {
        for (attribute, home, away, away_post) in [
            ("SameSite=Lax", true, true, false),
            ("Path=/", true, true, false),
            ("SameSite=Strict", true, false, false),
            ("Secure; SameSite=None", true, true, true),
        ] {
            let jar = jar("https://a.example/", &format!("c=1; {attribute}"));
            let sent = |visit| jar.header(&url("https://a.example/x"), visit).is_some();
            let found = (sent(Visit::Home), sent(Visit::Away), sent(Visit::AwayPost));
            assert_eq!(found, (home, away, away_post), "{attribute}");
        }
    }

    #[test]
    fn host_path_and_secrecy_decide_where_it_goes() {
        for (set, target, sent) in [
            ("c=1; Path=/", "http://localhost:8080/", true),
            ("c=1; Path=/", "http://localhost:9999/any", true),
            ("c=1; Path=/", "http://127.0.0.1:8080/", false),
            ("c=1; Path=/", "http://x.localhost:8080/", false),
            ("c=1; Path=/saml", "http://localhost:8080/saml", true),
            ("c=1; Path=/saml", "http://localhost:8080/saml/acs", true),
            ("c=1; Path=/saml", "http://localhost:8080/samlx", false),
            ("c=1", "http://localhost:8080/deep/other", true),
            ("c=1", "http://localhost:8080/else", false),
        ] {
            let jar = jar("http://localhost:8080/deep/page", set);
            assert_eq!(jar.header(&url(target), Visit::Home).is_some(), sent, "{set} {target}");
        }
        let jar = jar("https://a.example/", "c=1; Secure; Path=/");
        assert_eq!(jar.header(&url("https://a.example/"), Visit::Home).as_deref(), Some("c=1"));
        assert_eq!(jar.header(&url("http://a.example/"), Visit::Home), None);
    }

    #[test]
    fn broken_promises_are_not_kept() {
        for (origin, set, kept) in [
            ("http://localhost/", "c=1; Secure", false),
            ("https://a.example/", "c=1; SameSite=None", false),
            ("https://a.example/", "__Host-c=1; Secure; Path=/", true),
            ("https://a.example/", "__Host-c=1; Path=/", false),
            ("https://a.example/", "__Host-c=1; Secure; Path=/x", false),
            ("https://a.example/", "__Host-c=1; Secure; Path=/; Domain=a.example", false),
            ("https://a.example/", "__Secure-c=1", false),
            ("https://a.example/", "nonsense", false),
        ] {
            assert_eq!(jar(origin, set).cookies.len() == 1, kept, "{set}");
        }
    }

    #[test]
    fn the_newest_counts_until_it_is_deleted() {
        let origin = url("http://localhost/");
        let mut jar = jar(origin.as_str(), "c=1; Path=/; HttpOnly");
        jar.keep("c=2; Path=/; HttpOnly", &origin);
        jar.keep("c=3; Path=/deep", &origin);
        let header = |jar: &Jar| jar.header(&url("http://localhost/deep"), Visit::Home);
        assert_eq!(header(&jar).as_deref(), Some("c=3; c=2"));
        assert!(jar.of("localhost").next().expect("kept").http_only);
        jar.keep("c=; Path=/; Max-Age=0", &origin);
        assert_eq!(header(&jar).as_deref(), Some("c=3"));
    }
}
