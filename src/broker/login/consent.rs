//! Consent: before an application that is not of the house learns of a person, he is asked, once for each
//! scope (OIDC Core §3.1.2.4).

use super::{
    Broker, LoginError, Refusal, Step, Subject,
    granting::{Granted, Granting},
};
use crate::{
    broker::{Caller, Error, standing::Measure},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        login::{AuthorizationRequest, OutOfTurn, Stage},
        resource::Consent,
        trace::Trace,
        words::{ClientId, LoginId, SessionId, UnixTime, UserId},
    },
    op::{self, AuthorizeRefusal},
    store::{self, Conn, Tx, consents, logins::Pending, sessions::BrowserSession, users::Account},
};

/// What the person has to have agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    scopes: Vec<String>,
    /// `prompt=consent`: whatever he said before.
    anew: bool,
}

/// What the page asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub login: LoginId,
    pub application: String,
    pub organization: Option<String>,
    pub person: String,
    pub asked: Vec<AskedScope>,
}

/// One thing that the application will be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedScope {
    pub words: String,
    /// Agreed to before.
    pub known: bool,
}

/// What a person has given, for his own eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub client: ClientId,
    pub application: String,
    pub scopes: Vec<String>,
    pub since: UnixTime,
}

impl Wanted {
    /// Whether the person has yet to be asked.
    ///
    /// # Errors
    /// [`store::Error`] when the database fails.
    pub(super) fn is_missing(
        wanted: Option<&Self>,
        conn: &mut Conn,
        user: &UserId,
        client: &ClientId,
    ) -> Result<bool, store::Error> {
        match wanted {
            None => Ok(false),
            Some(wanted) if wanted.anew => Ok(true),
            Some(wanted) => {
                let given = consents::find(conn, user, client)?;
                Ok(!given.is_some_and(|given| given.covers(&wanted.scopes)))
            }
        }
    }
}

/// A login that waits for the person's word, and who he is.
struct Waiting {
    pending: Pending,
    request: AuthorizationRequest,
    session: BrowserSession,
}

impl Broker {
    /// What has to be agreed to before this request is answered; nothing for applications of the house,
    /// unless they want it asked.
    pub(super) fn consent_wanted(&self, request: &AuthorizationRequest) -> Option<Wanted> {
        let configuration = self.configuration();
        let client = configuration.client(&request.client_id)?;
        let explicit = client.resource.consent == Consent::Explicit;
        let wanted = Wanted { scopes: op::consent_scopes(request), anew: request.consent };
        (explicit || request.consent).then_some(wanted)
    }

