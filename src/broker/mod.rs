//! The hall: the use cases. Joins the rules of the three hats with the store and the network.
//!
//! Comes in: what a browser or an application sent, already parsed, and who sent it. Goes out: what to
//! answer, in domain words, or an [`Error`] of ours, or a refusal that is one fact.
//!
//! **Invariants**
//! * The clock is read once per use case, randomness is drawn before the closure that stores it.
//! * Every step of a login ends in one [`login::Next`]; steps never call each other.
//! * What was decided and what the audit log says of it are in one commit.

pub mod access;
pub mod accounts;
pub mod apply;
pub mod audit;
mod caller;
mod clients;
mod clock;
mod configuration;
mod counterpart;
pub mod devices;
mod error;
mod exchange;
pub mod forecast;
mod gate;
mod hashing;
mod issue;
mod keyring;
pub mod login;
pub mod logout;
pub mod metadata;
mod oidc_exchange;
pub mod outbound;
mod presented;
pub mod records;
mod refresh;
pub mod refusals;
pub mod registration;
pub mod resources;
pub mod revocation;
pub mod session;
mod settings;
mod standing;
mod start;
pub mod tokens;
pub mod upstream;
mod verdicts;
mod watch;

pub use caller::Caller;
pub use clock::Clock;
pub use configuration::{Client, Configuration, Provider, SamlSide, Upstream};
pub use error::Error;
pub use keyring::{KeyInfo, Keyring, NotMoved};
pub use settings::{SamlKeys, Sessions, Settings, Tokens};
pub use start::{StartError, check_seal};

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use crate::{
    crypto::{MasterKey, Random},
    store::Store,
};

/// Everything a use case needs; one per process.
pub struct Broker {
    /// For work that goes on when whoever began it has gone away.
    me: Weak<Self>,
    pub settings: Settings,
    pub clock: Clock,
    pub random: Random,
    store: Store,
    master: MasterKey,
    configuration: ArcSwap<Configuration>,
    keys: ArcSwap<Keyring>,
    outbound: outbound::Outbound,
    upstreams: upstream::UpstreamCache,
    refusals: refusals::Counter,
    /// One look for changes at a time: of two, the slower would put back what was.
    refreshing: tokio::sync::Mutex<()>,
    /// One round of refreshing metadata at a time.
    metadata_round: tokio::sync::Mutex<()>,
    metadata_turns: metadata::Turns,
    verdicts: verdicts::Verdicts,
    hashing: hashing::Hashing,
}

impl Broker {
    /// The configuration as it was when last read; at most a second old.
    #[must_use]
    pub fn configuration(&self) -> Arc<Configuration> {
        self.configuration.load_full()
    }

    /// Our keys as they were when last read.
    #[must_use]
    pub fn keys(&self) -> Arc<Keyring> {
        self.keys.load_full()
    }

    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// `iss`, and the start of every URL of ours.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.public_url
    }
}
