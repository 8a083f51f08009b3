//! The end of a login: who the person is here, what he may do, a session, a code. One commit.

use std::sync::Arc;

use super::{
    LoginError, Next, Refusal, Step, Subject,
    admit::admit,
    begin::initiate_login_url,
    granting::{Granted, Granting},
};
use crate::{
    broker::{Broker, Caller, Configuration, Error, Provider},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Outcome},
        identity::{ExternalIdentity, UpstreamSession},
        login::{Authentication, AuthorizationRequest, Destination},
        mapping::GrantedRole,
        trace::{Actual, Trace},
        words::{ClientId, SessionId, UnixTime, UserId},
    },
    op::{AuthorizeRefusal, Delivery},
    store::{
        self, Tx,
        logins::Pending,
        sessions::{self, BrowserSession},
        traces::StoredTrace,
        users,
    },
};

/// More roles than this for one person from one provider is a mistake in its rules.
const MOST_ROLES: usize = 200;

/// A person who proved a password of ours.
pub(super) struct Local {
    pub user: UserId,
}

/// Everything the last commit needs, drawn and decided before it.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) pending: Pending,
    pub(super) trace: Trace,
    pub(super) way: Way,
    pub(super) user_id: UserId,
    /// The name of the session, if it is a new one.
    pub(super) session: SessionId,
    /// The secret half of its cookie.
    pub(super) secret: String,
    /// The session that this browser had before.
    pub(super) replaces: Option<BrowserSession>,
    /// What an application that waits gets.
    pub(super) granting: Option<Granting>,
    pub(super) role_ids: Vec<String>,
    pub(super) caller: Caller,
    pub(super) now: UnixTime,
    pub(super) absolute: i64,
    pub(super) capture: bool,
}

/// What the last commit made.
struct Ended {
    granted: Option<Granted>,
    /// Of the session, in clear.
    cookie: String,
}

/// How the person was proven.
#[derive(Clone)]
pub(super) enum Way {
    Provider {
        provider: Arc<Provider>,
        who: Box<ExternalIdentity>,
        granted: Vec<GrantedRole>,
        domains: Vec<String>,
    },
    Password,
}

impl Broker {
    /// A provider proved who the person is; the rest is ours to decide.
    pub(super) async fn finish(
        &self,
        pending: Pending,
        who: ExternalIdentity,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let mut trace = pending.login.trace.clone();
        let subject =
            || Subject { login: Some(pending.login.clone()), idp: Some(who.provider.clone()) };
        let configuration = self.configuration();
        let decided =
            check_fresh(&pending, &who).and_then(|()| decide(&configuration, &who, &mut trace));
        let (provider, granted) = match decided {
            Ok(decided) => decided,
            Err(refusal) => return Err(self.refuse(caller, subject(), trace, refusal).await),
        };
        let organization = provider.resource.organization.as_ref();
        let domains = configuration.domains_of(organization.map(|reference| &reference.0));
        let way = Way::Provider { provider, who: Box::new(who.clone()), granted, domains };
        let user = UserId(self.random.uuid(self.clock.now()));
        let ending =
            self.ending(pending.clone(), trace.clone(), way, user, session, caller).await?;
        match self.end(ending).await {
            Err(LoginError::Refused(refusal)) => {
                Err(self.refuse(caller, subject(), trace, refusal).await)
            }
            other => other,
        }
    }

    /// The person proved a password of ours.
    pub(super) async fn finish_local(
        &self,
        pending: Pending,
        local: Local,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let trace = pending.login.trace.clone();
        let ending =
            self.ending(pending, trace, Way::Password, local.user, session, caller).await?;
        self.end(ending).await
    }

