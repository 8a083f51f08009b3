//! Opening the house: the right master key, the keys that must be there, the audit chain.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::{
    Broker, Clock, Configuration, Error, Keyring, Settings,
    hashing::Hashing,
    keyring,
    metadata::{self, Turns},
    outbound::Outbound,
    refusals::Counter,
    upstream::UpstreamCache,
    verdicts::Verdicts,
};
use crate::{
    crypto::{MasterKey, Random},
    store::{self, Store},
};

/// Why the broker cannot start, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "the master key is not the one that this database was made with; set master_key_file (or \
         MEDICT_MASTER_KEY) to the key that was in use, for secrets in the database open with no other"
    )]
    WrongMasterKey,
    #[error(transparent)]
    Broken(#[from] Error),
    #[error("{0}")]
    Outbound(String),
}

const SEAL_PLACE: &str = "seals/master-key/sealed";
const SEAL_TEXT: &[u8] = b"medict";

impl Broker {
    /// Opens everything on a store that is up to date.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(
        settings: Settings,
        store: Store,
        master: MasterKey,
        clock: Clock,
    ) -> Result<Arc<Self>, StartError> {
        let random = Random;
        let now = clock.now();
        check_master_key(&store, &master, random).await?;
        let before = known_keys(&store).await?;
        keyring::ensure(&store, random, &master, now).await?;
        let signer = keyring::head_signer(&store, &master).await?;
        store.open_audit_chain(random.uuid(now), signer).await.map_err(Error::from)?;
        let keys = load_keys(&store, &master).await?;
        let outbound = Outbound::new(&settings.outbound)
            .map_err(|error| StartError::Outbound(error.to_string()))?;
        let configuration = Configuration::empty();
        let broker = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            settings,
            clock,
            random,
            store,
            master,
            configuration: ArcSwap::from_pointee(configuration),
            keys: ArcSwap::from_pointee(keys),
            outbound,
            upstreams: UpstreamCache::default(),
            refusals: Counter::default(),
            refreshing: tokio::sync::Mutex::default(),
            metadata_round: tokio::sync::Mutex::default(),
            metadata_turns: Turns::default(),
            verdicts: Verdicts::default(),
            hashing: Hashing::new(),
        });
        metadata::sweep(&broker.settings.spool);
        broker.refresh().await?;
        broker.audit_new_keys(&before).await?;
        Ok(broker)
    }
}

async fn known_keys(store: &Store) -> Result<Vec<String>, Error> {
    let stored = store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
    Ok(stored.into_iter().map(|key| key.kid).collect())
}

async fn load_keys(store: &Store, master: &MasterKey) -> Result<Keyring, Error> {
    let master = master.clone();
    store.read(move |conn| Keyring::load(conn, &master)).await
}

/// A new database is sealed with this key; an old one must open with it.
async fn check_master_key(
    store: &Store,
    master: &MasterKey,
    random: Random,
) -> Result<(), StartError> {
    let seal = |conn: &mut store::Conn| Ok::<_, Error>(store::keys::seal(conn)?);
    let mut found = store.read(seal).await?;
    if found.is_none() {
        let fresh = master.seal(random, SEAL_PLACE, SEAL_TEXT).map_err(Error::from)?;
        let set = store.write(move |tx| store::keys::set_seal(tx, &fresh)).await;
        match set {
            // Another process was faster; what it stored has to open too.
            Ok(()) | Err(store::Error::Duplicate) => found = store.read(seal).await?,
            Err(error) => return Err(Error::from(error).into()),
        }
    }
    check_seal(master, found.as_deref())
}

/// Whether `sealed`, which the database was made with, opens with this key.
///
/// # Errors
/// [`StartError::WrongMasterKey`].
pub fn check_seal(master: &MasterKey, sealed: Option<&str>) -> Result<(), StartError> {
    let opens = sealed.is_some_and(|sealed| master.open(SEAL_PLACE, sealed).is_ok());
    if opens { Ok(()) } else { Err(StartError::WrongMasterKey) }
}
