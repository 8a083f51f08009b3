//! Our own keys: next, active, retiring; and the life between.
//!
//! A token key is published before it signs (`next`), signs (`active`), and stays published while
//! tokens of it may be about (`retiring`). So a rotation breaks no token and surprises no cache.
//!
//! Each algorithm has keys of its own, PS256 too, though RS256's would do: a key is for one algorithm
//! (RFC 8725 §3.1), and its JWK says which. Keys for algorithms beyond the two that are the defaults are
//! made when an application first asks for one.

mod saml;

use std::sync::Arc;

use openssl::pkey::PKey;

pub use saml::NotMoved;

use super::{Broker, Error, SamlKeys};
use crate::{
    crypto::{JwkSet, MasterKey, Random, SigningKey, VerifyingKey},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        resource::SigningAlg,
        words::UnixTime,
    },
    sp::{CertificateInfo, SpKey, read_certificate},
    store::{self, Conn, Store, Tx, audit::HeadSigner, keys::StoredKey},
};

/// Seconds that a replaced key stays published: the longest token and a day of caches.
const RETIRING: i64 = 3_600 + 86_400;

const TOKEN: &str = "token";
const SAML: &str = "saml";
const AUDIT: &str = "audit";

/// The keys in use, parsed once.
pub struct Keyring {
    version: i64,
    tokens: Vec<TokenKey>,
    saml: Vec<SpKey>,
    jwks: JwkSet,
}

struct TokenKey {
    state: String,
    key: SigningKey,
    verifying: VerifyingKey,
}

/// A key as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    pub kid: String,
    pub purpose: String,
    pub alg: String,
    pub state: String,
    pub since: UnixTime,
    /// When it moves on by itself, if it does.
    pub moves_at: Option<UnixTime>,
    /// Of SAML keys, which have a certificate.
    pub certificate: Option<CertificateInfo>,
}

impl Keyring {
    /// The key that signs with `alg`.
    ///
    /// # Errors
    /// [`Error::Broken`] when there is none: the database lost it.
    pub fn signing(&self, alg: SigningAlg) -> Result<&SigningKey, Error> {
        let active = |key: &&TokenKey| key.state == "active" && key.key.alg() == alg;
        let found = self.tokens.iter().find(active).map(|key| &key.key);
        found.ok_or_else(|| Error::Broken(format!("there is no active {} key", alg.name())))
    }

    /// The key of that name, whatever its state: next, active or retiring.
    #[must_use]
    pub fn verifying(&self, kid: &str) -> Option<&VerifyingKey> {
        self.tokens.iter().find(|key| key.key.kid() == kid).map(|key| &key.verifying)
    }

    /// What `/.well-known/jwks.json` publishes.
    #[must_use]
    pub const fn jwks(&self) -> &JwkSet {
        &self.jwks
    }

    /// Our keys towards SAML providers; the first signs, all decrypt.
    #[must_use]
    pub fn saml(&self) -> &[SpKey] {
        &self.saml
    }

    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn load(conn: &mut Conn, master: &MasterKey) -> Result<Self, Error> {
        let version = store::changes::versions(conn)?.keys;
        let stored = store::keys::all(conn)?;
        let live = stored.iter().filter(|key| key.state != "retired");
        let mut ring = Self { version, tokens: vec![], saml: vec![], jwks: JwkSet::default() };
        for row in live {
            if row.purpose == TOKEN {
                ring.tokens.push(TokenKey::open(row, master)?);
            }
        }
        for (row, published) in saml::in_order(&stored) {
            ring.saml.push(saml::open(row, published, master)?);
        }
        let jwks: Result<Vec<_>, _> = ring.tokens.iter().map(|key| key.key.jwk()).collect();
        ring.jwks = JwkSet { keys: jwks? };
        Ok(ring)
    }
}

impl TokenKey {
    fn open(row: &StoredKey, master: &MasterKey) -> Result<Self, Error> {
        let alg = read_alg(&row.alg)?;
        let key = SigningKey::from_der(row.kid.clone(), alg, &open(row, master)?)?;
        let verifying = key
            .jwk()?
            .verifying_key(alg)
            .ok_or_else(|| Error::Broken(format!("key {} does not verify", row.kid)))?;
        Ok(Self { state: row.state.clone(), key, verifying })
    }
}

fn open(row: &StoredKey, master: &MasterKey) -> Result<Vec<u8>, Error> {
    Ok(master.open(&place(&row.kid), &row.sealed)?)
}

fn place(kid: &str) -> String {
    format!("signing_keys/{kid}/sealed")
}

fn read_alg(name: &str) -> Result<SigningAlg, Error> {
    let unknown = || Error::Broken(format!("a key of unknown algorithm {name}"));
    SigningAlg::named(name).ok_or_else(unknown)
}

