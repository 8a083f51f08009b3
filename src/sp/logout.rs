//! `LogoutRequest` and `LogoutResponse` of a provider: believed only when signed (SAML Profiles §4.4).
//!
//! ```text
//! by redirect   query ▸ signature over the query ▸ inflate ▸ UTF-8 ▸ parse
//! by POST       size ▸ base64 ▸ UTF-8 ▸ parse ▸ shape ▸ enveloped signature
//! then          shape ▸ Version ▸ Issuer ▸ ID ▸ Destination ▸ IssueInstant ▸ NotOnOrAfter
//!               ▸ NameID, SessionIndex   or   InResponseTo, Status
//! ```

mod build;
mod issuer;
mod read;

pub use build::{Farewell, LogoutOutcome, build_logout_request, build_logout_response};
pub use issuer::logout_issuer;

use crate::domain::{
    single_logout::NamedSessions,
    trace::Trace,
    words::{RequestId, UnixTime},
};

use super::{idp::Idp, rejection::Rejection, service_provider::ServiceProvider, steps::Steps};
use read::Reader;

/// A logout message counts for so many seconds after it was issued, or less if it says so.
const LIFETIME: i64 = 300;

/// A message as the browser delivered it.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// The query, byte for byte.
    Redirect { query: String },
    /// The fields of the form.
    Post {
        saml_request: Option<String>,
        saml_response: Option<String>,
        relay_state: Option<String>,
    },
}

/// A message that passed every check but replay.
#[derive(Debug)]
pub enum LogoutMessage {
    Request(VerifiedLogoutRequest),
    Response(VerifiedLogoutResponse),
}

/// The provider ends sessions.
#[derive(Debug)]
pub struct VerifiedLogoutRequest {
    question: Question,
    named: NamedSessions,
    issuer: String,
    good_until: UnixTime,
}

/// The provider answers a request of ours.
#[derive(Debug)]
pub struct VerifiedLogoutResponse {
    in_response_to: RequestId,
    complaint: Option<String>,
}

/// What an answer has to name: the provider's request, and the state that goes back beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    id: RequestId,
    relay_state: Option<String>,
}

/// Why a message is not believed.
#[derive(Debug)]
pub struct NotBelieved {
    pub rejection: Rejection,
    /// Of a request whose sender is certain all the same: he is told.
    pub question: Option<Question>,
}

impl From<Rejection> for NotBelieved {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, question: None }
    }
}

impl VerifiedLogoutRequest {
    /// What to answer.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Whose sessions are to end, and which.
    #[must_use]
    pub const fn named(&self) -> &NamedSessions {
        &self.named
    }

    /// What may be accepted once.
    #[must_use]
    pub fn replay_key(&self) -> String {
        format!("logout {} {}", self.issuer, self.question.id)
    }

    /// So long its replay key has to be remembered.
    #[must_use]
    pub const fn good_until(&self) -> UnixTime {
        self.good_until
    }
}

impl VerifiedLogoutResponse {
    /// The request that is answered; whether it was ours is for the caller to know.
    #[must_use]
    pub const fn in_response_to(&self) -> &RequestId {
        &self.in_response_to
    }

    /// The status codes, unless everything is signed out.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }
}

/// Decides whether a logout message is the provider's, and reads it.
///
/// # Errors
/// [`NotBelieved`]: the first check that failed, which is also the last step of `trace`.
///
/// Source: SAML Core §3.7; SAML Profiles §4.4.4; SAML Bindings §3.4.5.2, §3.5.5.2.
pub fn verify_logout(
    delivered: &Delivered,
    idp: &Idp,
    sp: &ServiceProvider,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<LogoutMessage, NotBelieved> {
    let mut steps = Steps::new(trace);
    steps.check("provider metadata", "not expired", idp.check_current(now))?;
    Reader::new(idp, sp, now, steps).read(delivered)
}

impl Question {
    #[must_use]
    pub const fn id(&self) -> &RequestId {
        &self.id
    }

    /// Goes back unchanged.
    #[must_use]
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }
}
