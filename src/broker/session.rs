//! Browser sessions: finding the live one, and ending it.

use super::{Broker, Caller, Error};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Outcome},
        mapping::GrantedRole,
        roles::Powers,
        words::SessionId,
    },
    store::{
        self,
        sessions::{self, BrowserSession},
        users::Account,
    },
};

/// Who is signed in at this browser.
pub struct SignedIn {
    pub session: BrowserSession,
    pub account: Account,
    pub granted: Vec<GrantedRole>,
}

impl Broker {
    /// The session that a cookie names, while it counts.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn live_session(
        &self,
        cookie: Option<&str>,
    ) -> Result<Option<BrowserSession>, Error> {
        let Some(cookie) = cookie else { return Ok(None) };
        let Some(id) = SessionId::naming(cookie) else { return Ok(None) };
        let digest = sha256_base64url(cookie);
        let find = move |conn: &mut _| sessions::find_by_cookie(conn, &id, &digest);
        let measure = self.measure(self.clock.now());
        Ok(self.store.look_up(find).await?.filter(|session| measure.is_open(session)))
    }

    /// The person behind the session, while session and account are good; notes the use.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn signed_in(&self, cookie: Option<&str>) -> Result<Option<SignedIn>, Error> {
        let Some(session) = self.live_session(cookie).await? else { return Ok(None) };
        let user = session.authentication.user.clone();
        let read = move |conn: &mut _| -> Result<_, Error> {
            Ok((store::users::find(conn, &user)?, store::user_roles::granted_to(conn, &user)?))
        };
        let (account, granted) = self.store.look_up(read).await?;
        let Some(account) = account.filter(|account| account.active) else { return Ok(None) };
        self.touch(&session).await?;
        Ok(Some(SignedIn { session, account, granted }))
    }

    async fn touch(&self, session: &BrowserSession) -> Result<(), Error> {
        let now = self.clock.now();
        if !session.is_worn(now) {
            return Ok(());
        }
        let id = session.id.clone();
        self.store.write(move |tx| Ok(sessions::touch(tx, &id, now)?)).await
    }

    /// What a person may do.
    #[must_use]
    pub fn powers(&self, granted: &[GrantedRole]) -> Powers {
        let configuration = self.configuration();
        Powers::of(granted, |role| configuration.role(role))
    }

    /// Ends one session. Answers the addresses that applications want opened in this browser.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn end_session(
        &self,
        session: BrowserSession,
        caller: &Caller,
    ) -> Result<Vec<String>, Error> {
        let now = self.clock.now();
        let by = session.authentication;
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event = event.by(Actor::User(by.user.clone()));
        (event.user, event.idp, event.session) = (Some(by.user), by.idp, Some(session.id.clone()));
        let id = session.id.clone();
        self.store
            .write(move |tx| -> Result<(), Error> {
                if sessions::end(tx, &session.id, now)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await?;
        Ok(self.announce_end(&[id]).await)
    }

    /// The cookie that binds what is begun here to this browser, and whether it is a new one.
    pub(super) fn browser_cookie(&self, present: Option<&str>) -> (String, bool) {
        match present.filter(|cookie| cookie.len() == 43) {
            Some(cookie) => (cookie.to_owned(), false),
            None => (self.random.token(), true),
        }
    }
}
