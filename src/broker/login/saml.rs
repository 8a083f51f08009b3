//! A SAML response arrives, by a cross-site POST that carries no cookie.
//!
//! So nobody is signed in here: the proof is stored under a one-time handle, and the next top-level GET
//! finishes the login only when handle and binding cookie fit. Neither alone is enough.

use std::sync::Arc;

use super::{LoginError, Next, Refusal, Step, Subject, check_age};
use crate::{
    broker::{Broker, Caller, Error, Provider, Upstream},
    crypto::sha256_base64url,
    domain::{
        identity::ExternalIdentity,
        login::{Errand, Stage},
        resource::Configuration as Wire,
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
            Ok(step) => Ok(step),
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

    async fn believe(
        &self,
        idp: &IdpId,
        saml_response: String,
        relay_state: &str,
        subject: &mut Subject,
        trace: &mut Trace,
    ) -> Result<Step, LoginError> {
        let state = relay_state.to_owned();
        let find = move |conn: &mut _| Ok::<_, Error>(store::logins::find_by_state(conn, &state)?);
        let Some(pending) = self.store.read(find).await? else {
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
        let member = self.asked_member(provider, entity.as_deref()).await?;
        let asked = Asked { provider: Arc::clone(provider), member, request };
        let (verified, steps) = self.verify(asked, saml_response, now).await?;
        trace.steps.extend(steps.steps);
        let (verified, scopes) = verified?;
        let (replay, good_until) = (sha256_base64url(verified.replay_key()), verified.good_until());
        let mut statement = verified.into_statement();
        sp::drop_foreign(&mut statement, &scopes, entity.is_some(), trace);
        let who = provider.mapping.identify(&provider.id, statement, trace)?;
        // Where the configuration names the one member, it is a provider like any other.
        let who = ExternalIdentity { entity: entity.filter(|_| provider.has_members()), ..who };
        Ok(Believed { who, replay, good_until })
    }

    /// The member of a federation that was asked, as its metadata is now.
    async fn asked_member(
        &self,
        provider: &Provider,
        entity: Option<&str>,
    ) -> Result<Option<Arc<sp::Idp>>, LoginError> {
        match (&provider.resource.configuration, entity) {
            (Wire::Saml(saml), Some(entity)) => {
                Ok(Some(Arc::new(self.member(&provider.id, saml, entity).await?)))
            }
            _ => Ok(None),
        }
    }

    /// Verifies; once more when the provider has changed its key a moment ago.
    async fn verify(
        &self,
        asked: Asked,
        saml_response: String,
        now: UnixTime,
    ) -> Result<(Verified, Trace), LoginError> {
        let url = match &asked.provider.resource.configuration {
            Wire::Saml(saml) => saml.metadata_url.clone().filter(|_| asked.member.is_none()),
            Wire::Oidc(_) => return Err(Refusal::NoProvider.into()),
        };
        let Some(url) = url else { return verify(asked, saml_response, now).await };
        let id = asked.provider.id.clone();
        let seen = self.configuration().fetched(&id, &url).map(|seen| seen.fetched_at);
        let (again, request) = (saml_response.clone(), asked.request.clone());
        let first = verify(asked, saml_response, now).await?;
        if !matches!(first.0, Err(Refusal::Saml(sp::Rejection::SignatureMismatch)))
            || !self.has_newer_metadata(&id, seen).await?
        {
            return Ok(first);
        }
        let configuration = self.configuration();
        let provider = Arc::clone(configuration.provider(&id).ok_or(Refusal::NoProvider)?);
        let asked = Asked { provider, member: None, request };
        let (verified, steps) = verify(asked, again, now).await?;
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

/// Who was asked, and by which request.
struct Asked {
    provider: Arc<Provider>,
    /// In a federation.
    member: Option<Arc<sp::Idp>>,
    request: Option<RequestId>,
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
    asked: Asked,
    saml_response: String,
    now: UnixTime,
) -> Result<(Verified, Trace), LoginError> {
    let work = move || {
        let mut trace = Trace::default();
        let Upstream::Saml(side) = &asked.provider.upstream else {
            return (Err(Refusal::NoProvider), trace);
        };
        let idp = match (&asked.member, &side.idp) {
            (Some(member), _) => Ok(member.as_ref()),
            (None, idp) => idp.as_ref(),
        };
        let verified = match idp {
            Err(reason) => Err(Refusal::ProviderBroken(reason.clone())),
            Ok(idp) => match &asked.request {
                Some(request) => {
                    sp::verify_response(&saml_response, idp, &side.sp, request, now, &mut trace)
                }
                None => sp::verify_unsolicited(&saml_response, idp, &side.sp, now, &mut trace),
            }
            .map(|verified| (verified, idp.scopes().to_vec()))
            .map_err(Refusal::from),
        };
        (verified, trace)
    };
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| Error::Broken("verifying a response ended unexpectedly".to_owned()).into())
}
