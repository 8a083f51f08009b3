//! What goes into the audit log: who did what, when, how it ended.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words::{ClientId, IdpId, LoginId, Reference, SessionId, UnixTime, UserId};

/// One event. Never holds a token, code, password or whole assertion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub action: Action,
    pub outcome: Outcome,
    pub at: UnixTime,
    #[serde(default)]
    pub actor: Actor,
    /// The person it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<IdpId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginId>,
    /// The request, as the person saw it and the log names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Address and user agent of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Why it was refused, or what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A process opened its chain; `detail` anchors the heads of others.
    ChainOpened,
    SignIn,
    /// A SAML response that nobody asked for proved nothing; its provider was asked instead.
    Bounced,
    SignOut,
    /// An application heard that a session ended; refused: it never did, and `detail` says why.
    ApplicationTold,
    PasswordSet,
    /// An authorization request that was refused before a login began.
    Authorize,
    /// A person was asked what an application may know of him; refused: he did not agree.
    Consent,
    /// A person took back what an application was allowed, and ended what it had.
    ConsentWithdrawn,
    TokenIssue,
    TokenRefused,
    /// A person let a device in, or refused it.
    DeviceDecided,
    CodeReplayed,
    RefreshTokenReplayed,
    TokenRevoked,
    /// An administrator gave out, or took back, a token by which applications register themselves.
    RegistrationTokenIssued,
    RegistrationTokenEnded,
    /// An application was not registered, or may not change itself.
    RegistrationRefused,
    Create,
    Update,
    Delete,
    RoleGranted,
    RoleRevoked,
    KeyCreated,
    KeyRotated,
    /// Metadata of a provider came into force; `detail` has every change and the policy that let it.
    MetadataChanged,
    /// Metadata of a provider waits for a person.
    MetadataHeld,
    /// Metadata that was fetched is not used, or a person turned it down.
    MetadataRefused,
    /// A provider's key that was replaced counts no more.
    MetadataKeyEnded,
    /// A certificate or metadata ends soon or has ended; told once for each level.
    TermNear,
    /// Refusals beyond the rate at which each gets a record of its own; `detail` counts them.
    RefusalsCounted,
}

impl Action {
    /// Every action, in the order in which they are declared.
    pub const ALL: [Self; 31] = [
        Self::ChainOpened,
        Self::SignIn,
        Self::Bounced,
        Self::SignOut,
        Self::ApplicationTold,
        Self::PasswordSet,
        Self::Authorize,
        Self::Consent,
        Self::ConsentWithdrawn,
        Self::TokenIssue,
        Self::TokenRefused,
        Self::DeviceDecided,
        Self::CodeReplayed,
        Self::RefreshTokenReplayed,
        Self::TokenRevoked,
        Self::RegistrationTokenIssued,
        Self::RegistrationTokenEnded,
        Self::RegistrationRefused,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::RoleGranted,
        Self::RoleRevoked,
        Self::KeyCreated,
        Self::KeyRotated,
        Self::MetadataChanged,
        Self::MetadataHeld,
        Self::MetadataRefused,
        Self::MetadataKeyEnded,
        Self::TermNear,
        Self::RefusalsCounted,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Success,
    Refused,
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Nobody that we know (yet).
    #[default]
    Anonymous,
    User(UserId),
    Client(ClientId),
    /// Whoever runs commands on the machine.
    Operator,
    /// The broker by itself.
    Broker,
}

impl Event {
    #[must_use]
    pub const fn new(action: Action, outcome: Outcome, at: UnixTime) -> Self {
        Self {
            action,
            outcome,
            at,
            actor: Actor::Anonymous,
            user: None,
            idp: None,
            client: None,
            session: None,
            login: None,
            reference: None,
            address: None,
            agent: None,
            detail: None,
        }
    }

    #[must_use]
    pub fn detail(self, detail: impl Into<Value>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn all_actions_are_listed() {
        for (place, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action as usize, place, "{action:?}");
        }
        assert_eq!(Action::ALL.len(), Action::RefusalsCounted as usize + 1);
    }
}
