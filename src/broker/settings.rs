//! What an operator sets once per process.

use super::outbound::OutboundSettings;

/// The settings that use cases depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Issuer and base of every URL of ours; no trailing slash.
    pub public_url: String,
    pub sessions: Sessions,
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

impl Settings {
    /// Whether cookies carry `Secure` and the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }
}
