//! Federations: the aggregate is spooled to a file, read once, and its members kept one by one.
//!
//! Members are written under a generation of their own while the aggregate is read; it comes into force
//! in one statement, after the signature over the whole was found good. Until then, and whenever
//! anything fails, the last good set stays.

use std::{fs::File, io::BufReader, path::Path};

use tokio::sync::mpsc;
use url::Url;

use super::{
    Draining, Source,
    policy::{InForce, drain},
    refresh::{Ending, NotRefreshed, Refreshed},
    spool::Spooled,
};
use crate::{
    broker::{Broker, Error, outbound::Validators},
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Outcome},
        metadata::{Change, compare},
        resource::SamlConfiguration,
        words::{IdpId, UnixTime},
    },
    sp::{self, AggregateSummary, FederationEntity},
    store::{
        self,
        entities::{Entity, Federation},
        refreshes::Refresh,
    },
};

/// The largest aggregate, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Members in one commit.
const PART: usize = 100;
/// Changed members that the audit record lists.
const MOST_TOLD: usize = 50;
/// Rows deleted in one commit.
const SWEEP: i64 = 500;

/// What a refresh found, besides the members themselves.
#[derive(Default)]
struct Found {
    summary: AggregateSummary,
    kept: i64,
    known: i64,
    changed: i64,
    told: Vec<serde_json::Value>,
}

impl Broker {
    /// Fetches the aggregate and brings its members into force.
    pub(super) async fn refresh_federation(
        &self,
        source: &Source,
        state: Refresh,
        claimed: i64,
        actor: Actor,
    ) -> Result<Refreshed, NotRefreshed> {
        let id = source.id.clone();
        let before = self.store.read(move |conn| store::entities::federation(conn, &id)).await;
        let before = before
            .map_err(Error::from)?
            .filter(|federation| federation.basis == basis(&source.saml));
        let unique = self.random.uuid(self.clock.now());
        let file = Spooled::new(&self.settings.spool, &unique);
        let file = file.map_err(|error| Error::Broken(format!("no file for the feed: {error}")))?;
        let file_path = file.path();
        let outcome =
            self.take_aggregate(source, &state, claimed, before.as_ref(), file_path).await;
        drop(file);
        let now = self.clock.now();
        let (ending, refreshed) = match outcome {
            Ok(None) => {
                (self.checked_federation(source, state, None, now), Ok(Refreshed::Unchanged))
            }
            Ok(Some((found, validators))) => {
                let state =
                    Refresh { etag: validators.etag, modified: validators.modified, ..state };
                let event = source.event(Action::MetadataChanged, Outcome::Success, now).by(actor);
                let removed = before.as_ref().map_or(0, |before| before.entities - found.known);
                let event = event.detail(serde_json::json!({
                    "federation": { "members": found.kept, "added": found.kept - found.known,
                        "removed": removed, "changed": found.changed,
                        "passedOver": found.summary.passed_over },
                    "changes": found.told,
                }));
                let federation = Federation {
                    idp: source.id.0.clone(),
                    basis: basis(&source.saml),
                    generation: claimed,
                    fetched_at: now.0,
                    entities: found.kept,
                    passed_over: i64::try_from(found.summary.passed_over).unwrap_or(i64::MAX),
                };
                let ending = self.checked_federation(source, state, Some(&found.summary), now);
                let ending = Ending { federation: Some(federation), event: Some(event), ..ending };
                (ending, Ok(Refreshed::Accepted))
            }
            Err(NotRefreshed::Failed(error)) => return Err(error.into()),
            Err(problem) => (self.failed_federation(source, state, &problem, now), Err(problem)),
        };
        let won = self.settle(source, claimed, ending).await?;
        self.sweep_federation(&source.id).await?;
        if won { refreshed } else { refreshed.map(|_| Refreshed::Elsewhere) }
    }

    fn checked_federation(
        &self,
        source: &Source,
        state: Refresh,
        summary: Option<&AggregateSummary>,
        now: UnixTime,
    ) -> Ending {
        let freshness = summary.map(|summary| (summary.cache_duration, summary.valid_until));
        let state = self.checked_at(source, state, freshness.unwrap_or_default(), now);
        let state = Refresh { settled: None, ..state };
        Ending::new(state)
    }

    fn failed_federation(
        &self,
        source: &Source,
        state: Refresh,
        problem: &NotRefreshed,
        now: UnixTime,
    ) -> Ending {
        let text = problem.to_string();
        let digest = Some(sha256_base64url(&text));
        let told = state.settled == digest || matches!(problem, NotRefreshed::Unreachable(_));
        let event = source.event(Action::MetadataRefused, Outcome::Refused, now);
        let event = (!told).then(|| event.detail(text.clone()));
        let state = self.failed(source, state, &text, now);
        let settled =
            if matches!(problem, NotRefreshed::Refused(_)) { digest } else { state.settled };
        Ending { event, ..Ending::new(Refresh { settled, etag: None, modified: None, ..state }) }
    }

    /// `None`: nothing changed since it was last fetched.
    async fn take_aggregate(
        &self,
        source: &Source,
        state: &Refresh,
        generation: i64,
        before: Option<&Federation>,
        file: &Path,
    ) -> Result<Option<(Found, Validators)>, NotRefreshed> {
        let unreachable = |problem: String| NotRefreshed::Unreachable(problem);
        let url = Url::parse(&source.url).map_err(|error| unreachable(error.to_string()))?;
        let known = match before {
            Some(_) => Validators { etag: state.etag.clone(), modified: state.modified.clone() },
            None => Validators::default(),
        };
        let answer =
            self.outbound.spool(&url, "application/samlmetadata+xml", &known, file, LARGEST);
        let answer = answer.await.map_err(|error| unreachable(error.to_string()))?;
        match answer.status {
            304 if known != Validators::default() => return Ok(None),
            200 => {}
            status => return Err(unreachable(format!("{url} answered {status}"))),
        }
        let found = self.keep_members(source, generation, before, file).await?;
        Ok(Some((found, answer.validators)))
    }

