//! Four cookies: who is signed in, which browser a login was begun in, which one saw the question whether
//! a person is meant, and the institution picked last.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::broker::Broker;

/// The cookies' names: with the `__Host-` prefix wherever browsers accept it.
#[derive(Clone, Copy)]
pub struct Names {
    pub session: &'static str,
    pub browser: &'static str,
    /// Of no consequence but convenience.
    pub institution: &'static str,
    /// Binds the answer on the page of a sign-in that began at its provider.
    pub arrival: &'static str,
    secure: bool,
}

impl Names {
    pub fn of(broker: &Broker) -> Self {
        if broker.settings.is_https() {
            Self {
                session: "__Host-medict_session",
                browser: "__Host-medict_browser",
                institution: "__Host-medict_institution",
                arrival: "__Host-medict_arrival",
                secure: true,
            }
        } else {
            Self {
                session: "medict_session",
                browser: "medict_browser",
                institution: "medict_institution",
                arrival: "medict_arrival",
                secure: false,
            }
        }
    }

    pub fn session(self, value: String) -> Cookie<'static> {
        self.build(self.session, value)
    }

    pub fn browser(self, value: String) -> Cookie<'static> {
        self.build(self.browser, value)
    }

    /// Remembers an entityID for a year.
    pub fn institution(self, entity_id: &str) -> Cookie<'static> {
        let mut cookie = self.build(self.institution, BASE64_URL_SAFE_NO_PAD.encode(entity_id));
        cookie.set_max_age(Duration::days(365));
        cookie
    }

    /// The entityID in such a cookie.
    pub fn read_institution(value: &str) -> Option<String> {
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }

    pub fn arrival(self, value: String) -> Cookie<'static> {
        self.build(self.arrival, value)
    }

    /// Takes the session cookie away.
    pub fn no_session(self) -> Cookie<'static> {
        let mut cookie = self.build(self.session, String::new());
        cookie.make_removal();
        cookie
    }

    fn build(self, name: &'static str, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .finish()
    }
}
