//! What an operator sets once per process.

use super::outbound::OutboundSettings;

/// The settings that use cases depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Issuer and base of every URL of ours; no trailing slash.
    pub public_url: String,
    pub sessions: Sessions,
    pub tokens: Tokens,
    pub outbound: OutboundSettings,
    pub saml_keys: SamlKeys,
    /// A folder of ours for what is too large for memory; each file is removed after use.
    pub spool: std::path::PathBuf,
    /// Keep values about people in traces, for finding a fault; off unless switched on.
    pub capture: bool,
}

/// The pace of a roll-over of our SAML keys, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SamlKeys {
    /// A new key is published so long before it signs: providers fetch our metadata meanwhile.
    pub wait: i64,
    /// A replaced key decrypts and stays published so long.
    pub retire: i64,
}

impl Default for SamlKeys {
    fn default() -> Self {
        Self { wait: 7 * 86_400, retire: 30 * 86_400 }
    }
}

/// How long browser sessions live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    pub idle: i64,
    pub absolute: i64,
}

/// How long refresh tokens live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    /// So long a token that was just used tells the same successor again; 0: never.
    pub refresh_grace: i64,
    /// Those that outlive the session: without use, and at most.
    pub offline_idle: i64,
    pub offline_absolute: i64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { refresh_grace: 10, offline_idle: 30 * 86_400, offline_absolute: 90 * 86_400 }
    }
}

/// The settings that a grant and its tokens end by, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub grace: i64,
    pub offline_idle: i64,
    pub offline_absolute: i64,
}

impl Settings {
    pub(super) const fn limits(&self) -> Limits {
        Limits {
            grace: self.tokens.refresh_grace,
            offline_idle: self.tokens.offline_idle,
            offline_absolute: self.tokens.offline_absolute,
        }
    }

    /// Whether cookies carry `Secure` and the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }
}