    async fn ending(
        &self,
        pending: Pending,
        trace: Trace,
        way: Way,
        user_id: UserId,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Ending, LoginError> {
        let now = self.clock.now();
        let roles = match &way {
            Way::Provider { granted, .. } => granted.len(),
            Way::Password => 0,
        };
        let granting = pending.login.client().cloned().map(|request| {
            let (login, binding) = (pending.login.id.clone(), pending.binding.clone());
            self.granting(request, Some(login), binding, now)
        });
        Ok(Ending {
            pending,
            trace,
            way,
            user_id,
            session: SessionId(self.random.uuid(now)),
            secret: self.random.token(),
            replaces: self.live_session(session).await?,
            granting,
            role_ids: (0..roles).map(|_| self.random.uuid(now)).collect(),
            caller: caller.clone(),
            now,
            absolute: self.settings.sessions.absolute,
            capture: self.settings.capture,
        })
    }

    async fn end(&self, ending: Ending) -> Result<Step, LoginError> {
        let granting = ending.granting.clone();
        let destination = ending.pending.login.destination.clone();
        let Ended { granted, cookie } = self.commit(ending).await?;
        let next = match (destination, granting.zip(granted)) {
            (Destination::Own { return_to }, _) => Next::ReturnHome { path: return_to },
            (Destination::Landing { client }, _) => self.hand_over(&client),
            (Destination::Client(_), Some((granting, granted))) => {
                self.next_of(&granting, &granted)
            }
            (Destination::Client(_), None) => Next::ReturnHome { path: "/account".to_owned() },
        };
        Ok(Step { session: Some(cookie), ..Step::to(next) })
    }

    /// The application learns that somebody is here, and asks who (OIDC Core §4).
    fn hand_over(&self, client: &ClientId) -> Next {
        let configuration = self.configuration();
        let client = configuration.client(client);
        match client.and_then(|client| client.resource.initiate_login_uri.as_deref()) {
            Some(uri) => {
                let url = initiate_login_url(uri, self.issuer());
                Next::ReturnToClient(Delivery::Redirect { url })
            }
            None => Next::ReturnHome { path: "/account".to_owned() },
        }
    }

    /// The same person for the first time on two nodes at once: one makes the account, and the other,
    /// trying again, finds it.
    async fn commit(&self, ending: Ending) -> Result<Ended, LoginError> {
        let ending = Arc::new(ending);
        let again = Arc::clone(&ending);
        match self.store.write(move |tx| commit(tx, &ending)).await {
            Err(LoginError::Failed(Error::Store(store::Error::Duplicate))) => {
                self.store.write(move |tx| commit(tx, &again)).await
            }
            other => other,
        }
    }

    /// A live session answers an application without a login.
    pub(super) async fn code_at_once(
        &self,
        request: AuthorizationRequest,
        session: BrowserSession,
        cookie: &str,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let now = self.clock.now();
        let mut event = caller.event(Action::SignIn, Outcome::Success, now);
        event = event.by(Actor::User(session.authentication.user.clone())).detail("session");
        event.user = Some(session.authentication.user.clone());
        event.idp = session.authentication.idp.clone();
        event.client = Some(request.client_id.clone());
        event.session = Some(session.id.clone());
        let granting = self.granting(request, None, sha256_base64url(cookie), now);
        let running = granting.clone();
        let granted = self
            .store
            .write(move |tx| -> Result<Granted, Error> {
                let account = users::find(tx, &session.authentication.user)?;
                if !account.is_some_and(|account| account.active) {
                    return Ok(Granted::Refused(AuthorizeRefusal::NotAllowed));
                }
                if session.is_worn(now) {
                    sessions::touch(tx, &session.id, now)?;
                }
                let granted = running.run(tx, &session)?;
                if matches!(granted, Granted::Code) {
                    tx.audit(event.clone());
                }
                Ok(granted)
            })
            .await?;
        Ok(Step::to(self.next_of(&granting, &granted)))
    }
}

/// The application wanted a recent sign-in (`prompt=login`, `max_age`); a provider that answers from an
/// older session of its own did not ask. Clocks may differ by a minute.
fn check_fresh(pending: &Pending, who: &ExternalIdentity) -> Result<(), Refusal> {
    let after = pending.login.client().and_then(|request| request.authenticated_after);
    match (after, who.auth_time) {
        (Some(after), Some(at)) if at.plus(60) < after => Err(Refusal::NotFresh),
        _ => Ok(()),
    }
}

/// The provider as it is now, and the roles that its rules give and that exist.
fn decide(
    configuration: &Configuration,
    who: &ExternalIdentity,
    trace: &mut Trace,
) -> Result<(Arc<Provider>, Vec<GrantedRole>), Refusal> {
    let provider = configuration.provider(&who.provider).filter(|p| p.resource.enabled);
    let provider = Arc::clone(provider.ok_or(Refusal::NoProvider)?);
    let mut granted = provider.mapping.decide(who, trace)?;
    granted.truncate(MOST_ROLES);
    granted.retain(|grant| {
        let exists = configuration.role(&grant.role).is_some();
        if !exists {
            trace.noted("role", Actual::plain(format!("Role/{} does not exist", grant.role)));
        }
        exists
    });
    Ok((provider, granted))
}

fn commit(tx: &mut Tx<'_>, ending: &Ending) -> Result<Ended, LoginError> {
    let mut trace = ending.trace.clone();
    if !store::logins::end(tx, &ending.pending)? {
        return Err(Refusal::Unknown.into());
    }
    let user = match &ending.way {
        Way::Password => ending.user_id.clone(),
        Way::Provider { provider, who, domains, .. } => {
            admit(tx, ending, provider, who, domains, &mut trace)?
        }
    };
    users::signed_in(tx, &user, ending.now)?;
    let (session, cookie) = open_session(tx, ending, &user)?;
    let granting = ending.granting.as_ref();
    let granted = granting.map(|granting| granting.run(tx, &session)).transpose()?;
    if let (Some(idp), Some(member)) = (&session.authentication.idp, &session.upstream.entity) {
        store::member_uses::note(tx, idp, member, ending.now)?;
    }
    record(tx, ending, &session, trace)?;
    Ok(Ended { granted, cookie })
}

/// The session that this browser has from now on, and its cookie.
///
/// Who signs in again the same way keeps his session, under a new cookie: signing out still ends all that
/// came of it. Any other session that the browser had must not linger behind the new one.
fn open_session(
    tx: &mut Tx<'_>,
    ending: &Ending,
    user: &UserId,
) -> Result<(BrowserSession, String), LoginError> {
    let (authentication, upstream) = authentication(ending, user);
    let (id, now) = (ending.session.clone(), ending.now);
    let fresh = BrowserSession::new(id, authentication, upstream, now, ending.absolute);
    let cookie_of = |session: &BrowserSession| session.id.name(&ending.secret);
    match &ending.replaces {
        Some(before) if before.is_continued_by(&fresh) => {
            let renewed = BrowserSession { id: before.id.clone(), ..fresh.clone() };
            let cookie = cookie_of(&renewed);
            if sessions::renew(tx, &renewed, &sha256_base64url(&cookie))? {
                return Ok((renewed, cookie));
            }
        }
        Some(before) => end_replaced(tx, ending, before, user)?,
        None => {}
    }
    let cookie = cookie_of(&fresh);
    sessions::create(tx, &fresh, &sha256_base64url(&cookie))?;
    Ok((fresh, cookie))
}

fn end_replaced(
    tx: &mut Tx<'_>,
    ending: &Ending,
    before: &BrowserSession,
    user: &UserId,
) -> Result<(), LoginError> {
    if !sessions::end(tx, &before.id, ending.now)? {
        return Ok(());
    }
    let reason = if before.authentication.user == *user {
        "signed in another way at this browser"
    } else {
        "another person signed in at this browser"
    };
    let mut event = ending.caller.event(Action::SignOut, Outcome::Success, ending.now);
    event = event.by(Actor::Broker).detail(reason);
    event.user = Some(before.authentication.user.clone());
    event.session = Some(before.id.clone());
    tx.audit(event);
    Ok(())
}

fn authentication(ending: &Ending, user: &UserId) -> (Authentication, UpstreamSession) {
    let at = ending.now;
    match &ending.way {
        Way::Password => {
            let amr = vec!["pwd".to_owned()];
            let by =
                Authentication { user: user.clone(), idp: None, auth_time: at, amr, acr: None };
            (by, UpstreamSession::default())
        }
        Way::Provider { who, .. } => {
            let by = Authentication {
                user: user.clone(),
                idp: Some(who.provider.clone()),
                // A provider with a fast clock must not sign people in tomorrow.
                auth_time: who.auth_time.map_or(at, |time| time.min(at)),
                amr: who.amr.clone(),
                acr: who.acr.clone(),
            };
            (by, UpstreamSession { entity: who.entity.clone(), ..who.session.clone() })
        }
    }
}

fn record(
    tx: &mut Tx<'_>,
    ending: &Ending,
    session: &BrowserSession,
    trace: Trace,
) -> Result<(), LoginError> {
    let by = &session.authentication;
    let login = &ending.pending.login;
    let client = login.client().map(|request| request.client_id.clone());
    let mut event = ending.caller.event(Action::SignIn, Outcome::Success, ending.now);
    event = event.by(Actor::User(by.user.clone()));
    (event.user, event.idp, event.client) = (Some(by.user.clone()), by.idp.clone(), client.clone());
    (event.session, event.login) = (Some(session.id.clone()), Some(login.id.clone()));
    tx.audit(event);
    let stored = StoredTrace {
        reference: ending.caller.reference.clone(),
        login: Some(login.id.clone()),
        at: ending.now,
        outcome: "signed-in".to_owned(),
        idp: by.idp.clone(),
        client,
        user: Some(by.user.clone()),
        trace: if ending.capture { trace } else { trace.redacted() },
    };
    store::traces::create(tx, &stored)?;
    Ok(())
}
