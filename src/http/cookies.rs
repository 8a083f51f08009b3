//! Three cookies: who is signed in, which browser a login was begun in, and which one saw the question
//! whether a person is meant.

use actix_web::cookie::{Cookie, SameSite};

use crate::broker::Broker;

/// The cookies' names: with the `__Host-` prefix wherever browsers accept it.
#[derive(Clone, Copy)]
pub struct Names {
    pub session: &'static str,
    pub browser: &'static str,
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
                arrival: "__Host-medict_arrival",
                secure: true,
            }
        } else {
            Self {
                session: "medict_session",
                browser: "medict_browser",
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
