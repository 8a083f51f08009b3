//! An OpenID Provider answers: a top-level GET that carries the binding cookie.

use super::{LoginError, Refusal, Step, Subject, check_age};
use crate::{
    broker::{
        Broker, Caller, Error, Provider,
        oidc_exchange::{Exchange, Upstreams},
    },
    crypto::sha256_base64url,
    domain::{
        identity::{ExternalIdentity, Statement},
        login::{Errand, Stage},
        resource::{Configuration as Wire, OidcConfiguration},
        trace::Trace,
        words::{IdpId, UnixTime},
    },
    rp::{self, Callback},
    store::logins::Pending,
};

/// The place of a provider's client secret, for its seal.
pub(in crate::broker) fn secret_place(idp: &IdpId) -> String {
    format!("resources/IdentityProvider/{idp}/secret")
}

impl Broker {
    /// `GET /oidc/{idp}/callback` (OIDC Core §3.1.2.5).
    ///
    /// # Errors
    /// [`LoginError`]; a refused answer leaves the login waiting, so that a forged one cannot end it.
    pub async fn oidc_callback(
        &self,
        idp: &IdpId,
        query: &str,
        browser: Option<&str>,
        session: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let mut trace = Trace::default();
        let mut subject = Subject { login: None, idp: Some(idp.clone()) };
        let answer = self.answered(idp, query, browser, &mut subject, &mut trace).await;
        let (mut pending, who) = match answer {
            Ok(answer) => answer,
            Err(LoginError::Refused(refusal)) => {
                return Err(self.refuse(caller, subject, trace, refusal).await);
            }
            Err(failed) => return Err(failed),
        };
        pending.login.trace.steps.extend(trace.steps);
        self.finish(pending, who, session, caller).await
    }

    async fn answered(
        &self,
        idp: &IdpId,
        query: &str,
        browser: Option<&str>,
        subject: &mut Subject,
        trace: &mut Trace,
    ) -> Result<(Pending, ExternalIdentity), LoginError> {
        let callback = rp::read_callback(query).map_err(Refusal::from)?;
        let state = callback.state.clone().ok_or(Refusal::Unknown)?;
        let pending = self.login_awaiting(state).await?.ok_or(Refusal::Unknown)?;
        subject.login = Some(pending.login.clone());
        let now = self.clock.now();
        check_age(&pending, now)?;
        if browser.map(sha256_base64url).as_ref() != Some(&pending.binding) {
            return Err(Refusal::OtherBrowser.into());
        }
        let Stage::AtProvider { idp: asked, errand: Errand::Oidc { nonce, code_verifier }, .. } =
            &pending.login.stage
        else {
            return Err(Refusal::Unknown.into());
        };
        if asked != idp {
            return Err(Refusal::Unknown.into());
        }
        let configuration = self.configuration();
        let provider = configuration.provider(idp).filter(|provider| provider.resource.enabled);
        let provider = provider.ok_or(Refusal::NoProvider)?;
        let Wire::Oidc(oidc) = &provider.resource.configuration else {
            return Err(Refusal::NoProvider.into());
        };
        let after = pending.login.client().and_then(|request| request.authenticated_after);
        let errand = Awaited { nonce, code_verifier, after, now };
        let statement = self.exchange(provider, oidc, callback, &errand, trace).await?;
        let who = provider.mapping.identify(idp, statement, trace)?;
        Ok((pending, who))
    }

    async fn exchange(
        &self,
        provider: &Provider,
        oidc: &OidcConfiguration,
        callback: Callback,
        awaited: &Awaited<'_>,
        trace: &mut Trace,
    ) -> Result<Statement, LoginError> {
        let secret = provider.secret.as_deref();
        let secret = secret
            .map(|sealed| self.master.open_text(&secret_place(&provider.id), sealed))
            .transpose()
            .map_err(Error::from)?;
        let exchange = Exchange {
            configuration: oidc,
            client_secret: secret.as_deref(),
            redirect_uri: &provider.redirect_uri(self.issuer()),
            nonce: awaited.nonce,
            code_verifier: awaited.code_verifier,
            authenticated_after: awaited.after,
            now: awaited.now,
            instant: self.clock.instant(),
        };
        let upstreams = Upstreams { outbound: &self.outbound, cache: &self.upstreams };
        let redeemed = upstreams.redeem(&exchange, callback, trace).await;
        redeemed.map_err(|error| Refusal::from(error).into())
    }
}

/// What this login knows the answer by.
struct Awaited<'a> {
    nonce: &'a str,
    code_verifier: &'a str,
    after: Option<UnixTime>,
    now: UnixTime,
}
