//! Browser sessions: finding the live one, and ending it.

use super::{Broker, Caller, Error};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Outcome},
        mapping::GrantedRole,
        roles::Powers,
        words::ClientId,
    },
    op::Parameters,
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

/// What became of a request to sign out.
#[derive(Debug, PartialEq, Eq)]
pub enum SignOut {
    /// Nobody proved that the person wants it: ask (RP-Initiated Logout §2).
    Ask,
    /// Signed out; to this registered URI, if one was asked for.
    Done { redirect: Option<String> },
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
        let digest = sha256_base64url(cookie);
        let find = move |conn: &mut _| Ok::<_, Error>(sessions::find_by_cookie(conn, &digest)?);
        let (now, idle) = (self.clock.now(), self.settings.sessions.idle);
        Ok(self.store.read(find).await?.filter(|session| session.is_live(now, idle)))
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
        let (account, granted) = self.store.read(read).await?;
        let Some(account) = account.filter(|account| account.active) else { return Ok(None) };
        self.touch(&session).await?;
        Ok(Some(SignedIn { session, account, granted }))
    }

    /// Once a minute is often enough for a limit of an hour.
    async fn touch(&self, session: &BrowserSession) -> Result<(), Error> {
        let now = self.clock.now();
        if now.since(session.used_at) < 60 {
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

    /// Ends the session that a cookie names, and every token that lives by it.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn sign_out(&self, cookie: Option<&str>, caller: &Caller) -> Result<(), Error> {
        match self.live_session(cookie).await? {
            Some(session) => self.end_session(session, caller).await,
            None => Ok(()),
        }
    }

    /// Ends one session.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn end_session(&self, session: BrowserSession, caller: &Caller) -> Result<(), Error> {
        let now = self.clock.now();
        let by = session.authentication;
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event = event.by(Actor::User(by.user.clone()));
        (event.user, event.idp, event.session) = (Some(by.user), by.idp, Some(session.id.clone()));
        self.store
            .write(move |tx| -> Result<(), Error> {
                if sessions::end(tx, &session.id, now)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await
    }

    /// An application asks to sign its person out (OIDC RP-Initiated Logout 1.0).
    ///
    /// An `id_token_hint` for this browser's session (or for one whose browser is not here) proves the
    /// wish; so does the person's own word. Only registered URIs are redirected to.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn sign_out_asked(
        &self,
        asked: &Parameters,
        cookie: Option<&str>,
        confirmed: bool,
        caller: &Caller,
    ) -> Result<SignOut, Error> {
        let hint = asked.get("id_token_hint").and_then(|token| self.read_id_token_hint(token));
        let present = self.live_session(cookie).await?;
        let redirect = hint.as_ref().and_then(|(client, _)| self.after_logout(client, asked));
        let hinted = hint.map(|(_, sid)| sid);
        let session = match (present, hinted) {
            (Some(session), Some(sid)) if session.id == sid => Some(session),
            (Some(session), _) if confirmed => Some(session),
            (Some(_), _) => return Ok(SignOut::Ask),
            (None, Some(sid)) => {
                let find = move |conn: &mut _| Ok::<_, Error>(sessions::find(conn, &sid)?);
                self.store.read(find).await?
            }
            (None, None) => None,
        };
        if let Some(session) = session {
            self.end_session(session, caller).await?;
        }
        Ok(SignOut::Done { redirect })
    }

    /// The registered place to go to afterwards, with `state`.
    fn after_logout(&self, client: &ClientId, asked: &Parameters) -> Option<String> {
        let uri = asked.get("post_logout_redirect_uri")?;
        let configuration = self.configuration();
        let client = &configuration.client(client)?.resource;
        if !client.post_logout_redirect_uris.iter().any(|registered| registered == uri) {
            return None;
        }
        let mut url = url::Url::parse(uri).ok()?;
        if let Some(state) = asked.get("state") {
            url.query_pairs_mut().append_pair("state", state);
        }
        Some(url.into())
    }
}
