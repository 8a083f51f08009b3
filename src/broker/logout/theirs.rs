//! A provider speaks of logout: it ends sessions, or answers a request of ours.

use super::{AtProvider, LogoutError, Next, Refusal, Step};
use crate::{
    broker::{
        Broker, Caller, Error,
        counterpart::{Absent, Counterpart},
    },
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        single_logout::Entities,
        trace::{Actual, Trace},
        words::{IdpId, RequestId, SessionId, UnixTime},
    },
    sp::{
        self, Delivered, LogoutMessage, LogoutOutcome, NotBelieved, Question,
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
        let sender = match self.sender(idp, &delivered, &mut trace).await {
            Ok(sender) => sender,
            Err(LogoutError::Refused(refusal)) => {
                self.refuse_logout(caller, idp, trace, &refusal).await?;
                return Err(refusal.into());
            }
            Err(failed) => return Err(failed),
        };
        let (sender, read) = self.read_logout(sender, delivered, &mut trace).await?;
        let (question, refusal) = match read {
            Ok(LogoutMessage::Request(request)) => {
                let question = request.question().clone();
                match self.end_named(&sender, request, session, &trace, caller).await {
                    Err(LogoutError::Refused(refusal)) => (Some(question), refusal),
                    other => return other,
                }
            }
            Ok(LogoutMessage::Response(response)) => {
                match self.logout_answered(&sender, &response, caller).await {
                    Err(LogoutError::Refused(refusal)) => (None, refusal),
                    other => return other,
                }
            }
            Err(NotBelieved { rejection, question }) => (question, rejection.into()),
        };
        self.refuse_logout(caller, idp, trace, &refusal).await?;
        let question = question.ok_or(refusal)?;
        let next = self.answer_provider(&sender, &question, LogoutOutcome::Denied)?;
        Ok(Step { next, frames: Vec::new(), browser: None, ends_cookie: false })
    }

    /// Whose keys count. Of a federation the message itself says which member it is from, and is believed
    /// only if that member's keys show it.
    async fn sender(
        &self,
        idp: &IdpId,
        delivered: &Delivered,
        trace: &mut Trace,
    ) -> Result<Counterpart, LogoutError> {
        let configuration = self.configuration();
        let provider = configuration.provider(idp).filter(|provider| provider.resource.enabled);
        let provider = provider.ok_or(Refusal::NoProvider)?;
        if !provider.has_members() {
            return Ok(self.counterpart(provider, None).await?);
        }
        let member = sp::logout_issuer(delivered, trace).map_err(Refusal::from)?;
        match self.counterpart(provider, Some(&member)).await {
            Err(Absent::Broken(_)) => Err(Refusal::NoMember(member).into()),
            other => Ok(other?),
        }
    }

    /// Verifies; once more when the sender has changed his key a moment ago.
    async fn read_logout(
        &self,
        sender: Counterpart,
        delivered: Delivered,
        trace: &mut Trace,
    ) -> Result<(Counterpart, Result<LogoutMessage, NotBelieved>), LogoutError> {
        let now = self.clock.now();
        let (read, steps) = verify(sender.clone(), delivered.clone(), now).await?;
        let rejection = read.as_ref().err().map(|not| not.rejection);
        let newer = match rejection {
            Some(sp::Rejection::SignatureMismatch) => self.newer(&sender).await?,
            _ => None,
        };
        let Some(newer) = newer else {
            trace.steps.extend(steps.steps);
            return Ok((sender, read));
        };
        let (read, steps) = verify(newer.clone(), delivered, now).await?;
        trace.noted("provider's keys", Actual::plain("the metadata was fetched anew"));
        trace.steps.extend(steps.steps);
        Ok((newer, read))
    }

    /// Ends the sessions, then answers. A database that fails is told to the provider as well.
    async fn end_named(
        &self,
        sender: &Counterpart,
        request: VerifiedLogoutRequest,
        session: Option<&str>,
        trace: &Trace,
        caller: &Caller,
    ) -> Result<Step, LogoutError> {
        let question = request.question().clone();
        let present = self.live_session(session).await?.map(|session| session.id);
        let ended = self.end_sessions(sender, request, trace, caller).await;
        let (outcome, ended) = match ended {
            Ok(ended) => (LogoutOutcome::Success, ended),
            Err(LogoutError::Failed(error)) => {
                let reference = &caller.reference;
                tracing::error!(%reference, %error, "sessions could not be ended");
                (LogoutOutcome::Partial, Vec::new())
            }
            Err(refused) => return Err(refused),
        };
        let next = self.answer_provider(sender, &question, outcome)?;
        let ends_cookie = present.is_some_and(|present| ended.contains(&present));
        let frames = self.announce_end(&ended).await;
        Ok(Step { next, frames, browser: None, ends_cookie })
    }

    async fn end_sessions(
        &self,
        sender: &Counterpart,
        request: VerifiedLogoutRequest,
        trace: &Trace,
        caller: &Caller,
    ) -> Result<Vec<SessionId>, LogoutError> {
        let now = self.clock.now();
        let (replay, until) = (sha256_base64url(request.replay_key()), request.good_until());
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event.idp = Some(sender.id().clone());
        let stored = self.logout_trace(caller, sender.id(), trace.clone(), "signed-out".to_owned());
        let sender = sender.clone();
        self.store
            .write(move |tx| -> Result<Vec<SessionId>, LogoutError> {
                if !store::replays::remember(tx, &replay, until)? {
                    return Err(Refusal::Replayed.into());
                }
                let (named, entities) = (request.named(), entities(&sender));
                let mut ended = Vec::new();
                let of = (sender.id(), entities.member);
                for session in sessions::find_upstream(tx, of, &named.name_id)? {
                    let named = named.include(&session.upstream, entities);
                    if named && sessions::end(tx, &session.id, now)? {
                        let user = session.authentication.user;
                        let (user, session) = (Some(user), Some(session.id.clone()));
                        tx.audit(Event { user, session: session.clone(), ..told(&event, &sender) });
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
        sender: &Counterpart,
        question: &Question,
        outcome: LogoutOutcome,
    ) -> Result<Next, LogoutError> {
        let id = RequestId(self.random.xml_id());
        let farewell = sender.farewell(&id, self.clock.now());
        let answer = sp::build_logout_response(farewell, question, outcome);
        let answer = answer.map_err(|error| Error::Broken(error.to_string()))?;
        let page = || Next::Farewell {
            provider: match outcome {
                LogoutOutcome::Success => AtProvider::SignedOut { provider: sender.name() },
                _ => AtProvider::NotConfirmed { provider: sender.name() },
            },
            onward: None,
        };
        Ok(answer.map_or_else(page, Next::from))
    }

    /// The answer waits under a one-time handle: by POST it came without our cookies.
    async fn logout_answered(
        &self,
        sender: &Counterpart,
        response: &VerifiedLogoutResponse,
        caller: &Caller,
    ) -> Result<Step, LogoutError> {
        let now = self.clock.now();
        let handle = self.random.token();
        let digest = sha256_base64url(&handle);
        let complaint = response.complaint().map(str::to_owned);
        let (request, idp) = (response.in_response_to().clone(), sender.id().clone());
        let member = sender.member().map(str::to_owned);
        let word = complaint.clone().unwrap_or_else(|| "signed out".to_owned());
        let mut event = caller.event(Action::SignOut, Outcome::Success, now);
        event = event.detail(serde_json::json!({ "provider": word }));
        event.idp = Some(idp.clone());
        self.store
            .write(move |tx| -> Result<(), LogoutError> {
                let (of, complaint) = ((&idp, member.as_deref()), complaint.as_deref());
                if !store::logouts::answer(tx, &request, of, &digest, complaint, now)? {
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
fn told(event: &Event, sender: &Counterpart) -> Event {
    let member = sender.member().map(|member| format!("{member} asked"));
    let word = member.unwrap_or_else(|| "the identity provider asked".to_owned());
    event.clone().by(Actor::Broker).detail(word)
}

fn entities(sender: &Counterpart) -> Entities<'_> {
    let (idp, sp) = (sender.idp.entity_id(), sender.sp().entity_id.as_str());
    Entities { idp, sp, member: sender.member() }
}

/// Off the async threads, as responses are.
async fn verify(
    sender: Counterpart,
    delivered: Delivered,
    now: UnixTime,
) -> Result<(Result<LogoutMessage, NotBelieved>, Trace), LogoutError> {
    let work = move || {
        let mut trace = Trace::default();
        let read = sp::verify_logout(&delivered, &sender.idp, sender.sp(), now, &mut trace);
        (read, trace)
    };
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| Error::Broken("verifying a logout ended unexpectedly".to_owned()).into())
}
