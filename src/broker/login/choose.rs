//! The person chooses: a provider, an address that implies one, or to give up.

use std::sync::Arc;

use super::{LoginError, Next, Step, Subject};
use crate::{
    broker::{Broker, Caller, Configuration, Error, Provider},
    domain::{
        audit::{Action, Outcome},
        collation,
        login::Destination,
        trace::Trace,
        words::{IdpId, LoginId},
    },
    op::{AuthorizeRefusal, ReturnAddress},
    store::logins::Pending,
};

/// Up to so many providers are all shown as buttons.
const FEW: usize = 8;

/// Of more, so many are shown; whoever wants another types a part of its name.
const MOST: usize = 20;

/// What the chooser shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub login: LoginId,
    /// The application's name; absent for our own pages.
    pub application: Option<String>,
    pub providers: Vec<(IdpId, String)>,
    pub login_hint: Option<String>,
}

impl Choice {
    /// Whether there are so many providers that people look for theirs.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.providers.len() > FEW
    }

    /// The first providers whose names hold what was typed, and whether there are more.
    #[must_use]
    pub fn find(&self, query: &str) -> (Vec<(IdpId, String)>, bool) {
        let holds = |(_, name): &&(IdpId, String)| collation::holds(name, query);
        let mut found: Vec<_> =
            self.providers.iter().filter(holds).take(MOST + 1).cloned().collect();
        let more = found.len() > MOST;
        found.truncate(MOST);
        (found, more)
    }
}

/// Where an address leads.
pub enum Identified {
    Away(Step),
    /// No provider is responsible: the person may have a password here.
    AskPassword,
}

impl Broker {
    /// What the person can choose from.
    ///
    /// # Errors
    /// [`LoginError`] when the login is unknown, too old, or another browser's.
    pub async fn choices(
        &self,
        login: &LoginId,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Choice, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let configuration = self.configuration();
        let request = pending.login.client();
        let client = request.and_then(|request| configuration.client(&request.client_id));
        let offered = configuration.providers_for(client.map(|client| &client.resource));
        Ok(Choice {
            login: login.clone(),
            application: client.map(|client| client.resource.name.clone()),
            providers: offered.iter().map(|p| (p.id.clone(), p.resource.name.clone())).collect(),
            login_hint: request.and_then(|request| request.login_hint.clone()),
        })
    }

    /// The person chose a provider.
    ///
    /// # Errors
    /// [`LoginError`]; the login stays as it was.
    pub async fn choose_provider(
        &self,
        login: &LoginId,
        idp: &IdpId,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        self.depart(pending, idp, caller).await
    }

    /// The person typed an address or a username.
    ///
    /// # Errors
    /// [`LoginError`]; the login stays as it was.
    pub async fn identify(
        &self,
        login: &LoginId,
        identifier: &str,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Identified, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let configuration = self.configuration();
        let request = pending.login.client();
        let client = request.and_then(|request| configuration.client(&request.client_id));
        let offered = configuration.providers_for(client.map(|client| &client.resource));
        match home_provider(&configuration, identifier, &offered) {
            Some(idp) => Ok(Identified::Away(self.depart(pending, &idp, caller).await?)),
            None => Ok(Identified::AskPassword),
        }
    }

    /// The person gives up: the application hears of it, our own pages show the start.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn give_up(
        &self,
        login: &LoginId,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let next = match &pending.login.destination {
            Destination::Own { .. } | Destination::Landing { .. } => {
                Next::ReturnHome { path: "/".to_owned() }
            }
            Destination::Client(request) => {
                let address = ReturnAddress::of(request);
                Next::ReturnToClient(address.error(&AuthorizeRefusal::GivenUp, self.issuer()))
            }
        };
        let mut event = caller.event(Action::SignIn, Outcome::Refused, self.clock.now());
        event.login = Some(login.clone());
        event = event.detail("given up");
        self.store
            .write(move |tx| -> Result<(), Error> {
                if crate::store::logins::end(tx, &pending)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await?;
        Ok(Step::to(next))
    }

    pub(super) async fn pending_or_refuse(
        &self,
        login: &LoginId,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Pending, LoginError> {
        match self.pending(login, browser).await {
            Err(LoginError::Refused(refusal)) => {
                Err(self.refuse(caller, Subject::default(), Trace::default(), refusal).await)
            }
            other => other,
        }
    }
}

/// The provider of the organization that owns the address's domain, when there is exactly one.
pub(super) fn home_provider(
    configuration: &Configuration,
    identifier: &str,
    offered: &[&Arc<Provider>],
) -> Option<IdpId> {
    let home = configuration.home_of(identifier)?;
    let of_home = |p: &&&Arc<Provider>| {
        p.resource.organization.as_ref().is_some_and(|organization| organization.0 == *home)
    };
    let mut theirs = offered.iter().filter(of_home);
    match (theirs.next(), theirs.next()) {
        (Some(only), None) => Some(only.id.clone()),
        _ => None,
    }
}