/// A new key and how it will be stored; made before the closure that stores it.
fn make(
    random: Random,
    master: &MasterKey,
    purpose: &str,
    alg: SigningAlg,
    state: &str,
    now: UnixTime,
) -> Result<StoredKey, Error> {
    let kid = random.uuid(now);
    let key = SigningKey::generate(kid.clone(), alg)?;
    let sealed = master.seal(random, &place(&kid), &key.to_der()?)?;
    let certificate = (purpose == SAML).then(|| certificate(&key, random, now)).transpose()?;
    Ok(StoredKey {
        kid,
        purpose: purpose.to_owned(),
        alg: alg.name().to_owned(),
        state: state.to_owned(),
        sealed,
        certificate,
        created_at: now.0,
        state_since: now.0,
    })
}

fn certificate(key: &SigningKey, random: Random, now: UnixTime) -> Result<String, Error> {
    let broken = |error: openssl::error::ErrorStack| Error::Broken(error.to_string());
    let key = PKey::private_key_from_pkcs8(&key.to_der()?).map_err(broken)?;
    let serial: [u8; 16] = random.bytes();
    let certificate = crate::sp::make_certificate(&key, "Medict", now, &serial).map_err(broken)?;
    let pem = certificate.to_pem().map_err(broken)?;
    Ok(String::from_utf8_lossy(&pem).into_owned())
}

/// What a key is for, its algorithm, its state.
type Wanted = (&'static str, SigningAlg, &'static str);

/// The keys that every database has.
const WANTED: [Wanted; 6] = [
    (TOKEN, SigningAlg::RS256, "active"),
    (TOKEN, SigningAlg::RS256, "next"),
    (TOKEN, SigningAlg::ES256, "active"),
    (TOKEN, SigningAlg::ES256, "next"),
    (SAML, SigningAlg::RS256, "active"),
    (AUDIT, SigningAlg::ES256, "active"),
];

fn is(key: &StoredKey, (purpose, alg, state): &Wanted) -> bool {
    key.purpose == *purpose && key.alg == alg.name() && key.state == *state
}

fn missing(wanted: &[Wanted], stored: &[StoredKey]) -> Vec<Wanted> {
    let has = |wanted: &&Wanted| stored.iter().any(|key| is(key, wanted));
    wanted.iter().filter(|wanted| !has(wanted)).copied().collect()
}

/// Makes what is missing of the keys that every database has.
pub(super) async fn ensure(
    store: &Store,
    random: Random,
    master: &MasterKey,
    now: UnixTime,
) -> Result<(), Error> {
    make_missing(WANTED.to_vec(), false, store, random, master, now).await
}

/// Makes what is missing; of two processes that do so at once, one wins.
async fn make_missing(
    wanted: Vec<Wanted>,
    audited: bool,
    store: &Store,
    random: Random,
    master: &MasterKey,
    now: UnixTime,
) -> Result<(), Error> {
    let stored = store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
    let lacking = missing(&wanted, &stored);
    if lacking.is_empty() {
        return Ok(());
    }
    let sealing = master.clone();
    let make_all = move || -> Result<Vec<_>, Error> {
        let all = lacking.into_iter();
        all.map(|(purpose, alg, state)| make(random, &sealing, purpose, alg, state, now)).collect()
    };
    // An RSA key takes a tenth of a second.
    let made = tokio::task::spawn_blocking(make_all).await;
    let made = made.map_err(|_| Error::Broken("making a key ended unexpectedly".to_owned()))??;
    store
        .write(move |tx| -> Result<(), Error> {
            // The lock on the version row orders the processes; then the second finds nothing missing.
            store::changes::bump(tx, store::changes::Topic::Keys)?;
            let still = missing(&wanted, &store::keys::all(tx)?);
            for key in made.iter().filter(|key| still.iter().any(|wanted| is(key, wanted))) {
                store::keys::create(tx, key)?;
                // At the first start there is no chain yet; `audit_new_keys` records those.
                if audited {
                    tx.audit(key_event(key, Action::KeyCreated, Actor::Broker, now));
                }
            }
            Ok(())
        })
        .await
}

fn key_event(key: &StoredKey, action: Action, actor: Actor, now: UnixTime) -> Event {
    Event::new(action, Outcome::Success, now).by(actor).detail(serde_json::json!({
        "kid": key.kid, "purpose": key.purpose, "alg": key.alg, "state": key.state,
    }))
}

/// Signs the heads of audit chains with the sealed audit key.
pub(super) async fn head_signer(store: &Store, master: &MasterKey) -> Result<HeadSigner, Error> {
    let key = audit_key(store, master).await?;
    Ok(Arc::new(move |text| {
        key.sign("audit-head", &serde_json::json!({ "head": text })).map_err(|e| e.to_string())
    }))
}

/// The audit key; a public half that lies beside the log would prove nothing, so it is the sealed one.
pub(super) async fn audit_key(store: &Store, master: &MasterKey) -> Result<SigningKey, Error> {
    let stored = store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
    let row = stored.iter().find(|key| key.purpose == AUDIT);
    let row = row.ok_or_else(|| Error::Broken("there is no audit key".to_owned()))?;
    Ok(SigningKey::from_der(row.kid.clone(), read_alg(&row.alg)?, &open(row, master)?)?)
}

