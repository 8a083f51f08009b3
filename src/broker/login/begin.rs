//! The start: an application asks, or a person opens one of our own pages.

use std::sync::Arc;

use super::{LoginError, Next, Step, pushed::Unpacked};
use crate::{
    broker::{Broker, Caller, Client, Error, configuration::Configuration},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Outcome},
        login::{Destination, Login, is_own_path},
        resource::Configuration as Wire,
        words::{ClientId, IdpId, LoginId, UnixTime, UserId},
    },
    op::{self, Asked, AuthorizeRefusal, Parameters, ReturnAddress, Unredirectable},
    store::{logins::Pending, sessions::BrowserSession},
};

/// The application cannot be answered: there is no place that we may redirect to.
#[derive(Debug, thiserror::Error)]
pub enum Unanswerable {
    #[error(transparent)]
    Unredirectable(#[from] Unredirectable),
    #[error(transparent)]
    Login(#[from] LoginError),
}

impl From<Error> for Unanswerable {
    fn from(error: Error) -> Self {
        Self::Login(error.into())
    }
}

impl Broker {
    /// An application asks for a sign-in (OIDC Core §3.1.2).
    ///
    /// A live session that satisfies the request answers at once with a code; otherwise a login begins.
    ///
    /// # Errors
    /// [`Unanswerable`] where nothing may be redirected; every other refusal goes to the application.
    pub async fn authorize(
        &self,
        parameters: Parameters,
        session: Option<&str>,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, Unanswerable> {
        let (cookie, fresh) = self.browser_cookie(browser);
        let answered = match self.unpacked(parameters, &cookie).await {
            Ok(unpacked) => self.answer(unpacked, session, &cookie, caller).await,
            Err(error) => Err(error),
        };
        if let Err(Unanswerable::Unredirectable(refusal)) = &answered {
            self.authorize_refused(caller, None, refusal.to_string()).await;
        }
        Ok(Step { browser: fresh.then_some(cookie), ..answered? })
    }

    async fn answer(
        &self,
        unpacked: Unpacked,
        session: Option<&str>,
        cookie: &str,
        caller: &Caller,
    ) -> Result<Step, Unanswerable> {
        let Unpacked { parameters, pushed, signed, fault } = unpacked;
        let configuration = self.configuration();
        let id = ClientId::from(parameters.get("client_id").unwrap_or_default());
        let client = configuration.client(&id);
        let redirect_uri = op::redirect_to(&parameters, client.map(|client| &client.resource));
        let redirect_uri = redirect_uri.map_err(|error| fault.map_or(error, Into::into))?;
        // Known by now: `redirect_to` refuses without.
        let client = client.ok_or(Unredirectable::UnknownClient)?;
        let uri = redirect_uri.clone();
        let checked = fault
            .map_or(Ok(()), |fault| Err(fault.into()))
            .and_then(|()| op::check_pushed(&client.resource, pushed.is_some()))
            .and_then(|()| op::check_signed(&client.resource, signed))
            .and_then(|()| self.check_authorization(&parameters, client, uri, self.clock.now()));
        let outcome = match checked {
            Err(refusal) => Err(refusal),
            Ok(mut asked) => {
                asked.request.pushed = pushed;
                self.proceed(asked, client, session, cookie, caller).await?
            }
        };
        match outcome {
            Ok(step) => Ok(step),
            Err(refusal) => {
                self.authorize_refused(caller, Some(id), refusal.to_string()).await;
                let address = ReturnAddress::read(&redirect_uri, &parameters);
                Ok(Step::to(Next::ReturnToClient(address.error(&refusal, self.issuer()))))
            }
        }
    }

    /// All rules about a request, those that need our keys too.
    pub(super) fn check_authorization(
        &self,
        parameters: &Parameters,
        client: &Client,
        redirect_uri: String,
        now: UnixTime,
    ) -> Result<Asked, AuthorizeRefusal> {
        let mut asked = op::check_request(parameters, &client.resource, redirect_uri, now)?;
        if let Some(hint) = parameters.get("id_token_hint") {
            let hinted = self.read_id_token(hint).ok_or(AuthorizeRefusal::Hint)?;
            let hinted = UserId(hinted.sub);
            if asked.request.subject.get_or_insert_with(|| hinted.clone()) != &hinted {
                return Err(AuthorizeRefusal::Hint);
            }
        }
        Ok(asked)
    }

    /// A live session answers if it fits; else the person is asked, if he may be.
    async fn proceed(
        &self,
        asked: Asked,
        client: &Client,
        session: Option<&str>,
        cookie: &str,
        caller: &Caller,
    ) -> Result<Result<Step, AuthorizeRefusal>, LoginError> {
        let configuration = self.configuration();
        match self.live_session(session).await? {
            Some(session) if satisfies(&asked, &session, client, &configuration) => {
                Ok(Ok(self.code_at_once(asked.request, session, cookie, caller).await?))
            }
            _ if asked.request.silent && !self.may_ask_silently(&asked) => {
                Ok(Err(AuthorizeRefusal::LoginRequired))
            }
            _ => Ok(Ok(self.begin_for(asked, Some(cookie), caller).await?)),
        }
    }

    async fn begin_for(
        &self,
        asked: Asked,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let hint = self.only_way(&asked);
        let destination = Destination::Client(Box::new(asked.request));
        self.begin(destination, hint, browser, caller).await
    }

    /// The one provider this login can only go to, if there is one: asked for, implied by the address,
    /// or the only one there is.
    fn only_way(&self, asked: &Asked) -> Option<IdpId> {
        let configuration = self.configuration();
        let client = configuration.client(&asked.request.client_id)?;
        let is_offered = |id: &IdpId| configuration.offered(id, Some(&client.resource)).is_some();
        if let Some(wanted) = asked.request.idp.clone().filter(is_offered) {
            return Some(wanted);
        }
        if asked.choose {
            return None;
        }
        let offered = configuration.providers_for(Some(&client.resource));
        let hinted = asked.request.login_hint.as_deref();
        let home =
            hinted.and_then(|hint| super::choose::home_provider(&configuration, hint, &offered));
        match (&home, offered.as_slice()) {
            (None, [only]) => Some(only.id.clone()),
            _ => home,
        }
    }

    /// Whether there is one provider to ask, and it takes silent requests (`configuration.isPassive`).
    fn may_ask_silently(&self, asked: &Asked) -> bool {
        let configuration = self.configuration();
        let provider = self.only_way(asked).and_then(|id| configuration.provider(&id).cloned());
        provider.is_some_and(|provider| match &provider.resource.configuration {
            // Picking a member of a federation is asking.
            Wire::Saml(saml) => saml.is_passive && !provider.has_members(),
            Wire::Oidc(_) => false,
        })
    }

    /// A person opens a page of ours that needs a sign-in.
    ///
    /// # Errors
    /// [`LoginError`]; a `return_to` that is no path of ours leads to `/account`.
    pub async fn begin_own(
        &self,
        return_to: Option<&str>,
        idp: Option<IdpId>,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let return_to = return_to.filter(|path| is_own_path(path)).unwrap_or("/account").to_owned();
        let configuration = self.configuration();
        let idp = idp.filter(|id| configuration.offered(id, None).is_some());
        self.begin(Destination::Own { return_to }, idp, browser, caller).await
    }

    /// Stores the login, bound to the browser, and sends the person on.
    pub(super) async fn begin(
        &self,
        destination: Destination,
        idp: Option<IdpId>,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let now = self.clock.now();
        let login = Login::new(LoginId(self.random.uuid(now)), destination, now);
        let (cookie, fresh) = self.browser_cookie(browser);
        let pending = Pending::new(login, sha256_base64url(&cookie));
        let step = match idp {
            None => {
                let next = Next::Choose(pending.login.id.clone());
                self.store
                    .write(move |tx| crate::store::logins::create(tx, &pending, None))
                    .await?;
                Step::to(next)
            }
            Some(idp) => self.begin_at(pending, &idp, caller).await?,
        };
        Ok(Step { browser: fresh.then_some(cookie), ..step })
    }

    pub(super) async fn authorize_refused(
        &self,
        caller: &Caller,
        client: Option<ClientId>,
        reason: String,
    ) {
        let mut event = caller.event(Action::Authorize, Outcome::Refused, self.clock.now());
        event.client = client;
        self.audit_refusal(event.detail(reason)).await;
    }
}

/// Where a person goes whose sign-in began at the provider.
pub(super) fn destination_of(landing: Option<&Arc<Client>>) -> Destination {
    match landing {
        Some(client) => Destination::Landing { client: client.id.clone() },
        None => Destination::Own { return_to: "/account".to_owned() },
    }
}

/// Where an application wants to be told that a person is signed in (OIDC Core §4).
pub(super) fn initiate_login_url(uri: &str, issuer: &str) -> String {
    op::with_query(uri, &[("iss", issuer.to_owned())])
}

/// Whether the session answers the request: fresh enough, and from a provider of this application.
fn satisfies(
    asked: &Asked,
    session: &BrowserSession,
    client: &Client,
    configuration: &Configuration,
) -> bool {
    let by = &session.authentication;
    let fresh = asked.request.authenticated_after.is_none_or(|after| by.auth_time >= after);
    let offered = configuration.is_open_to(&client.resource, by);
    let wanted = asked.request.idp.is_none() || asked.request.idp == by.idp;
    let meant = asked.request.subject.as_ref().is_none_or(|subject| *subject == by.user);
    fresh && offered && wanted && meant && !asked.choose
}
