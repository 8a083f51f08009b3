//! Our keys towards SAML providers: publish, wait, use, retire.
//!
//! Providers keep our metadata for hours or until somebody carries it over, so a new key is published
//! (`next`) long before it signs (`active`); the one it replaces decrypts and stays published
//! (`retiring`) until it ends (`retired`). An EC key only signs: the RSA key beside it goes on decrypting.

use openssl::{pkey::PKey, x509::X509};

use super::{SAML, key_event, make};
use crate::{
    broker::{Broker, Error},
    crypto::MasterKey,
    domain::{
        audit::{Action, Actor},
        resource::SigningAlg,
        words::UnixTime,
    },
    sp::{Published, SpKey},
    store::{self, Tx, keys::StoredKey},
};

/// Why a key does not move on.
#[derive(Debug, thiserror::Error)]
pub enum NotMoved {
    #[error("the key {0} waits already; use it or retire it first")]
    OneWaits(String),
    #[error("no SAML key {0} waits to be used")]
    NotWaiting(String),
    #[error("the key {0} is in use, or no SAML key of ours, or retired already")]
    NotRetirable(String),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for NotMoved {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn open(
    row: &StoredKey,
    published: Published,
    master: &MasterKey,
) -> Result<SpKey, Error> {
    let broken = |_| Error::Broken(format!("SAML key {} is damaged", row.kid));
    let key = PKey::private_key_from_pkcs8(&super::open(row, master)?).map_err(broken)?;
    let pem = row.certificate.as_deref().unwrap_or_default();
    let certificate = X509::from_pem(pem.as_bytes()).map_err(broken)?;
    Ok(SpKey { key, certificate, published })
}

/// The keys that are not retired, the one that signs first, each with what it is published for.
pub(super) fn in_order(stored: &[StoredKey]) -> Vec<(&StoredKey, Published)> {
    let live = |state: &'static str| {
        stored.iter().filter(move |key| key.purpose == SAML && key.state == state)
    };
    let elliptic = |key: &&StoredKey| key.alg == SigningAlg::ES256.name();
    // Where an EC key is active, it signs.
    let signer = live("active").find(elliptic).or_else(|| live("active").next());
    let others = live("active").filter(|key| signer.is_none_or(|signer| signer.kid != key.kid));
    let signer = signer.into_iter().map(|key| (key, Published::Both));
    signer
        .chain(others.map(|key| (key, Published::Encryption)))
        .chain(live("next").map(|key| (key, Published::Both)))
        .chain(live("retiring").map(|key| (key, Published::Signing)))
        .collect()
}

impl Broker {
    /// Makes a new SAML key and publishes it beside the present one, which goes on signing until the new
    /// one has waited ([`super::SamlKeys`]) or somebody says so ([`Self::use_saml_key`]).
    ///
    /// # Errors
    /// [`NotMoved::OneWaits`]: one roll-over at a time.
    pub async fn rotate_saml_key(&self, alg: SigningAlg, actor: Actor) -> Result<String, NotMoved> {
        let now = self.clock.now();
        let fresh = make(self.random, &self.master, SAML, alg, "next", now)?;
        let kid = fresh.kid.clone();
        self.store
            .write(move |tx| -> Result<(), NotMoved> {
                // The lock on the version row orders the processes.
                store::changes::bump(tx, store::changes::Topic::Keys)?;
                let stored = store::keys::all(tx)?;
                let waits = stored.iter().find(|key| key.purpose == SAML && key.state == "next");
                if let Some(waits) = waits {
                    return Err(NotMoved::OneWaits(waits.kid.clone()));
                }
                store::keys::create(tx, &fresh)?;
                tx.audit(key_event(&fresh, Action::KeyCreated, actor.clone(), now));
                Ok(())
            })
            .await?;
        self.refresh().await?;
        Ok(kid)
    }

    /// Signs with the key that waits, from now on; what it replaces begins to retire.
    ///
    /// # Errors
    /// [`NotMoved::NotWaiting`].
    pub async fn use_saml_key(&self, kid: &str, actor: Actor) -> Result<(), NotMoved> {
        let (kid, now) = (kid.to_owned(), self.clock.now());
        self.store
            .write(move |tx| -> Result<(), NotMoved> {
                if activate(tx, &kid, &actor, now)? {
                    Ok(())
                } else {
                    Err(NotMoved::NotWaiting(kid.clone()))
                }
            })
            .await?;
        Ok(self.refresh().await?)
    }