impl Broker {
    /// Every key that is or was ours.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn list_keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let stored = self.store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
        let info = |key: StoredKey| KeyInfo {
            moves_at: self.moves_at(&key),
            certificate: key.certificate.as_deref().and_then(read_certificate),
            kid: key.kid,
            purpose: key.purpose,
            alg: key.alg,
            state: key.state,
            since: UnixTime(key.state_since),
        };
        Ok(stored.into_iter().map(info).collect())
    }

    /// Records the keys that a first start made. Called once the audit chain is open.
    pub(super) async fn audit_new_keys(&self, before: &[String]) -> Result<(), Error> {
        let stored = self.store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
        let new: Vec<_> = stored.into_iter().filter(|key| !before.contains(&key.kid)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.store
            .write(move |tx| -> Result<(), Error> {
                for key in &new {
                    tx.audit(key_event(key, Action::KeyCreated, Actor::Broker, now));
                }
                Ok(())
            })
            .await
    }

    /// Makes the token keys of algorithms that some application asks for and that have none yet.
    ///
    /// # Errors
    /// [`Error`] when our side fails; it is tried again with the next look for changes.
    pub(super) async fn make_asked_keys(&self) -> Result<(), Error> {
        let (keys, configuration) = (self.keys(), self.configuration());
        let asked = configuration.signing_algs().iter().copied();
        let lacking: Vec<_> = asked.filter(|alg| keys.signing(*alg).is_err()).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let both = |alg| [(TOKEN, alg, "active"), (TOKEN, alg, "next")];
        let wanted = lacking.into_iter().flat_map(both).collect();
        let now = self.clock.now();
        make_missing(wanted, true, &self.store, self.random, &self.master, now).await?;
        let master = self.master.clone();
        let keys = self.store.read(move |conn| Keyring::load(conn, &master)).await?;
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    /// Makes the next token key of each algorithm the active one, and a new next one. Tokens signed
    /// before stay good: the replaced key is published until it retires.
    ///
    /// # Errors
    /// [`Error`] when our side fails; then nothing was rotated.
    pub async fn rotate_keys(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let keys = self.keys();
        let in_use = SigningAlg::ALL.into_iter().filter(|alg| keys.signing(*alg).is_ok());
        let make = |alg| make(self.random, &self.master, TOKEN, alg, "next", now);
        let fresh = in_use.map(make).collect::<Result<Vec<_>, _>>()?;
        self.store
            .write(move |tx| -> Result<(), Error> {
                fresh.iter().try_for_each(|next| rotate_one(tx, next, now))
            })
            .await?;
        self.refresh().await
    }

    /// When a key moves on by itself.
    fn moves_at(&self, key: &StoredKey) -> Option<UnixTime> {
        let SamlKeys { wait, retire } = self.settings.saml_keys;
        let after = match (key.purpose.as_str(), key.state.as_str()) {
            (SAML, "next") => wait,
            (SAML, "retiring") => retire,
            (_, "retiring") => RETIRING,
            _ => return None,
        };
        Some(UnixTime(key.state_since).plus(after))
    }

    /// Uses the SAML key that has waited long enough, and retires what has been replaced for long enough.
    ///
    /// # Errors
    /// [`Error`] when our side fails; then nothing was retired.
    pub async fn move_keys_on(&self) -> Result<(), Error> {
        let now = self.clock.now();
        self.use_waiting_saml_key(now).await?;
        let stored_at = |key: &StoredKey| self.moves_at(key);
        let old =
            |key: &StoredKey| key.state == "retiring" && stored_at(key).is_some_and(|at| now > at);
        let stored = self.store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
        let done: Vec<_> = stored.into_iter().filter(old).collect();
        if done.is_empty() {
            return Ok(());
        }
        self.store
            .write(move |tx| -> Result<(), Error> {
                for key in &done {
                    if store::keys::advance(tx, &key.kid, "retiring", "retired", now)? {
                        let retired = StoredKey { state: "retired".to_owned(), ..key.clone() };
                        tx.audit(key_event(&retired, Action::KeyRotated, Actor::Broker, now));
                    }
                }
                Ok(())
            })
            .await?;
        self.refresh().await
    }
}

fn rotate_one(tx: &mut Tx<'_>, fresh: &StoredKey, now: UnixTime) -> Result<(), Error> {
    store::changes::bump(tx, store::changes::Topic::Keys)?;
    for key in store::keys::all(tx)? {
        if key.purpose != TOKEN || key.alg != fresh.alg {
            continue;
        }
        let to = match key.state.as_str() {
            "active" => "retiring",
            "next" => "active",
            _ => continue,
        };
        store::keys::advance(tx, &key.kid, &key.state, to, now)?;
        let moved = StoredKey { state: to.to_owned(), ..key };
        tx.audit(key_event(&moved, Action::KeyRotated, Actor::Operator, now));
    }
    store::keys::create(tx, fresh)?;
    tx.audit(key_event(fresh, Action::KeyCreated, Actor::Operator, now));
    Ok(())
}
