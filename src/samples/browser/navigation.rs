//! One step of a navigation: what is asked of whom, and where an answer leads.

use http::{
    Method,
    header::{CONTENT_TYPE, COOKIE, ORIGIN},
};
use url::Url;

use super::{Stuck, cookies::Visit, form::Form, page::Page, policy::FormPolicy};

/// A request about to be made.
pub(super) struct Navigation {
    pub(super) method: Method,
    pub(super) url: Url,
    body: Option<String>,
    /// How far from home the whole chain of redirects has been.
    from: Relation,
    /// The `Origin` of the page that posts.
    origin: Option<String>,
    forms: Option<FormPolicy>,
}

/// Who sends the browser (`Sec-Fetch-Site`), the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    ByHand,
    SameOrigin,
    SameSite,
    CrossSite,
}

impl Navigation {
    /// An address typed by hand.
    pub(super) const fn typed(url: Url) -> Self {
        let (method, from) = (Method::GET, Relation::ByHand);
        Self { method, url, body: None, from, origin: None, forms: None }
    }

    /// A link of `page`.
    pub(super) fn click(url: Url, page: &Page) -> Self {
        let from = relation(&page.url, &url);
        Self { from, ..Self::typed(url) }
    }

    /// A form of `page`.
    ///
    /// # Errors
    /// [`Stuck::FormBlocked`].
    pub(super) fn submit(form: &Form, page: &Page) -> Result<Self, Stuck> {
        let mut url = form.action.clone();
        let mut body = None;
        match form.method {
            Method::POST => body = Some(form.encode()),
            _ => url.set_query(Some(&form.encode())),
        }
        let csp = page.header("content-security-policy");
        let navigation = Self {
            method: form.method.clone(),
            origin: body.is_some().then(|| origin_for(page, &url)),
            forms: csp.and_then(|header| FormPolicy::read(header, &page.url)),
            body,
            ..Self::click(url, page)
        };
        navigation.allowed()
    }

    fn allowed(self) -> Result<Self, Stuck> {
        match self.forms.as_ref().filter(|forms| !forms.allows(&self.url)) {
            Some(forms) => Err(Stuck::FormBlocked { page: forms.page().clone(), target: self.url }),
            None => Ok(self),
        }
    }

    pub(super) fn visit(&self) -> Visit {
        match (self.from, self.method == Method::POST) {
            (Relation::CrossSite, true) => Visit::AwayPost,
            (Relation::CrossSite, false) => Visit::Away,
            _ => Visit::Home,
        }
    }

    pub(super) fn request(
        &self,
        client: &reqwest::Client,
        cookies: Option<String>,
    ) -> reqwest::RequestBuilder {
        let mut request = client
            .request(self.method.clone(), self.url.clone())
            .header("Accept", "text/html,*/*;q=0.8")
            .header("Sec-Fetch-Site", self.from.name())
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document");
        if let Some(cookies) = cookies {
            request = request.header(COOKIE, cookies);
        }
        if let Some(origin) = &self.origin {
            request = request.header(ORIGIN, origin);
        }
        match &self.body {
            Some(body) => {
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone())
            }
            None => request,
        }
    }

    /// The same navigation, one redirect further. Only 307 and 308 post again.
    fn redirected(&self, url: Url, status: u16) -> Result<Self, Stuck> {
        let again = matches!(status, 307 | 308);
        let to_get = !again && self.method != Method::HEAD;
        let crossed = self.url.origin() != url.origin();
        Self {
            method: if to_get { Method::GET } else { self.method.clone() },
            body: self.body.clone().filter(|_| again),
            origin: self
                .origin
                .clone()
                .filter(|_| again)
                .map(|origin| if crossed { "null".to_owned() } else { origin }),
            from: self.from_after(&url),
            forms: self.forms.clone(),
            url,
        }
        .allowed()
    }

    fn from_after(&self, next: &Url) -> Relation {
        match self.from {
            Relation::ByHand => Relation::ByHand,
            from => from.max(relation(&self.url, next)),
        }
    }
}

/// Where the answer leads; `None`: it is a page.
///
/// # Errors
/// [`Stuck::NoLocation`], [`Stuck::FormBlocked`].
pub(super) fn outcome(navigation: &Navigation, page: &Page) -> Result<Option<Navigation>, Stuck> {
    if !matches!(page.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = page.header("location").and_then(|location| page.url.join(location).ok());
    let location = location.ok_or_else(|| Stuck::NoLocation(page.url.clone()))?;
    navigation.redirected(location, page.status).map(Some)
}

impl Relation {
    const fn name(self) -> &'static str {
        match self {
            Self::ByHand => "none",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
        }
    }
}

