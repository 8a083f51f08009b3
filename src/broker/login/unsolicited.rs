//! A response that nobody here asked for (SAML Profiles §4.1.5): off, bounced or consumed, as the provider's
//! configuration says.
//!
//! Whoever delivers one may have got it anywhere: with it an attacker would sign a victim in as himself. So
//! bounced it proves nothing, and consumed it becomes a session only after a page has named the person and
//! he has agreed, in the browser that saw the page.

use super::{LoginError, Next, Refusal, Step, Subject, begin::destination_of, saml::Believed};
use crate::{
    broker::{Broker, Caller, Error, Provider},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Outcome},
        identity::ExternalIdentity,
        login::{Destination, Login, Stage},
        resource::{Configuration as Wire, IdpInitiated, IdpInitiatedPolicy},
        trace::{Actual, Trace},
        words::{IdpId, LoginId, UnixTime},
    },
    sp,
    store::{self, logins::Pending},
};

/// Bounces of one browser at one provider that are nearer to each other, in seconds, are a circle: the
/// provider drops what its answers are known by, and signs in without asking anybody.
const CIRCLE: i64 = 20;

/// The last bounce of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounced {
    pub idp: IdpId,
    pub at: UnixTime,
}

/// What the page asks: are you this person, from there, and on your way to that application?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub login: LoginId,
    pub person: String,
    pub provider: String,
    pub application: Option<String>,
    /// The value of the cookie that binds the answer to the browser that sees the page.
    pub cookie: String,
}

impl Broker {
    /// No login waits for this response.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] where the provider may not begin, and for an answer to some request.
    pub(super) async fn unsolicited(
        &self,
        idp: &IdpId,
        saml_response: String,
        relay_state: &str,
        trace: &mut Trace,
    ) -> Result<Step, LoginError> {
        let configuration = self.configuration();
        let provider = configuration.provider(idp).filter(|provider| provider.resource.enabled);
        let allowed = provider.and_then(|provider| Some((provider, allowed(provider)?)));
        let (provider, initiated) = allowed.ok_or(Refusal::Unknown)?;
        let landing = configuration.landing(provider, relay_state);
        if !sp::is_unsolicited(&saml_response).map_err(Refusal::from)? {
            return Err(Refusal::Unknown.into());
        }
        match initiated.policy {
            IdpInitiatedPolicy::Bounce => {
                let landing = landing.map(|client| client.id.clone());
                Ok(Step::to(Next::Bounce { idp: idp.clone(), landing }))
            }
            IdpInitiatedPolicy::Consume => {
                trace.noted("request", Actual::plain("none: the sign-in began at the provider"));
                let believed = self.prove(provider, saml_response, None, None, trace).await?;
                self.keep_proof(believed, destination_of(landing), trace).await
            }
        }
    }

    /// Anybody can send such responses, so beyond a rate they are counted only.
    pub(super) async fn record_bounce(&self, next: &Next, caller: &Caller) {
        let Next::Bounce { idp, landing } = next else { return };
        let mut event = caller.event(Action::Bounced, Outcome::Success, self.clock.now());
        (event.idp, event.client) = (Some(idp.clone()), landing.clone());
        self.audit_refusal(event).await;
    }

