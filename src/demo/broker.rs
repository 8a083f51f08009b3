//! A broker of our own, as `serve` would open it, on a database that nobody keeps.

use std::sync::Arc;

use super::{Failure, directory::Directory};
use crate::{
    broker::{
        Broker, Clock, SamlKeys, Sessions, Settings, Tokens,
        outbound::{AllowPrivate, OutboundSettings},
    },
    crypto::{MasterKey, Random},
    store::{Database, Store},
};

/// The administrator's account.
pub(super) const ADMINISTRATOR: &str = "admin@hospital.example";

/// Opens it on a fresh database, with fresh keys.
pub(super) async fn open(
    public_url: &str,
    directory: &Directory,
    clock: Clock,
) -> Result<Arc<Broker>, Failure> {
    let database = Database::Sqlite(directory.path().join("medict.db"));
    let store = Store::open(database, 4)?;
    let broker =
        Broker::open(settings(public_url, directory), store, MasterKey::generate(Random), clock);
    Ok(broker.await?)
}

/// The neighbours are on loopback, so calls there are allowed; traces show everything, for nobody real
/// signs in.
fn settings(public_url: &str, directory: &Directory) -> Settings {
    Settings {
        public_url: public_url.to_owned(),
        sessions: Sessions { idle: 3_600, absolute: 43_200 },
        tokens: Tokens::default(),
        outbound: OutboundSettings {
            allow_private: AllowPrivate::Everything,
            ..OutboundSettings::default()
        },
        saml_keys: SamlKeys::default(),
        spool: directory.path().to_path_buf(),
        capture: true,
    }
}

/// Makes the administrator's account; answers its password.
pub(super) async fn administrator(broker: &Broker) -> Result<String, Failure> {
    let password = format!("{}-{}", Random.reference(), Random.reference());
    broker.create_administrator(ADMINISTRATOR, Some(password.clone())).await?;
    Ok(password)
}
