//! A small browser: cookies, redirects and forms, and the rules by which real ones refuse to go on.
//!
//! ```no_run
//! # use medict::samples::browser::{Browser, Stuck};
//! # async fn story() -> Result<(), Stuck> {
//! let mut browser = Browser::new()?;
//! browser.open("http://localhost:8080/account").await?;
//! let chooser = browser.form("/login/")?;
//! browser.submit(chooser.press("idp", "sample-saml")).await?;
//! let password = browser.form("/login")?;
//! browser.submit(password.with("username", "ada").with("password", "demo")).await?;
//! assert!(browser.page().text.contains("Ada Lovelace"));
//! # Ok(())
//! # }
//! ```
//!
//! Scripts do not run, except for the one that every sign-in knows: a page whose only form carries a
//! `SAMLRequest` or `SAMLResponse` posts it.

mod cookies;
mod form;
mod html;
mod navigation;
mod page;
mod policy;

pub use cookies::{Cookie, Jar, SameSite};
pub use form::{Button, Form};
pub use page::{Link, Page};

use http::Method;
use reqwest::redirect::Policy as Redirects;
use url::Url;

use navigation::{Navigation, outcome};

/// A person's browser, with one tab.
pub struct Browser {
    client: reqwest::Client,
    jar: Jar,
    page: Page,
    hops: Vec<Hop>,
    scripts: bool,
}

/// One request of a navigation, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub method: Method,
    pub url: Url,
    pub status: u16,
    /// Milliseconds from the request to the last byte of the answer.
    pub millis: u128,
}

/// Why the browser does not go on. Each variant is one fact.
#[derive(Debug, thiserror::Error)]
pub enum Stuck {
    #[error("the browser cannot be made: {0}")]
    NoClient(String),
    #[error("`{0}` is not a web address")]
    NotAUrl(String),
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: Url, reason: String },
    #[error("{0} redirects without saying where")]
    NoLocation(Url),
    #[error("more than {MOST_HOPS} redirects and posts in a row, the last to {0}")]
    TooManyHops(Url),
    #[error("the Content-Security-Policy of {page} forbids its form to lead to {target}")]
    FormBlocked { page: Url, target: Url },
    #[error("{page} ({status}) has no form for `{wanted}`")]
    NoForm { page: Url, status: u16, wanted: String },
    #[error("{page} ({status}) has no link to `{wanted}`")]
    NoLink { page: Url, status: u16, wanted: String },
}

/// Redirects and posts that one navigation may take.
const MOST_HOPS: usize = 20;

impl Browser {
    /// A browser that has never been anywhere.
    ///
    /// # Errors
    /// [`Stuck::NoClient`].
    pub fn new() -> Result<Self, Stuck> {
        let client = reqwest::Client::builder().redirect(Redirects::none()).no_proxy();
        let client = client.build().map_err(|error| Stuck::NoClient(error.to_string()))?;
        Ok(Self::on(client))
    }

    /// A browser on a client of one's own, which trusts other certificates perhaps; the client must
    /// not follow redirects.
    #[must_use]
    pub fn on(client: reqwest::Client) -> Self {
        let (jar, page) = (Jar::default(), Page::blank());
        Self { client, jar, page, hops: Vec::new(), scripts: true }
    }

    /// The same browser with scripts switched off: forms wait for the person.
    #[must_use]
    pub fn without_scripts(self) -> Self {
        Self { scripts: false, ..self }
    }

    /// Types an address: no site is left, so every cookie of the address goes along.
    ///
    /// # Errors
    /// [`Stuck`]; an answer of any status is a page.
    pub async fn open(&mut self, url: &str) -> Result<&Page, Stuck> {
        let url = Url::parse(url).map_err(|_| Stuck::NotAUrl(url.to_owned()))?;
        self.navigate(Navigation::typed(url)).await
    }

    /// Clicks the first link whose address contains `wanted`.
    ///
    /// # Errors
    /// [`Stuck::NoLink`], and as [`Self::open`].
    pub async fn click(&mut self, wanted: &str) -> Result<&Page, Stuck> {
        let link = self.page.links().into_iter().find(|link| link.href.as_str().contains(wanted));
        let link = link.ok_or_else(|| {
            let (page, status) = (self.page.url.clone(), self.page.status);
            Stuck::NoLink { page, status, wanted: wanted.to_owned() }
        })?;
        self.navigate(Navigation::click(link.href, &self.page)).await
    }

    /// The first form of the page whose action contains `wanted`, as the page filled it.
    ///
    /// # Errors
    /// [`Stuck::NoForm`].
    pub fn form(&self, wanted: &str) -> Result<Form, Stuck> {
        let form = self.page.forms().into_iter().find(|form| form.action.as_str().contains(wanted));
        form.ok_or_else(|| {
            let (page, status) = (self.page.url.clone(), self.page.status);
            Stuck::NoForm { page, status, wanted: wanted.to_owned() }
        })
    }

    /// Sends a form of the current page.
    ///
    /// # Errors
    /// [`Stuck`]; an answer of any status is a page.
    pub async fn submit(&mut self, form: Form) -> Result<&Page, Stuck> {
        let navigation = Navigation::submit(&form, &self.page)?;
        self.navigate(navigation).await
    }

    /// The page that is shown.
    #[must_use]
    pub const fn page(&self) -> &Page {
        &self.page
    }

    /// The way that the last navigation took, posts by script included.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// The cookies, to look at or to take away.
    pub const fn jar(&mut self) -> &mut Jar {
        &mut self.jar
    }

    async fn navigate(&mut self, mut navigation: Navigation) -> Result<&Page, Stuck> {
        self.hops.clear();
        while self.hops.len() < MOST_HOPS {
            let page = self.send(&navigation).await?;
            if let Some(next) = outcome(&navigation, &page)? {
                navigation = next;
                continue;
            }
            self.page = page;
            match self.page.automatic_form().filter(|_| self.scripts) {
                Some(form) => navigation = Navigation::submit(&form, &self.page)?,
                None => return Ok(&self.page),
            }
        }
        Err(Stuck::TooManyHops(navigation.url))
    }

    /// One request; cookies go with it and come back with its answer.
    async fn send(&mut self, navigation: &Navigation) -> Result<Page, Stuck> {
        let started = tokio::time::Instant::now();
        let url = &navigation.url;
        let unreachable = |error: reqwest::Error| {
            let reason =
                std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source())
                    .last()
                    .map_or_else(String::new, ToString::to_string);
            Stuck::Unreachable { url: url.clone(), reason }
        };
        let cookies = self.jar.header(url, navigation.visit());
        let request = navigation.request(&self.client, cookies);
        let response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.jar.keep_all(&headers, url);
        let text = response.text().await.map_err(unreachable)?;
        let (method, millis) = (navigation.method.clone(), started.elapsed().as_millis());
        self.hops.push(Hop { method, url: url.clone(), status, millis });
        Ok(Page { url: url.clone(), status, headers, text })
    }
}

#[cfg(test)]
mod tests;
