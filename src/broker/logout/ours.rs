//! The person signs out here; the provider that he came from is asked to follow, best effort.

use super::{AtProvider, Next, Step};
use crate::{
    broker::{
        Broker, Caller, Error,
        counterpart::{Absent, Counterpart},
    },
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Outcome},
        words::{ClientId, IdpId, RequestId, SessionId},
    },
    op::Parameters,
    sp::{self, Outgoing},
    store::{
        self,
        logouts::PendingLogout,
        sessions::{self, BrowserSession},
    },
};

/// Seconds that a provider's answer is waited for.
const PATIENCE: i64 = 600;

/// What became of a request to sign out.
#[derive(Debug)]
pub enum SignOut {
    /// Nobody proved that the person wants it: ask (RP-Initiated Logout §2). Whether the answer leads on, to
    /// the provider or the application.
    Ask { leads_away: bool },
    /// Signed out.
    Done(Step),
}

/// What an application asks for when it signs its person out.
struct Wish {
    /// The session that its ID token names.
    hinted: Option<SessionId>,
    /// Registered for it.
    redirect: Option<String>,
}

/// Whether the provider will be asked.
enum Plan {
    Nobody(AtProvider),
    Ask { idp: IdpId, request: RequestId, outgoing: Outgoing },
}

impl Broker {
    /// The person himself signs out of the session that a cookie names.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn sign_out(
        &self,
        session: Option<&str>,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, Error> {
        match self.live_session(session).await? {
            Some(session) => self.leave(session, None, browser, caller).await,
            None => Ok(self.gone(None, AtProvider::NotInvolved)),
        }
    }