    /// Ends a key that was replaced, or takes back one that waits.
    ///
    /// # Errors
    /// [`NotMoved::NotRetirable`].
    pub async fn retire_saml_key(&self, kid: &str, actor: Actor) -> Result<(), NotMoved> {
        let (kid, now) = (kid.to_owned(), self.clock.now());
        self.store
            .write(move |tx| -> Result<(), NotMoved> {
                let found = store::keys::all(tx)?.into_iter().find(|key| key.kid == kid);
                let found = found.filter(|key| key.purpose == SAML && key.state != "active");
                let key = found.ok_or_else(|| NotMoved::NotRetirable(kid.clone()))?;
                let open = matches!(key.state.as_str(), "next" | "retiring");
                if !open || !store::keys::advance(tx, &kid, &key.state, "retired", now)? {
                    return Err(NotMoved::NotRetirable(kid.clone()));
                }
                let retired = StoredKey { state: "retired".to_owned(), ..key };
                tx.audit(key_event(&retired, Action::KeyRotated, actor.clone(), now));
                Ok(())
            })
            .await?;
        Ok(self.refresh().await?)
    }

    /// Uses the key whose wait is over.
    pub(super) async fn use_waiting_saml_key(&self, now: UnixTime) -> Result<(), Error> {
        let stored = self.store.read(|conn| Ok::<_, Error>(store::keys::all(conn)?)).await?;
        let ripe = |key: &&StoredKey| {
            let waits = key.purpose == SAML && key.state == "next";
            waits && self.moves_at(key).is_some_and(|at| now >= at)
        };
        let Some(kid) = stored.iter().find(ripe).map(|key| key.kid.clone()) else { return Ok(()) };
        self.store.write(move |tx| activate(tx, &kid, &Actor::Broker, now).map(drop)).await?;
        self.refresh().await
    }
}

/// `false`: it does not wait (any more). An EC key replaces an EC key; an RSA key, which can do both,
/// replaces every key.
fn activate(tx: &mut Tx<'_>, kid: &str, actor: &Actor, now: UnixTime) -> Result<bool, Error> {
    store::changes::bump(tx, store::changes::Topic::Keys)?;
    let stored = store::keys::all(tx)?;
    let waiting = |key: &&StoredKey| key.kid == kid && key.purpose == SAML && key.state == "next";
    let Some(next) = stored.iter().find(waiting) else { return Ok(false) };
    let rsa = next.alg == SigningAlg::RS256.name();
    let replaced = stored.iter().filter(|key| key.purpose == SAML && key.state == "active");
    let replaced = replaced.filter(|key| rsa || key.alg == next.alg).map(|key| (key, "retiring"));
    for (key, to) in replaced.chain([(next, "active")]) {
        store::keys::advance(tx, &key.kid, &key.state, to, now)?;
        let moved = StoredKey { state: to.to_owned(), ..key.clone() };
        tx.audit(key_event(&moved, Action::KeyRotated, actor.clone(), now));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, alg: &str, state: &str) -> StoredKey {
        StoredKey {
            kid: kid.to_owned(),
            purpose: SAML.to_owned(),
            alg: alg.to_owned(),
            state: state.to_owned(),
            sealed: String::new(),
            certificate: None,
            created_at: 0,
            state_since: 0,
        }
    }

    #[test]
    fn the_signer_comes_first_and_each_is_published_for_its_part() {
        use Published::{Both, Encryption, Signing};
        for (stored, expected) in [
            (vec![key("a", "RS256", "active")], vec![("a", Both)]),
            (
                vec![
                    key("a", "RS256", "retiring"),
                    key("b", "RS256", "active"),
                    key("c", "ES256", "next"),
                ],
                vec![("b", Both), ("c", Both), ("a", Signing)],
            ),
            (
                vec![
                    key("a", "RS256", "active"),
                    key("b", "ES256", "active"),
                    key("c", "RS256", "retired"),
                ],
                vec![("b", Both), ("a", Encryption)],
            ),
        ] {
            let order = in_order(&stored);
            let order: Vec<_> = order.iter().map(|(key, p)| (key.kid.as_str(), *p)).collect();
            assert_eq!(order, expected);
        }
    }
}