    /// What the person is asked.
    ///
    /// # Errors
    /// [`LoginError`] when no login waits for it in this browser and session.
    pub async fn question(
        &self,
        login: &LoginId,
        browser: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Question, LoginError> {
        let waiting = self.waiting(login, browser, session, caller).await?;
        let Waiting { request, session, .. } = waiting;
        let (user, client) = (session.authentication.user, request.client_id.clone());
        let read = move |conn: &mut Conn| -> Result<_, Error> {
            Ok((store::users::find(conn, &user)?, consents::find(conn, &user, &client)?))
        };
        let (account, given) = self.store.read(read).await?;
        let given = given.map(|given| given.scopes).unwrap_or_default();
        let configuration = self.configuration();
        let client = configuration.client(&request.client_id).ok_or(Refusal::Unknown)?;
        let home = client.resource.organization.as_ref();
        let home = home.and_then(|home| configuration.organization(&home.0));
        let asked = op::consent_scopes(&request).into_iter().map(|scope| AskedScope {
            words: op::scope_in_words(&client.resource, &scope),
            known: given.contains(&scope),
        });
        Ok(Question {
            login: login.clone(),
            application: client.resource.name.clone(),
            organization: home.map(|home| home.name.clone()),
            person: account.map(|account| name_of(&account)).unwrap_or_default(),
            asked: asked.collect(),
        })
    }

    /// The person agrees, or does not: remembered, recorded, and the application answered.
    ///
    /// # Errors
    /// [`LoginError`]; nothing has changed then.
    pub async fn answer_question(
        &self,
        login: &LoginId,
        agrees: bool,
        browser: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let Waiting { pending, request, session } =
            self.waiting(login, browser, session, caller).await?;
        let now = self.clock.now();
        let outcome = if agrees { Outcome::Success } else { Outcome::Refused };
        let mut event = caller.event(Action::Consent, outcome, now);
        event = event.by(Actor::User(session.authentication.user.clone()));
        event.user = Some(session.authentication.user.clone());
        event.session = Some(session.id.clone());
        (event.client, event.login) = (Some(request.client_id.clone()), Some(login.clone()));
        let scopes = op::consent_scopes(&request);
        event = event.detail(serde_json::json!({ "scopes": scopes }));
        let granting = self.granting(request, None, pending.binding.clone(), now);
        let word = Word { agrees, pending, session: session.id, scopes, event, granting };
        let granted = match self.keep_word(word.clone()).await {
            // The same person agreed at another node in the same moment; now it is found.
            Err(LoginError::Failed(Error::Store(store::Error::Duplicate))) => {
                self.keep_word(word.clone()).await?
            }
            other => other?,
        };
        Ok(Step::to(self.next_of(&word.granting, &granted)))
    }

    async fn keep_word(&self, word: Word) -> Result<Granted, LoginError> {
        let measure = self.measure(word.event.at);
        self.store.write(move |tx| word.run(tx, &measure)).await
    }

    /// The login of this browser that waits for the word of the person who is signed in here.
    async fn waiting(
        &self,
        login: &LoginId,
        browser: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Waiting, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let live = self.live_session(session).await?;
        let refusal = match (&pending.login.stage, live, pending.login.client()) {
            (Stage::Consenting { session }, Some(live), Some(request)) if *session == live.id => {
                let request = request.clone();
                return Ok(Waiting { pending, request, session: live });
            }
            (Stage::Consenting { .. }, _, _) => Refusal::OtherSession,
            _ => Refusal::OutOfTurn(OutOfTurn("a word of consent")),
        };
        let subject = Subject { login: Some(pending.login), idp: None };
        Err(self.refuse(caller, subject, Trace::default(), refusal).await)
    }

    /// What a person has allowed which application.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn consents_of(&self, user: &UserId) -> Result<Vec<Given>, Error> {
        let user = user.clone();
        let read = move |conn: &mut Conn| Ok::<_, Error>(consents::of_user(conn, &user)?);
        let configuration = self.configuration();
        let given = self.store.read(read).await?.into_iter().filter_map(|mut given| {
            given.scopes.sort_by_key(|scope| op::rank(scope));
            let client = &configuration.client(&given.client)?.resource;
            let words = |scope: &String| op::scope_in_words(client, scope);
            Some(Given {
                application: client.name.clone(),
                scopes: given.scopes.iter().map(words).collect(),
                since: given.given_at,
                client: given.client,
            })
        });
        Ok(given.collect())
    }

    /// A person takes back what he has allowed: the application is out at once, on every node.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn withdraw_consent(
        &self,
        session: &BrowserSession,
        client: ClientId,
        caller: &Caller,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let user = session.authentication.user.clone();
        let mut event = caller.event(Action::ConsentWithdrawn, Outcome::Success, now);
        event = event.by(Actor::User(user.clone()));
        (event.user, event.client) = (Some(user.clone()), Some(client.clone()));
        event.session = Some(session.id.clone());
        self.store
            .write(move |tx| -> Result<(), Error> {
                if consents::revoke(tx, &user, &client, now)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await
    }
}

/// A person's answer, with everything that its commit stores.
#[derive(Clone)]
struct Word {
    agrees: bool,
    pending: Pending,
    session: SessionId,
    scopes: Vec<String>,
    event: Event,
    granting: Granting,
}

impl Word {
    fn run(&self, tx: &mut Tx<'_>, measure: &Measure) -> Result<Granted, LoginError> {
        if !store::logins::end(tx, &self.pending)? {
            return Err(Refusal::Unknown.into());
        }
        let open = |session: &BrowserSession| measure.is_open(session);
        let session = store::sessions::find(tx, &self.session)?.filter(open);
        let session = session.ok_or(Refusal::OtherSession)?;
        let user = &session.authentication.user;
        let account = store::users::find(tx, user)?.filter(|account| account.active);
        if account.is_none() {
            return Ok(Granted::Refused(AuthorizeRefusal::NotAllowed));
        }
        tx.audit(self.event.clone());
        if !self.agrees {
            return Ok(Granted::Refused(AuthorizeRefusal::ConsentRefused));
        }
        let client = &self.granting.request.client_id;
        consents::give(tx, user, client, &self.scopes, self.event.at)?;
        store::sessions::touch(tx, &session.id, self.event.at)?;
        self.granting.grant(tx, &session)?;
        Ok(Granted::Code)
    }
}

/// What the person is called, with the address that tells two of one name apart.
fn name_of(account: &Account) -> String {
    let address = account.email.as_deref().or(account.username.as_deref()).unwrap_or_default();
    match account.display_name() {
        Some(name) => format!("{name} ({address})"),
        None => address.to_owned(),
    }
}
