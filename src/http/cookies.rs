//! Five cookies: who is signed in, which browser a login was begun in, which one saw the question whether a
//! person is meant, when it was last bounced, and the institution picked last.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    broker::{Broker, login::Bounced},
    domain::words::{IdpId, UnixTime},
};

/// The cookies' names: with the `__Host-` prefix wherever browsers accept it.
#[derive(Clone, Copy)]
pub struct Names {
    pub session: &'static str,
    pub browser: &'static str,
    /// Binds the answer on the page of a sign-in that began at its provider.
    pub arrival: &'static str,
    /// Remembers when the browser was last bounced, until somebody signs in.
    pub bounced: &'static str,
    /// Of no consequence but convenience.
    pub institution: &'static str,
    secure: bool,
}

impl Names {
    pub fn of(broker: &Broker) -> Self {
        if broker.settings.is_https() {
            Self {
                session: "__Host-medict_session",
                browser: "__Host-medict_browser",
                arrival: "__Host-medict_arrival",
                bounced: "__Host-medict_bounced",
                institution: "__Host-medict_institution",
                secure: true,
            }
        } else {
            Self {
                session: "medict_session",
                browser: "medict_browser",
                arrival: "medict_arrival",
                bounced: "medict_bounced",
                institution: "medict_institution",
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

    pub fn arrival(self, value: String) -> Cookie<'static> {
        self.build(self.arrival, value)
    }

    pub fn bounced(self, last: &Bounced) -> Cookie<'static> {
        self.build(self.bounced, format!("{}.{}", last.idp, last.at.0))
    }

    /// The bounce in such a cookie.
    pub fn read_bounced(value: &str) -> Option<Bounced> {
        let (idp, at) = value.rsplit_once('.')?;
        Some(Bounced { idp: IdpId::from(idp), at: UnixTime(at.parse().ok()?) })
    }

    /// Takes that cookie away.
    pub fn not_bounced(self) -> Cookie<'static> {
        let mut cookie = self.build(self.bounced, String::new());
        cookie.make_removal();
        cookie
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
