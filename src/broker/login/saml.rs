//! A SAML response arrives, by a cross-site POST that carries no cookie.
//!
//! So nobody is signed in here: the proof is stored under a one-time handle, and the next top-level GET
//! finishes the login only when handle and binding cookie fit. Neither alone is enough.

use std::sync::Arc;

use super::{LoginError, Next, Refusal, Step, Subject, check_age};
use crate::{
    broker::{Broker, Caller, Error, Provider, counterpart::Counterpart},
    crypto::sha256_base64url,
    domain::{
        identity::ExternalIdentity,
        login::{Errand, Stage},
        trace::{Actual, Trace},
        words::{IdpId, LoginId, RequestId, UnixTime},
    },
    op::{AuthorizeRefusal, Delivery, ReturnAddress},
    sp,
    store::{self, logins::Pending},
};

/// A response that was believed: who, and what must not come twice.
pub(super) struct Believed {
    pub(super) who: ExternalIdentity,
    pub(super) replay: String,
    pub(super) good_until: UnixTime,
}

impl Broker {
    /// `POST /saml/{idp}/acs` (SAML Profiles §4.1.4.3).
    ///
    /// # Errors
    /// [`LoginError`]; the pending login stays as it was, so that a forged answer cannot end it.
    pub async fn saml_response(
        &self,
        idp: &IdpId,
        saml_response: String,
        relay_state: &str,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let mut trace = Trace::default();
        let mut subject = Subject { login: None, idp: Some(idp.clone()) };
        let done = self.believe(idp, saml_response, relay_state, &mut subject, &mut trace).await;
        match done {
            Ok(step) => {
                self.record_bounce(&step.next, caller).await;
                Ok(step)
            }
            Err(LoginError::Refused(refusal)) => {
                let silent = silent_answer(&subject, &refusal, self.issuer());
                let refused = self.refuse(caller, subject, trace, refusal).await;
                match (refused, silent) {
                    (LoginError::Refused(_), Some(delivery)) => {
                        Ok(Step::to(Next::ReturnToClient(delivery)))
                    }
                    (error, _) => Err(error),
                }
            }
            Err(failed) => Err(failed),
        }
    }