    /// Reads the file on a thread of its own, and writes what comes of it in parts.
    async fn keep_members(
        &self,
        source: &Source,
        generation: i64,
        before: Option<&Federation>,
        file: &Path,
    ) -> Result<Found, NotRefreshed> {
        let (sender, mut parts) = mpsc::channel(2);
        let (path, saml, now) = (file.to_path_buf(), source.saml.clone(), self.clock.now());
        let reading = tokio::task::spawn_blocking(move || read(&path, &saml, now, &sender));
        let mut found = Found::default();
        while let Some(part) = parts.recv().await {
            self.keep_part(source, generation, before, part, &mut found).await?;
        }
        let summary = reading.await;
        let summary =
            summary.map_err(|_| Error::Broken("reading an aggregate ended".to_owned()))?;
        found.summary = summary.map_err(|bad| NotRefreshed::Refused(bad.to_string()))?;
        if found.kept == 0 {
            return Err(NotRefreshed::Refused(
                "it names no identity provider that can be used".to_owned(),
            ));
        }
        Ok(found)
    }

    async fn keep_part(
        &self,
        source: &Source,
        generation: i64,
        before: Option<&Federation>,
        part: Vec<FederationEntity>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let known = match before.map(|before| before.generation) {
            None => Vec::new(),
            Some(old) => {
                let ids: Vec<_> = part.iter().map(|entity| entity.entity_id.clone()).collect();
                let idp = source.id.clone();
                self.store.read(move |conn| store::entities::named(conn, &idp, old, &ids)).await?
            }
        };
        let now = self.clock.now();
        let rows: Vec<_> = part
            .into_iter()
            .map(|entity| {
                let old = known.iter().find(|old| old.entity_id == entity.entity_id);
                member(source, generation, old, entity, now, found)
            })
            .collect();
        self.store.write(move |tx| store::entities::add(tx, &rows)).await?;
        Ok(())
    }

    /// Forgets sets that are not in force and never will be.
    async fn sweep_federation(&self, id: &IdpId) -> Result<(), Error> {
        let idp = id.clone();
        let federation =
            self.store.read(move |conn| store::entities::federation(conn, &idp)).await?;
        let claimed = self.find_refresh(id).await?.map_or(i64::MAX, |state| state.due_at);
        let keep = federation.map_or(-1, |federation| federation.generation);
        loop {
            let idp = id.clone();
            let rows = self
                .store
                .write(move |tx| store::entities::sweep(tx, &idp, keep, claimed, SWEEP))
                .await?;
            if rows == 0 {
                return Ok(());
            }
        }
    }
}

/// What a set is believed by: a set of another address, signer or member does not count.
pub(super) fn basis(saml: &SamlConfiguration) -> String {
    let of = (&saml.metadata_url, &saml.metadata_certificate, &saml.entity_id);
    sha256_base64url(serde_json::json!(of).to_string())
}

/// Hands the members over in parts; of one entity only, where the configuration names it.
fn read(
    path: &Path,
    saml: &SamlConfiguration,
    now: UnixTime,
    parts: &mpsc::Sender<Vec<FederationEntity>>,
) -> Result<AggregateSummary, sp::BadAggregate> {
    let mut part = Vec::with_capacity(PART);
    let source = BufReader::new(File::open(path)?);
    let summary = sp::read_aggregate(source, saml, now, |entity| {
        if saml.entity_id.as_ref().is_some_and(|only| *only != entity.entity_id) {
            return true;
        }
        part.push(entity);
        part.len() < PART || parts.blocking_send(std::mem::take(&mut part)).is_ok()
    })?;
    if !part.is_empty() && parts.blocking_send(part).is_err() {
        return Err(sp::BadAggregate::Abandoned);
    }
    Ok(summary)
}

/// The row of a member, with the keys that drain from the set before.
fn member(
    source: &Source,
    generation: i64,
    old: Option<&Entity>,
    entity: FederationEntity,
    now: UnixTime,
    found: &mut Found,
) -> Entity {
    found.kept += 1;
    found.known += i64::from(old.is_some());
    let draining: Vec<Draining> =
        old.and_then(|old| serde_json::from_str(&old.draining).ok()).unwrap_or_default();
    let body = old.map(|old| old.xml.as_str()).filter(|xml| *xml != entity.xml);
    let in_force = InForce { saml: &source.saml, body, draining, now };
    let changes = body.map(|body| changes(body, &entity.xml)).unwrap_or_default();
    if !changes.is_empty() {
        found.changed += 1;
        if found.told.len() < MOST_TOLD {
            found
                .told
                .push(serde_json::json!({ "entityId": entity.entity_id, "changes": changes }));
        }
    }
    let draining = drain(&in_force, &changes, &entity.xml);
    Entity {
        idp: source.id.0.clone(),
        generation,
        entity_id: entity.entity_id,
        name: entity.name,
        search: entity.search,
        xml: entity.xml,
        draining: Draining::write(&draining),
    }
}

/// The federation vouches for all of it: nothing is held, keys drain.
fn changes(old: &str, new: &str) -> Vec<Change> {
    let described = |xml: &str| sp::parse_metadata(xml).ok().map(|found| found.description());
    match (described(old), described(new)) {
        (Some(old), Some(new)) => compare(&old, &new, true),
        _ => Vec::new(),
    }
}