fn relation(from: &Url, to: &Url) -> Relation {
    if from.origin() == to.origin() {
        Relation::SameOrigin
    } else if site(from) == site(to) {
        Relation::SameSite
    } else {
        Relation::CrossSite
    }
}

/// Scheme and registrable domain; here the last two labels of a name, a whole address.
fn site(url: &Url) -> (&str, String) {
    let host = match url.domain() {
        Some(name) => {
            let mut labels: Vec<_> = name.rsplit('.').take(2).collect();
            labels.reverse();
            labels.join(".")
        }
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    (url.scheme(), host)
}

/// Fetch §3.2 (*append a request `Origin` header*): some referrer policies hide it.
fn origin_for(page: &Page, target: &Url) -> String {
    let crossing = page.url.origin() != target.origin();
    match page.header("referrer-policy") {
        Some("no-referrer") => "null".to_owned(),
        Some("same-origin") if crossing => "null".to_owned(),
        _ => page.url.origin().ascii_serialization(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("url")
    }

    #[test]
    fn names_and_addresses_are_other_sites_ports_are_not() {
        for (from, to, expected) in [
            ("http://localhost:1/", "http://localhost:1/x", Relation::SameOrigin),
            ("http://localhost:1/", "http://localhost:2/", Relation::SameSite),
            ("http://localhost:1/", "https://localhost:1/", Relation::CrossSite),
            ("http://localhost:1/", "http://127.0.0.1:1/", Relation::CrossSite),
            ("https://a.hospital.example/", "https://b.hospital.example/", Relation::SameSite),
            ("https://hospital.example/", "https://other.example/", Relation::CrossSite),
        ] {
            assert_eq!(relation(&url(from), &url(to)), expected, "{from} {to}");
        }
    }

    fn posted(page_headers: &[(&str, &str)], target: &str) -> Result<Navigation, Stuck> {
        let mut page = Page { url: url("http://127.0.0.1:9/sso"), ..Page::blank() };
        for (name, value) in page_headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("name");
            page.headers.insert(name, value.parse().expect("value"));
        }
        page.text = format!("<form method=post action='{target}'><input name=a value=1></form>");
        Navigation::submit(&page.forms()[0], &page)
    }

    #[test]
    fn a_post_from_elsewhere_becomes_a_get_that_brings_lax_cookies() {
        let post = posted(&[], "http://localhost/acs").expect("allowed");
        assert_eq!(post.visit(), Visit::AwayPost);
        assert_eq!(post.origin.as_deref(), Some("http://127.0.0.1:9"));
        let see_other = post.redirected(url("http://localhost/go"), 303).expect("allowed");
        assert_eq!((see_other.visit(), see_other.body), (Visit::Away, None));
        let again = post.redirected(url("http://other/acs"), 307).expect("allowed");
        assert_eq!(again.visit(), Visit::AwayPost);
        assert_eq!((again.body.as_deref(), again.origin.as_deref()), (Some("a=1"), Some("null")));
    }

    #[test]
    fn form_action_holds_for_redirects_too() {
        let csp = [("content-security-policy", "form-action 'self' http://localhost")];
        let post = posted(&csp, "http://localhost/acs").expect("allowed");
        assert!(post.redirected(url("http://localhost/go"), 303).is_ok());
        let blocked = post.redirected(url("http://elsewhere/"), 303).err();
        assert!(matches!(blocked, Some(Stuck::FormBlocked { .. })));
        assert!(matches!(posted(&csp, "http://evil/"), Err(Stuck::FormBlocked { .. })));
    }

    #[test]
    fn referrer_policies_hide_the_origin() {
        for (policy, target, origin) in [
            ("no-referrer", "http://127.0.0.1:9/x", "null"),
            ("same-origin", "http://127.0.0.1:9/x", "http://127.0.0.1:9"),
            ("same-origin", "http://localhost/x", "null"),
            ("strict-origin", "http://localhost/x", "http://127.0.0.1:9"),
        ] {
            let post = posted(&[("referrer-policy", policy)], target).expect("allowed");
            assert_eq!(post.origin.as_deref(), Some(origin), "{policy}");
        }
    }
}
