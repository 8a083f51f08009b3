//! `demo --check`: a browser signs in by both ways, twice each, and every step is told.

use tokio::time::Instant;

use super::{
    Places,
    people::{GUESTS, PASSWORD, Person, STAFF},
    resources::{APP, OIDC, SAML},
    words::{line, told},
};
use crate::samples::browser::{Browser, Page, Stuck};

/// Why the check failed. Each variant is one fact.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("the browser got stuck: {0}")]
    Stuck(#[from] Stuck),
    #[error("the sign-in ended at {url} ({status}) instead of in the application: {text}")]
    Astray { url: String, status: u16, text: String },
    #[error("the ID token's {claim} is `{found}` instead of `{expected}`")]
    Other { claim: &'static str, expected: String, found: String },
    #[error("the second sign-in of {0} led to another user")]
    OtherUser(&'static str),
}

/// One way to sign in, and who goes it.
struct Way {
    idp: &'static str,
    name: &'static str,
    person: &'static Person,
}

/// Goes both ways.
///
/// # Errors
/// [`Failed`] at the first thing that is not as it should be.
pub(super) async fn run(places: &Places) -> Result<(), Failed> {
    let started = Instant::now();
    let ways = [
        Way { idp: SAML, name: "SAML", person: &STAFF[0] },
        Way { idp: OIDC, name: "OpenID Connect", person: &GUESTS[0] },
    ];
    for way in ways {
        way.go_twice(places).await?;
    }
    let millis = started.elapsed().as_millis();
    println!("\nBoth ways ended in a verified ID token, after {millis} ms.");
    Ok(())
}

impl Way {
    async fn go_twice(&self, places: &Places) -> Result<(), Failed> {
        println!("\n{} signs in by {}", self.person.name(), self.name);
        let first = self.go(places).await?;
        println!("\nand once more, in another browser");
        let second = self.go(places).await?;
        if first != second {
            return Err(Failed::OtherUser(self.person.username));
        }
        println!("  the same user {first} again");
        Ok(())
    }

    /// From the application's page and back; answers `sub`.
    async fn go(&self, places: &Places) -> Result<String, Failed> {
        let mut browser = Browser::new()?;
        browser.open(&format!("{}/", places.app)).await?;
        tell(&browser, places);
        browser.click(&format!("idp={}", self.idp)).await?;
        tell(&browser, places);
        let form = browser.form("/login")?;
        let form = form.with("username", self.person.username).with("password", PASSWORD);
        browser.submit(form).await?;
        tell(&browser, places);
        self.check(browser.page(), places)
    }

    /// The application shows claims only of an ID token that it has verified.
    fn check(&self, page: &Page, places: &Places) -> Result<String, Failed> {
        let subject = page.text_of("subject").filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| astray(page))?;
        let expected = [
            ("claim-iss", "iss", places.broker.clone()),
            ("claim-aud", "aud", APP.to_owned()),
            ("claim-sub", "sub", subject.clone()),
            ("claim-roles", "roles", format!("[\"{}\"]", self.person.role)),
            ("name", "name", self.person.name()),
            ("email", "email", self.person.email.to_owned()),
        ];
        for (id, claim, expected) in expected {
            let found = page.text_of(id).unwrap_or_default();
            if found != expected {
                return Err(Failed::Other { claim, expected, found });
            }
        }
        println!("            {} is {subject}, a {}", self.person.name(), self.person.role);
        Ok(subject)
    }
}

fn tell(browser: &Browser, places: &Places) {
    for hop in browser.hops() {
        println!("{}", line(hop.millis, &told(hop, places)));
    }
}

fn astray(page: &Page) -> Failed {
    let text = page.text_of("content").unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Failed::Astray { url: page.url.to_string(), status: page.status, text }
}