    /// An application asks to sign its person out (OIDC RP-Initiated Logout 1.0).
    ///
    /// An `id_token_hint` for this browser's session (or for one whose browser is not here) proves the
    /// wish; so does the person's own word. Only registered URIs are redirected to, of the application that
    /// the hint or `client_id` names.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn sign_out_asked(
        &self,
        asked: &Parameters,
        session: Option<&str>,
        browser: Option<&str>,
        confirmed: bool,
        caller: &Caller,
    ) -> Result<SignOut, Error> {
        let Wish { hinted, redirect } = self.read_wish(asked);
        let present = self.live_session(session).await?;
        let session = match (present, hinted) {
            (Some(session), Some(sid)) if session.id == sid => Some(session),
            (Some(session), _) if confirmed => Some(session),
            (Some(session), _) => {
                let leads_away = redirect.is_some() || self.may_follow(&session).await?;
                return Ok(SignOut::Ask { leads_away });
            }
            (None, Some(sid)) => {
                let find = move |conn: &mut _| Ok::<_, Error>(sessions::find(conn, &sid)?);
                self.store.read(find).await?.filter(|session| session.ended_at.is_none())
            }
            // Whoever sent the browser here has shown nothing: the person goes on by himself.
            (None, None) => {
                let provider = AtProvider::NotInvolved;
                let next = Next::Farewell { provider, onward: redirect };
                return Ok(SignOut::Done(Step::gone(next)));
            }
        };
        let step = match session {
            Some(session) => self.leave(session, redirect, browser, caller).await?,
            None => self.gone(redirect, AtProvider::NotInvolved),
        };
        Ok(SignOut::Done(step))
    }

    /// What an application shows of whom it speaks for, and where it wants the browser to go.
    fn read_wish(&self, asked: &Parameters) -> Wish {
        let hint = asked.get("id_token_hint").and_then(|token| self.read_id_token_hint(token));
        let named = asked.get("client_id").map(ClientId::from);
        // Both have to name the same application; else the hint shows nothing (§2).
        let hint = hint.filter(|(client, _)| named.as_ref().is_none_or(|named| named == client));
        let client = hint.as_ref().map(|(client, _)| client.clone()).or(named);
        let redirect = client.and_then(|client| self.after_logout(&client, asked));
        Wish { hinted: hint.map(|(_, sid)| sid), redirect }
    }

    /// Whether the provider of this session would be asked to follow when it ends.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn may_follow(&self, session: &BrowserSession) -> Result<bool, Error> {
        let from = self.came_from(session).await?;
        Ok(from.as_ref().is_some_and(|from| from.idp.slo().is_some()))
    }

    /// What people call the provider that a session came from, in a federation the member. `None`: the
    /// person signed in with a password of ours.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn provider_of(&self, session: &BrowserSession) -> Result<Option<String>, Error> {
        let Some(idp) = &session.authentication.idp else { return Ok(None) };
        self.name_of(idp, session.upstream.entity.as_deref()).await.map(Some)
    }

    /// Where the person came from: the provider, or in a federation its member. `None`: it cannot be spoken
    /// with (any more), or was none.
    async fn came_from(&self, session: &BrowserSession) -> Result<Option<Counterpart>, Error> {
        let configuration = self.configuration();
        let provider =
            session.authentication.idp.as_ref().and_then(|idp| configuration.provider(idp));
        let Some(provider) = provider.filter(|provider| provider.resource.enabled) else {
            return Ok(None);
        };
        match self.counterpart(provider, session.upstream.entity.as_deref()).await {
            Ok(counterpart) => Ok(Some(counterpart)),
            Err(Absent::Failed(error)) => Err(error),
            Err(Absent::NoProvider | Absent::Broken(_)) => Ok(None),
        }
    }

    /// The browser comes back with the provider's answer, by a top-level GET with its cookie. A handle
    /// that leads nowhere changes nothing: whoever has it is signed out all the same.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn continue_logout(
        &self,
        handle: &str,
        browser: Option<&str>,
    ) -> Result<Next, Error> {
        let (handle, binding) = (sha256_base64url(handle), browser.map(sha256_base64url));
        let (now, binding) = (self.clock.now(), binding.unwrap_or_default());
        let take = move |tx: &mut store::Tx<'_>| -> Result<_, Error> {
            Ok(store::logouts::take(tx, &handle, &binding, now)?)
        };
        let Some(pending) = self.store.write(take).await? else {
            return Ok(self.gone(None, AtProvider::NotInvolved).next);
        };
        let provider = self.name_of(&pending.idp, pending.member.as_deref()).await?;
        Ok(match (pending.complaint, pending.redirect) {
            (None, Some(url)) => Next::ReturnToClient { url },
            (None, None) => {
                Next::Farewell { provider: AtProvider::SignedOut { provider }, onward: None }
            }
            (Some(_), onward) => {
                Next::Farewell { provider: AtProvider::NotConfirmed { provider }, onward }
            }
        })
    }

    /// Ends the session, and remembers that the provider is asked, in one commit.
    async fn leave(
        &self,
        session: BrowserSession,
        redirect: Option<String>,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, Error> {
        let (idp, request, outgoing) = match self.plan_leave(&session).await? {
            Plan::Ask { idp, request, outgoing } => (idp, request, outgoing),
            Plan::Nobody(provider) => {
                let frames = self.end_session(session, caller).await?;
                return Ok(Step { frames, ..self.gone(redirect, provider) });
            }
        };
        let now = self.clock.now();
        let (cookie, fresh) = self.browser_cookie(browser);
        let binding = sha256_base64url(&cookie);
        let expires_at = now.plus(PATIENCE);
        let member = session.upstream.entity.clone();
        let (id, complaint) = (request, None);
        let pending = PendingLogout { id, idp, member, binding, redirect, complaint, expires_at };
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event = event.detail(serde_json::json!({ "provider": "asked" }));
        let by = session.authentication;
        event = event.by(Actor::User(by.user.clone()));
        (event.user, event.idp, event.session) = (Some(by.user), by.idp, Some(session.id.clone()));
        let id = session.id.clone();
        self.store
            .write(move |tx| -> Result<(), Error> {
                if sessions::end(tx, &session.id, now)? {
                    tx.audit(event.clone());
                }
                Ok(store::logouts::create(tx, &pending)?)
            })
            .await?;
        let frames = self.announce_end(&[id]).await;
        let browser = fresh.then_some(cookie);
        Ok(Step { next: outgoing.into(), frames, browser, ends_cookie: true })
    }

    /// A provider that cannot be asked keeps nobody signed in here.
    async fn plan_leave(&self, session: &BrowserSession) -> Result<Plan, Error> {
        let Some(idp) = &session.authentication.idp else {
            return Ok(Plan::Nobody(AtProvider::NotInvolved));
        };
        let request = RequestId(self.random.xml_id());
        let from = self.came_from(session).await?;
        let outgoing = from.as_ref().map(|from| {
            sp::build_logout_request(from.farewell(&request, self.clock.now()), &session.upstream)
        });
        let name = match &from {
            Some(from) => from.name(),
            None => self.name_of(idp, session.upstream.entity.as_deref()).await?,
        };
        Ok(match outgoing.transpose().map(Option::flatten) {
            Ok(Some(outgoing)) => Plan::Ask { idp: idp.clone(), request, outgoing },
            Ok(None) => Plan::Nobody(AtProvider::MayRemain { provider: name }),
            Err(error) => {
                tracing::warn!(%idp, %error, "a provider cannot be asked to sign out");
                Plan::Nobody(AtProvider::NotConfirmed { provider: name })
            }
        })
    }

    /// What people call a provider, or the member of that federation.
    async fn name_of(&self, idp: &IdpId, member: Option<&str>) -> Result<String, Error> {
        let named = match member {
            Some(member) => self.member_name(idp, member).await?,
            None => None,
        };
        let configuration = self.configuration();
        let provider = configuration.provider(idp).map(|provider| &provider.resource.name);
        Ok(named.or_else(|| provider.cloned()).unwrap_or_else(|| idp.0.clone()))
    }

    /// Nothing left to do but to go where the application wants, or to say so.
    fn gone(&self, redirect: Option<String>, provider: AtProvider) -> Step {
        let next = match redirect {
            Some(url) => Next::ReturnToClient { url },
            None => Next::Farewell { provider, onward: None },
        };
        Step::gone(next)
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
