//! Signing out: here, at the provider, and at its word (SAML Profiles §4.4, OIDC RP-Initiated Logout 1.0).
//!
//! ```text
//! the person or his application ─▶ ours ─▶ the session ends ─▶ (provider) ─▶ answered ─▶ the application
//! a provider's LogoutRequest ─▶ theirs ─▶ the sessions end ─▶ a LogoutResponse
//! a session has ended ─▶ applications ─▶ a logout token to each that used it, until it arrives
//! ```
//!
//! What is to end has ended before the browser leaves; whatever a provider does then, nothing of ours
//! stays open.

mod applications;
mod ours;
mod refusal;
mod theirs;

pub use crate::sp::Delivered;
pub use ours::SignOut;
pub use refusal::{LogoutError, Refusal};

use crate::sp::Outgoing;

/// Where the browser goes now that the session is over.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// To the provider, by redirect.
    SendToIdp { url: String },
    /// To the provider, by a form that the browser posts.
    PostToIdp { action: String, parameter: &'static str, message: String, relay_state: String },
    /// Back through our own site, so that the cookie that binds the sign-out arrives.
    Continue { handle: String },
    /// To the application.
    ReturnToClient { url: String },
    /// To the page that says who is signed out where.
    Farewell { provider: AtProvider, onward: Option<String> },
}

/// What the person may believe of the provider's own session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtProvider {
    /// No provider had a part in it.
    NotInvolved,
    /// This one cannot be asked.
    MayRemain { provider: String },
    /// Over as well.
    SignedOut { provider: String },
    /// This one was asked, and did not confirm.
    NotConfirmed { provider: String },
}

/// The outcome of a step.
#[derive(Debug)]
pub struct Step {
    pub next: Next,
    /// Addresses of applications, opened in frames before the browser goes there.
    pub frames: Vec<String>,
    /// The value of the cookie that binds the sign-out to this browser, when it needs a new one.
    pub browser: Option<String>,
    /// Whether this browser's session cookie names nothing any more.
    pub ends_cookie: bool,
}

impl Step {
    /// The browser has no session here, and nothing is left to do.
    const fn gone(next: Next) -> Self {
        Self { next, frames: Vec::new(), browser: None, ends_cookie: true }
    }
}

impl From<Outgoing> for Next {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Redirect { url } => Self::SendToIdp { url },
            Outgoing::Post { action, parameter, message, relay_state } => {
                Self::PostToIdp { action, parameter, message, relay_state }
            }
        }
    }
}
