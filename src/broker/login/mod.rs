//! One person signing in: from the authorization request to the code.
//!
//! ```text
//! begin ─▶ choose ─▶ depart ──▶ (provider) ──▶ saml | oidc ─▶ finish ─▶ the application
//!                 └▶ password ───────────────────────────────┘
//! ```
//!
//! Whatever a step does, it answers a [`Step`] whose [`Next`] the door renders.

mod admit;
mod begin;
mod choose;
mod consent;
mod depart;
mod finish;
mod granting;
mod members;
mod oidc;
mod password;
mod pushed;
mod saml;
mod unsolicited;

pub use begin::Unanswerable;
pub use choose::{Choice, Identified};
pub use consent::{AskedScope, Given, Question};
pub use members::Members;
pub(super) use oidc::secret_place;
pub use pushed::{PushError, Pushed};
pub use unsolicited::{Arrival, Bounced};

use crate::{
    broker::{Broker, Caller, Error, oidc_exchange::ExchangeError, upstream::UpstreamError},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Outcome},
        login::{Login, OutOfTurn},
        mapping,
        provisioning::NotAdmitted,
        trace::{Actual, Trace},
        words::{ClientId, IdpId, LoginId, UnixTime},
    },
    op::Delivery,
    rp, sp,
    store::{logins::Pending, traces::StoredTrace},
};

