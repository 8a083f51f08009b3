//! What an operator sets once per process.

use super::outbound::OutboundSettings;

/// The settings that use cases depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Issuer and base of every URL of ours; no trailing slash.
    pub public_url: String,
    pub sessions: Sessions,
    pub outbound: OutboundSettings,
    /// Keep values about people in traces, for finding a fault; off unless switched on.
    pub capture: bool,
}

/// How long browser sessions live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    pub idle: i64,
    pub absolute: i64,
}

impl Settings {
    /// Whether cookies carry `Secure` and the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }
}
