//! Why a provider's logout message is not followed, and what is kept of it.

use crate::{
    broker::{Broker, Caller, Error},
    domain::{
        audit::{Action, Outcome},
        trace::{Actual, Trace},
        words::IdpId,
    },
    sp,
    store::{self, traces::StoredTrace},
};

/// Each variant is one fact.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such SAML provider, or it is switched off")]
    NoProvider,
    #[error("the provider's configuration cannot be used: {0}")]
    ProviderBroken(String),
    #[error("the federation has no member {0}")]
    NoMember(String),
    #[error("what was posted as a SAML message cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Saml(#[from] sp::Rejection),
    #[error("this request has been followed before")]
    Replayed,
    #[error("no request of ours waits for this answer")]
    UnknownRequest,
}

/// A refusal, or a failure on our side.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for LogoutError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Refusal {
    /// The name of the check, where no finer one failed in the trace.
    const fn check(&self) -> &'static str {
        match self {
            Self::NoProvider | Self::ProviderBroken(_) => "identity provider",
            Self::NoMember(_) => "member",
            Self::Unreadable(_) => "form",
            Self::Saml(_) => "SAML message",
            Self::Replayed => "replay",
            Self::UnknownRequest => "in response to",
        }
    }

    /// What an administrator can do about it.
    const fn mend(&self) -> &'static str {
        match self {
            Self::NoProvider => "Enable the provider, or let it forget our logout address.",
            Self::ProviderBroken(_) => "Correct the provider's configuration.",
            Self::NoMember(_) => {
                "Only members of the feed in force are heard. If this one joined a moment ago, fetch \
                 the feed on the provider's page."
            }
            Self::Unreadable(_) => {
                "A SAML message is posted as application/x-www-form-urlencoded, up to 1 MiB, each field \
                 once. If the provider does so, look for a proxy that limits or rewrites forms."
            }
            Self::Saml(_) => "See the failed check.",
            Self::Replayed => "Each LogoutRequest counts once; the provider repeats an old one.",
            Self::UnknownRequest => {
                "The answer came twice, after ten minutes, or without our question; the session here \
                 was over before."
            }
        }
    }
}

impl Broker {
    /// What was posted there is no form that can be read.
    pub async fn unreadable_logout(&self, idp: &IdpId, reason: String, caller: &Caller) {
        let refusal = Refusal::Unreadable(reason);
        let refused = self.refuse_logout(caller, idp, Trace::default(), &refusal).await;
        if let Err(error) = refused {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }

    /// Leaves a trace under the caller's reference and a record in the audit log, as for logins.
    pub(super) async fn refuse_logout(
        &self,
        caller: &Caller,
        idp: &IdpId,
        mut trace: Trace,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        if trace.failure().is_none() {
            let actual = Actual::plain(refusal.to_string());
            trace.stopped(refusal.check(), actual, refusal.mend());
        }
        tracing::info!(reference = %caller.reference, reason = %refusal, "logout refused");
        if !self.refusals.admit(Action::SignOut, now) {
            return Ok(());
        }
        let mut event = caller.event(Action::SignOut, Outcome::Refused, now);
        event = event.detail(refusal.to_string());
        event.idp = Some(idp.clone());
        let outcome = trace.failure().map_or_else(String::new, |step| step.check.to_string());
        let stored = self.logout_trace(caller, idp, trace, outcome);
        self.store
            .write(move |tx| {
                store::traces::create(tx, &stored)?;
                tx.audit(event.clone());
                Ok(())
            })
            .await
    }

    pub(super) fn logout_trace(
        &self,
        caller: &Caller,
        idp: &IdpId,
        trace: Trace,
        outcome: String,
    ) -> StoredTrace {
        StoredTrace {
            reference: caller.reference.clone(),
            login: None,
            at: self.clock.now(),
            outcome,
            idp: Some(idp.clone()),
            client: None,
            user: None,
            trace: if self.settings.capture { trace } else { trace.redacted() },
        }
    }
}