/// Where the browser goes now.
#[derive(Debug)]
pub enum Next {
    /// To the page where the person chooses how to sign in.
    Choose(LoginId),
    /// To the page where the person picks a member of a federation.
    PickMember { login: LoginId, idp: IdpId },
    /// To the provider, by redirect.
    SendToIdp { url: String },
    /// To the provider, by a form that the browser posts.
    PostToIdp { action: String, parameter: &'static str, message: String, relay_state: String },
    /// Back through our own site, so that the cookie that binds the login arrives.
    Continue { login: LoginId, handle: String },
    /// To the provider once more, since what it sent without being asked proves nothing.
    Bounce { idp: IdpId, landing: Option<ClientId> },
    /// To the page that asks whether the person is meant.
    Ask { login: LoginId, handle: String },
    /// To the page that asks what the application may know of the person.
    AskConsent(LoginId),
    /// To the application, with a code or an error.
    ReturnToClient(Delivery),
    /// To a page of ours.
    ReturnHome { path: String },
}

/// The outcome of a step.
#[derive(Debug)]
pub struct Step {
    pub next: Next,
    /// The value of the cookie that binds logins to this browser, when it needs (a new) one.
    pub browser: Option<String>,
    /// The value of the session cookie, when somebody signed in.
    pub session: Option<String>,
}

impl Step {
    const fn to(next: Next) -> Self {
        Self { next, browser: None, session: None }
    }
}

/// Why a step of a login is refused. Each variant is one fact.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such login, or it took too long")]
    Unknown,
    #[error("the login was begun in another browser")]
    OtherBrowser,
    #[error("the person who is to be asked is not signed in here any more")]
    OtherSession,
    #[error(transparent)]
    OutOfTurn(#[from] OutOfTurn),
    #[error("there is no such identity provider for this application")]
    NoProvider,
    #[error("the identity provider cannot be used: {0}")]
    ProviderBroken(String),
    #[error("what was posted as a SAML response cannot be read: {0}")]
    Unreadable(String),
    #[error("the SAML response was refused: {0}")]
    Saml(#[from] sp::Rejection),
    #[error("the assertion was used before")]
    ReplayedAssertion,
    #[error("the OpenID provider's answer was refused: {0}")]
    Oidc(#[from] rp::Rejection),
    #[error("the identity provider's metadata cannot be fetched: {0}")]
    NoMetadata(String),
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the provider did not ask the person again, as the application wants")]
    NotFresh,
    #[error("the provider answers as if nobody had asked, again and again")]
    BouncedAgain,
    #[error("{0}")]
    Mapping(#[from] mapping::Refused),
    #[error("{0}")]
    NotAdmitted(#[from] NotAdmitted),
    #[error("the account is not active")]
    Inactive,
    #[error("username or password is wrong")]
    WrongPassword,
    #[error("too many attempts; try again in {0} seconds")]
    Throttled(i64),
}

impl From<ExchangeError> for Refusal {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Rejected(rejection)
            | ExchangeError::Upstream(UpstreamError::Rejected(rejection)) => Self::Oidc(rejection),
            ExchangeError::Outbound(error)
            | ExchangeError::Upstream(UpstreamError::Outbound(error)) => {
                Self::Unreachable(error.to_string())
            }
            ExchangeError::Upstream(error @ UpstreamError::Status { .. }) => {
                Self::Unreachable(error.to_string())
            }
        }
    }
}

/// A refusal, or a failure on our side.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<crate::store::Error> for LoginError {
    fn from(error: crate::store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<mapping::Refused> for LoginError {
    fn from(refused: mapping::Refused) -> Self {
        Self::Refused(refused.into())
    }
}

/// What a refused step was about, for audit and trace.
#[derive(Default)]
struct Subject {
    login: Option<Login>,
    idp: Option<IdpId>,
}

impl Broker {
    /// The login of this id, if it was begun in this browser and is not too old.
    async fn pending(&self, id: &LoginId, browser: Option<&str>) -> Result<Pending, LoginError> {
        let wanted = id.clone();
        let find = move |conn: &mut _| Ok::<_, Error>(crate::store::logins::find(conn, &wanted)?);
        let pending = self.store.look_up(find).await?.ok_or(Refusal::Unknown)?;
        check_age(&pending, self.clock.now())?;
        match browser {
            Some(cookie) if sha256_base64url(cookie) == pending.binding => Ok(pending),
            _ => Err(Refusal::OtherBrowser.into()),
        }
    }

    /// Leaves a trace under the caller's reference and a record in the audit log, then hands the
    /// refusal on. Beyond a rate refusals are counted only.
    async fn refuse(
        &self,
        caller: &Caller,
        subject: Subject,
        mut trace: Trace,
        refusal: Refusal,
    ) -> LoginError {
        let now = self.clock.now();
        if trace.failure().is_none() {
            let actual = Actual::plain(refusal.to_string());
            trace.stopped(check_of(&refusal), actual, mend_of(&refusal));
        }
        let outcome = trace.failure().map_or_else(String::new, |step| step.check.to_string());
        let Subject { login, idp } = subject;
        let client = login.as_ref().and_then(|login| login.client()).map(|r| r.client_id.clone());
        let mut event = caller.event(Action::SignIn, Outcome::Refused, now);
        event = event.detail(refusal.to_string());
        (event.idp, event.client) = (idp.clone(), client.clone());
        event.login = login.as_ref().map(|login| login.id.clone());
        let stored = StoredTrace {
            reference: caller.reference.clone(),
            login: event.login.clone(),
            at: now,
            outcome,
            idp,
            client,
            user: None,
            trace: self.kept(trace),
        };
        tracing::info!(reference = %caller.reference, reason = %refusal, "login refused");
        if self.refusals.admit(Action::SignIn, now) {
            let written = self
                .store
                .write(move |tx| {
                    crate::store::traces::create(tx, &stored)?;
                    tx.audit(event.clone());
                    Ok::<_, Error>(())
                })
                .await;
            if let Err(error) = written {
                return error.into();
            }
        }
        refusal.into()
    }

    /// The trace as it may be kept: values about people only while capture is on.
    fn kept(&self, trace: Trace) -> Trace {
        if self.settings.capture { trace } else { trace.redacted() }
    }
}

fn check_age(pending: &Pending, now: UnixTime) -> Result<(), Refusal> {
    if now < pending.login.expires_at() { Ok(()) } else { Err(Refusal::Unknown) }
}

/// The name of the check, where no finer one failed in the trace.
const fn check_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => "login",
        Refusal::OtherBrowser => "browser",
        Refusal::OtherSession => "session",
        Refusal::OutOfTurn(_) => "order of steps",
        Refusal::NoProvider | Refusal::ProviderBroken(_) => "identity provider",
        Refusal::Unreadable(_) => "form",
        Refusal::Saml(_) => "SAML response",
        Refusal::ReplayedAssertion => "replay",
        Refusal::Oidc(_) => "OpenID Connect answer",
        Refusal::NoMetadata(_) => "provider metadata",
        Refusal::Unreachable(_) => "reaching the provider",
        Refusal::NotFresh => "fresh sign-in",
        Refusal::BouncedAgain => "request",
        Refusal::Mapping(_) => "mapping",
        Refusal::NotAdmitted(_) => "provisioning",
        Refusal::Inactive => "account",
        Refusal::WrongPassword => "password",
        Refusal::Throttled(_) => "attempts",
    }
}

/// What an administrator can do about it.
const fn mend_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => {
            "Begin again from the application; a login must be finished within 30 minutes. With \
             IdP-initiated sign-in this is what happens while the provider does not allow it."
        }
        Refusal::OtherBrowser => {
            "The answer arrived in another browser than the one that began. If this happens often, \
             look for a proxy that strips cookies or a public_url that differs from the address used."
        }
        Refusal::OtherSession => {
            "The session ended, or somebody else signed in, while the page was open; begin again."
        }
        Refusal::OutOfTurn(_) => "The person used an old page or the back button; begin again.",
        Refusal::NoProvider => "Enable the provider, or offer it to the application.",
        Refusal::ProviderBroken(_) => "Correct the provider's configuration.",
        Refusal::Unreadable(_) => {
            "A SAML response is posted as application/x-www-form-urlencoded, up to 1 MiB, each field \
             once. If the provider does so, look for a proxy on the way that limits or rewrites forms."
        }
        Refusal::Saml(_) | Refusal::Oidc(_) => "See the failed check.",
        Refusal::ReplayedAssertion => {
            "Each assertion counts once; begin again from the application."
        }
        Refusal::NoMetadata(_) => {
            "Correct metadataUrl, or let the provider publish there again, then fetch it on the \
             provider's page. By itself it is tried at growing intervals, not at every sign-in."
        }
        Refusal::Unreachable(_) => {
            "Check that the provider is up, that its address is right, and that outbound settings allow it."
        }
        Refusal::NotFresh => {
            "Let the provider honour ForceAuthn (SAML) or prompt=login (OpenID Connect), or let the \
             application ask for less."
        }
        Refusal::BouncedAgain => {
            "Let the provider send RelayState back as it came and InResponseTo in its answer (SAML \
             Profiles section 4.1.4.2); else its answers cannot be told from sign-ins that begin there."
        }
        Refusal::Mapping(_) => "Correct the mapping of the provider, or what it sends.",
        Refusal::NotAdmitted(_) => {
            "Create an account for this person first, or change provisioning.create of the provider."
        }
        Refusal::Inactive => "Activate the account, if the person should have access.",
        Refusal::WrongPassword => "Nothing to mend, unless the person forgot the password.",
        Refusal::Throttled(_) => "Wait; the delay grows with every failure and ends by itself.",
    }
}
