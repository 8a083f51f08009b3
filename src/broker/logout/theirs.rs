//! A provider speaks of logout: it ends sessions, or answers a request of ours.

use std::sync::Arc;

use super::{AtProvider, LogoutError, Next, Refusal, Step};
use crate::{
    broker::{Broker, Caller, Error, Provider, SamlSide, Upstream},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        single_logout::Entities,
        trace::Trace,
        words::{IdpId, RequestId, SessionId, UnixTime},
    },
    sp::{
        self, Delivered, Farewell, LogoutMessage, LogoutOutcome, NotBelieved, Question,
        VerifiedLogoutRequest, VerifiedLogoutResponse,
    },
    store::{self, sessions},
};

impl Broker {
    /// `/saml/{idp}/slo` (SAML Profiles §4.4.3).
    ///
    /// A request ends exactly the sessions it names, and is answered by the provider's binding; so is one
    /// that is refused although its sender is certain.
    ///
    /// # Errors
    /// [`LogoutError`]; nothing has ended.
    pub async fn saml_logout(
        &self,
        idp: &IdpId,
        delivered: Delivered,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LogoutError> {
        let mut trace = Trace::default();
        let provider = match self.saml_provider(idp) {
            Ok(provider) => provider,
            Err(refusal) => {
                self.refuse_logout(caller, idp, trace, &refusal).await?;
                return Err(refusal.into());
            }
        };
        let (read, steps) = verify(Arc::clone(&provider), delivered, self.clock.now()).await?;
        trace.steps.extend(steps.steps);
        let (question, refusal) = match read {
            Ok(LogoutMessage::Request(request)) => {
                let question = request.question().clone();
                match self.end_named(&provider, request, session, &trace, caller).await {
                    Err(LogoutError::Refused(refusal)) => (Some(question), refusal),
                    other => return other,
                }
            }
            Ok(LogoutMessage::Response(response)) => {
                match self.logout_answered(idp, &response, caller).await {
                    Err(LogoutError::Refused(refusal)) => (None, refusal),
                    other => return other,
                }
            }
            Err(NotBelieved { rejection, question }) => (question, rejection.into()),
        };
        self.refuse_logout(caller, idp, trace, &refusal).await?;
        let question = question.ok_or(refusal)?;
        let next = self.answer_provider(&provider, &question, LogoutOutcome::Denied)?;
        Ok(Step { next, frames: Vec::new(), browser: None, ends_cookie: false })
    }

    fn saml_provider(&self, idp: &IdpId) -> Result<Arc<Provider>, Refusal> {
        let configuration = self.configuration();
        let provider = configuration.provider(idp).filter(|provider| provider.resource.enabled);
        let provider = provider.ok_or(Refusal::NoProvider)?;
        let (_, idp) = side(provider).ok_or(Refusal::NoProvider)?;
        idp.map_err(|reason| Refusal::ProviderBroken(reason.to_owned()))?;
        Ok(Arc::clone(provider))
    }

    /// Ends the sessions, then answers. A database that fails is told to the provider as well.
    async fn end_named(
        &self,
        provider: &Provider,
        request: VerifiedLogoutRequest,
        session: Option<&str>,
        trace: &Trace,
        caller: &Caller,
    ) -> Result<Step, LogoutError> {
        let question = request.question().clone();
        let present = self.live_session(session).await?.map(|session| session.id);
        let ended = self.end_sessions(provider, request, trace, caller).await;
        let (outcome, ended) = match ended {
            Ok(ended) => (LogoutOutcome::Success, ended),
            Err(LogoutError::Failed(error)) => {
                let reference = &caller.reference;
                tracing::error!(%reference, %error, "sessions could not be ended");
                (LogoutOutcome::Partial, Vec::new())
            }
            Err(refused) => return Err(refused),
        };
        let next = self.answer_provider(provider, &question, outcome)?;
        let ends_cookie = present.is_some_and(|present| ended.contains(&present));
        let frames = self.announce_end(&ended).await;
        Ok(Step { next, frames, browser: None, ends_cookie })
    }

    async fn end_sessions(
        &self,
        provider: &Provider,
        request: VerifiedLogoutRequest,
        trace: &Trace,
        caller: &Caller,
    ) -> Result<Vec<SessionId>, LogoutError> {
        let now = self.clock.now();
        let (replay, until) = (sha256_base64url(request.replay_key()), request.good_until());
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event.idp = Some(provider.id.clone());
        let stored =
            self.logout_trace(caller, &provider.id, trace.clone(), "signed-out".to_owned());
        let (idp, entities) = (provider.id.clone(), entities(provider));
        self.store
            .write(move |tx| -> Result<Vec<SessionId>, LogoutError> {
                if !store::replays::remember(tx, &replay, until)? {
                    return Err(Refusal::Replayed.into());
                }
                let entities = Entities { idp: &entities.0, sp: &entities.1 };
                let mut ended = Vec::new();
                for session in sessions::find_upstream(tx, &idp, &request.named().name_id)? {
                    let named = request.named().include(&session.upstream, entities);
                    if named && sessions::end(tx, &session.id, now)? {
                        let user = session.authentication.user;
                        let (user, session) = (Some(user), Some(session.id.clone()));
                        tx.audit(Event { user, session: session.clone(), ..told(&event) });
                        ended.extend(session);
                    }
                }
                if ended.is_empty() {
                    tx.audit(event.clone().detail("the provider named no session that is open"));
                }
                store::traces::create(tx, &stored)?;
                Ok(ended)
            })
            .await
    }

    /// A provider without an address for answers gets none; the person sees a page of ours.
    fn answer_provider(
        &self,
        provider: &Provider,
        question: &Question,
        outcome: LogoutOutcome,
    ) -> Result<Next, LogoutError> {
        let id = RequestId(self.random.xml_id());
        let answer = match side(provider) {
            Some((sp, Ok(idp))) => {
                let farewell = Farewell { sp, idp, id: &id, now: self.clock.now() };
                let built = sp::build_logout_response(farewell, question, outcome);
                built.map_err(|error| Error::Broken(error.to_string()))?
            }
            _ => None,
        };
        let name = provider.resource.name.clone();
        let page = || Next::Farewell {
            provider: match outcome {
                LogoutOutcome::Success => AtProvider::SignedOut { provider: name },
                _ => AtProvider::NotConfirmed { provider: name },
            },
            onward: None,
        };
        Ok(answer.map_or_else(page, Next::from))
    }

    /// The answer waits under a one-time handle: by POST it came without our cookies.
    async fn logout_answered(
        &self,
        idp: &IdpId,
        response: &VerifiedLogoutResponse,
        caller: &Caller,
    ) -> Result<Step, LogoutError> {
        let now = self.clock.now();
        let handle = self.random.token();
        let digest = sha256_base64url(&handle);
        let complaint = response.complaint().map(str::to_owned);
        let (request, idp) = (response.in_response_to().clone(), idp.clone());
        let word = complaint.clone().unwrap_or_else(|| "signed out".to_owned());
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event = event.detail(serde_json::json!({ "provider": word }));
        event.idp = Some(idp.clone());
        self.store
            .write(move |tx| -> Result<(), LogoutError> {
                let complaint = complaint.as_deref();
                if !store::logouts::answer(tx, &request, &idp, &digest, complaint, now)? {
                    return Err(Refusal::UnknownRequest.into());
                }
                tx.audit(event.clone());
                Ok(())
            })
            .await?;
        let next = Next::Continue { handle };
        Ok(Step { next, frames: Vec::new(), browser: None, ends_cookie: false })
    }
}

/// By the provider's word.
fn told(event: &Event) -> Event {
    event.clone().by(Actor::Broker).detail("the identity provider asked")
}

fn side(provider: &Provider) -> Option<(&sp::ServiceProvider, Result<&sp::Idp, &str>)> {
    match &provider.upstream {
        Upstream::Saml(side) => {
            let SamlSide { sp, idp } = &**side;
            Some((sp, idp.as_ref().map_err(String::as_str)))
        }
        Upstream::Oidc => None,
    }
}

fn entities(provider: &Provider) -> (String, String) {
    match side(provider) {
        Some((sp, Ok(idp))) => (idp.entity_id().to_owned(), sp.entity_id.clone()),
        _ => Default::default(),
    }
}

/// Off the async threads, as responses are.
async fn verify(
    provider: Arc<Provider>,
    delivered: Delivered,
    now: UnixTime,
) -> Result<(Result<LogoutMessage, NotBelieved>, Trace), LogoutError> {
    let work = move || {
        let mut trace = Trace::default();
        let read = match side(&provider) {
            Some((sp, Ok(idp))) => sp::verify_logout(&delivered, idp, sp, now, &mut trace),
            _ => Err(sp::Rejection::Issuer.into()),
        };
        (read, trace)
    };
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| Error::Broken("verifying a logout ended unexpectedly".to_owned()).into())
}