    /// What was posted there is no form that can be read, which says nothing of any login.
    pub async fn unreadable_response(&self, idp: &IdpId, reason: String, caller: &Caller) {
        let subject = Subject { login: None, idp: Some(idp.clone()) };
        let refused = self.refuse(caller, subject, Trace::default(), Refusal::Unreadable(reason));
        if let LoginError::Failed(error) = refused.await {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }

    async fn believe(
        &self,
        idp: &IdpId,
        saml_response: String,
        relay_state: &str,
        subject: &mut Subject,
        trace: &mut Trace,
    ) -> Result<Step, LoginError> {
        let Some(pending) = self.login_awaiting(relay_state.to_owned()).await? else {
            return self.unsolicited(idp, saml_response, relay_state, trace).await;
        };
        subject.login = Some(pending.login.clone());
        let now = self.clock.now();
        check_age(&pending, now)?;
        let (request, entity) = errand(&pending, idp)?;
        let configuration = self.configuration();
        let provider = configuration.provider(idp).ok_or(Refusal::NoProvider)?;
        let believed = self.prove(provider, saml_response, Some(request), entity, trace).await?;
        self.store_proof(pending, believed, trace, now).await
    }

    /// Who the response is about, verified and mapped; `request` is the one that it must answer, `entity`
    /// the member of a federation that was asked.
    pub(super) async fn prove(
        &self,
        provider: &Arc<Provider>,
        saml_response: String,
        request: Option<RequestId>,
        entity: Option<String>,
        trace: &mut Trace,
    ) -> Result<Believed, LoginError> {
        if !provider.resource.enabled {
            return Err(Refusal::NoProvider.into());
        }
        let now = self.clock.now();
        let counterpart = self.counterpart(provider, entity.as_deref()).await?;
        let member = counterpart.member().map(str::to_owned);
        let (verified, steps) = self.verify(counterpart, saml_response, request, now).await?;
        trace.steps.extend(steps.steps);
        let (verified, scopes) = verified?;
        let (replay, good_until) = (sha256_base64url(verified.replay_key()), verified.good_until());
        let mut statement = verified.into_statement();
        let federation = provider.is_federation();
        sp::drop_foreign(&mut statement, &scopes, federation, trace);
        let who = provider.mapping.identify(&provider.id, statement, trace)?;
        let who = ExternalIdentity { entity: member, ..who };
        Ok(Believed { who, replay, good_until })
    }

    /// Verifies; once more when whoever was asked has changed his key a moment ago.
    async fn verify(
        &self,
        asked: Counterpart,
        saml_response: String,
        request: Option<RequestId>,
        now: UnixTime,
    ) -> Result<(Verified, Trace), LoginError> {
        let first = verify(asked.clone(), saml_response.clone(), request.clone(), now).await?;
        if !matches!(first.0, Err(Refusal::Saml(sp::Rejection::SignatureMismatch))) {
            return Ok(first);
        }
        let Some(newer) = self.newer(&asked).await? else { return Ok(first) };
        let (verified, steps) = verify(newer, saml_response, request, now).await?;
        let mut trace = Trace::default();
        trace.noted("provider's keys", Actual::plain("the metadata was fetched anew"));
        trace.steps.extend(steps.steps);
        Ok((verified, trace))
    }

    async fn store_proof(
        &self,
        pending: Pending,
        believed: Believed,
        trace: &Trace,
        now: UnixTime,
    ) -> Result<Step, LoginError> {
        let handle = self.random.token();
        let digest = sha256_base64url(&handle);
        let login = pending.login.id.clone();
        let Believed { who, replay, good_until } = believed;
        let mut proven = pending.login.clone().proven(who, now).map_err(Refusal::from)?;
        proven.trace.steps.extend(self.kept(trace.clone()).steps);
        self.store
            .write(move |tx| -> Result<(), LoginError> {
                if !store::replays::remember(tx, &replay, good_until)? {
                    return Err(Refusal::ReplayedAssertion.into());
                }
                if !store::logins::advance(tx, &pending, &proven, None, Some(&digest))? {
                    return Err(Refusal::Unknown.into());
                }
                Ok(())
            })
            .await?;
        Ok(Step::to(Next::Continue { login, handle }))
    }

    /// The browser comes back to us by a top-level GET, with the handle and its cookie.
    ///
    /// # Errors
    /// [`LoginError`]; without both, the login stays as it was.
    pub async fn continue_login(
        &self,
        login: &LoginId,
        handle: &str,
        browser: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let fits = pending.handle.as_deref() == Some(&sha256_base64url(handle));
        let who = match &pending.login.stage {
            Stage::Proven { who, .. } if fits => (**who).clone(),
            _ => {
                let subject = Subject { login: Some(pending.login.clone()), idp: None };
                return Err(self.refuse(caller, subject, Trace::default(), Refusal::Unknown).await);
            }
        };
        self.finish(pending, who, session, caller).await
    }
}

/// What an application hears that must not show anything (`prompt=none`), when its provider says that
/// it would have to ask the person (SAML Core §3.4.1: `NoPassive`).
fn silent_answer(subject: &Subject, refusal: &Refusal, issuer: &str) -> Option<Delivery> {
    let request = subject.login.as_ref()?.client().filter(|request| request.silent)?;
    if !matches!(refusal, Refusal::Saml(sp::Rejection::Status)) {
        return None;
    }
    Some(ReturnAddress::of(request).error(&AuthorizeRefusal::LoginRequired, issuer))
}

/// What was proven, and the domains that whoever proved it may speak for.
type Verified = Result<(sp::VerifiedAssertion, Vec<sp::Scope>), Refusal>;

/// The request that this login waits for an answer to, if it waits for this provider, and the member of a
/// federation that it went to.
fn errand(pending: &Pending, idp: &IdpId) -> Result<(RequestId, Option<String>), Refusal> {
    match &pending.login.stage {
        Stage::AtProvider { idp: asked, errand: Errand::Saml { request, entity }, .. }
            if asked == idp =>
        {
            Ok((request.clone(), entity.clone()))
        }
        _ => Err(Refusal::Unknown),
    }
}

/// Off the async threads: decryption alone can take milliseconds.
async fn verify(
    asked: Counterpart,
    saml_response: String,
    request: Option<RequestId>,
    now: UnixTime,
) -> Result<(Verified, Trace), LoginError> {
    let work = move || {
        let mut trace = Trace::default();
        let (idp, sp) = (&*asked.idp, asked.sp());
        let verified = match &request {
            Some(request) => sp::verify_response(&saml_response, idp, sp, request, now, &mut trace),
            None => sp::verify_unsolicited(&saml_response, idp, sp, now, &mut trace),
        };
        (verified.map(|verified| (verified, idp.scopes().to_vec())).map_err(Refusal::from), trace)
    };
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| Error::Broken("verifying a response ended unexpectedly".to_owned()).into())
}