    /// The browser comes from a bounce: a sign-in of ours begins at the same provider, towards an
    /// application that it may lead to (OIDC Core §4). `last` is the bounce before, if the browser remembers
    /// one that led to no sign-in.
    ///
    /// # Errors
    /// [`Refusal::BouncedAgain`] where that was a moment ago; an application that the provider may not lead
    /// to counts as none.
    pub async fn begin_landing(
        &self,
        idp: IdpId,
        client: &str,
        last: Option<Bounced>,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<(Step, Bounced), LoginError> {
        let at = self.clock.now();
        if last.is_some_and(|last| last.idp == idp && (0..CIRCLE).contains(&at.since(last.at))) {
            let subject = Subject { login: None, idp: Some(idp) };
            let refusal = Refusal::BouncedAgain;
            return Err(self.refuse(caller, subject, Trace::default(), refusal).await);
        }
        let configuration = self.configuration();
        let provider = configuration.provider(&idp);
        let landing = provider.and_then(|provider| configuration.landing(provider, client));
        let destination = destination_of(landing);
        let step = self.begin(destination, Some(idp.clone()), browser, caller).await?;
        Ok((step, Bounced { idp, at }))
    }

    /// Stores the proof under a one-time handle, for whichever browser opens the page.
    async fn keep_proof(
        &self,
        believed: Believed,
        destination: Destination,
        trace: &Trace,
    ) -> Result<Step, LoginError> {
        let Believed { who, replay, good_until } = believed;
        let now = self.clock.now();
        let id = LoginId(self.random.uuid(now));
        let mut login = Login::unsolicited(id.clone(), destination, who, now);
        login.trace = self.kept(trace.clone());
        let handle = self.random.token();
        let pending = Pending::unbound(login, sha256_base64url(&handle));
        self.store
            .write(move |tx| -> Result<(), LoginError> {
                if !store::replays::remember(tx, &replay, good_until)? {
                    return Err(Refusal::ReplayedAssertion.into());
                }
                Ok(store::logins::create(tx, &pending, None)?)
            })
            .await?;
        Ok(Step::to(Next::Ask { login: id, handle }))
    }

    /// The browser opens the page that asks; from now on the answer counts only from here.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] when nothing waits under this handle any more.
    pub async fn arrival(
        &self,
        id: &LoginId,
        handle: &str,
        caller: &Caller,
    ) -> Result<Arrival, LoginError> {
        let cookie = self.random.token();
        match self.bind_arrival(id, handle, cookie).await {
            Err(LoginError::Refused(refusal)) => {
                Err(self.refuse(caller, Subject::default(), Trace::default(), refusal).await)
            }
            other => other,
        }
    }

    async fn bind_arrival(
        &self,
        id: &LoginId,
        handle: &str,
        cookie: String,
    ) -> Result<Arrival, LoginError> {
        let (digest, binding) = (sha256_base64url(handle), sha256_base64url(&cookie));
        let wanted = id.clone();
        let bound = self
            .store
            .write(move |tx| Ok::<_, Error>(store::logins::bind(tx, &wanted, &digest, &binding)?))
            .await?;
        if !bound {
            return Err(Refusal::Unknown.into());
        }
        let pending = self.pending(id, Some(&cookie)).await?;
        let who = unsolicited(&pending).ok_or(Refusal::Unknown)?;
        let configuration = self.configuration();
        let provider = configuration.provider(&who.provider).ok_or(Refusal::NoProvider)?;
        let client = match &pending.login.destination {
            Destination::Landing { client } => configuration.client(client),
            Destination::Client(_) | Destination::Own { .. } => None,
        };
        Ok(Arrival {
            login: id.clone(),
            person: name_of(&who),
            provider: provider.resource.name.clone(),
            application: client.map(|client| client.resource.name.clone()),
            cookie,
        })
    }

    /// The person says that he is meant: in the browser that saw the page, and on that page.
    ///
    /// # Errors
    /// [`LoginError`]; from another browser or page the login stays as it was.
    pub async fn agree(
        &self,
        id: &LoginId,
        cookie: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let mut pending = self.pending_or_refuse(id, cookie, caller).await?;
        let Some(who) = unsolicited(&pending) else {
            let subject = Subject { login: Some(pending.login), idp: None };
            return Err(self.refuse(caller, subject, Trace::default(), Refusal::Unknown).await);
        };
        pending.login.trace.noted("consent", Actual::plain("the person agreed on our page"));
        self.finish(pending, who, session, caller).await
    }
}

fn allowed(provider: &Provider) -> Option<&IdpInitiated> {
    match &provider.resource.configuration {
        Wire::Saml(saml) if saml.allow_idp_initiated => Some(&saml.idp_initiated),
        Wire::Saml(_) | Wire::Oidc(_) => None,
    }
}

fn unsolicited(pending: &Pending) -> Option<ExternalIdentity> {
    match &pending.login.stage {
        Stage::Unsolicited { who, .. } => Some((**who).clone()),
        Stage::Choosing
        | Stage::AtProvider { .. }
        | Stage::Proven { .. }
        | Stage::Consenting { .. } => None,
    }
}

/// What a person calls himself, with the address that tells two of that name apart.
fn name_of(who: &ExternalIdentity) -> String {
    let names = [&who.given_name, &who.family_name].into_iter().flatten();
    let parts = names.map(String::as_str).collect::<Vec<_>>().join(" ");
    let name = who.display_name.clone().or_else(|| Some(parts).filter(|name| !name.is_empty()));
    let address = who.email.as_ref().or(who.username.as_ref()).unwrap_or(&who.subject);
    name.map_or_else(|| address.clone(), |name| format!("{name} ({address})"))
}
