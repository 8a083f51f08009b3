//! What others publish, kept in memory: metadata and keys of providers by issuer, keys of applications by
//! address.
//!
//! An answer is kept as long as its `Cache-Control` says, within five minutes and a day. The last good
//! one outlives an outage of the provider. Callers of one issuer wait for one fetch together, and for
//! no other issuer's; a fetch that failed is not tried again at once.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Mutex;
use url::Url;

use super::outbound::{Answer, Outbound, OutboundError};
use crate::{
    crypto::JwkSet,
    rp::{self, ProviderMetadata, Rejection},
};

/// Metadata and keys of every provider that was asked so far.
#[derive(Debug, Default)]
pub struct UpstreamCache {
    issuers: std::sync::Mutex<HashMap<String, Arc<Upstream>>>,
    key_sets: std::sync::Mutex<HashMap<String, Arc<Mutex<Kept<JwkSet>>>>>,
}

/// What one issuer publishes; a lock is held while its document is fetched.
#[derive(Debug, Default)]
struct Upstream {
    metadata: Mutex<Kept<ProviderMetadata>>,
    keys: Mutex<Kept<JwkSet>>,
}

/// A document with its good and its bad news.
#[derive(Debug)]
struct Kept<T> {
    good: Option<Arc<T>>,
    /// From then on `good` may be asked for anew.
    stale_at: Option<Instant>,
    /// The last fetch failed, and is not repeated before this time.
    failed: Option<(UpstreamError, Instant)>,
    /// When a caller was last unsatisfied with `good`.
    renewed_at: Option<Instant>,
}

/// Why a provider's document is not at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("{url} answers with status {status}")]
    Status { url: Url, status: u16 },
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

const SHORTEST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// After a failure: longer than one call may last, so that those who waited for it fail with it
/// instead of each waiting anew.
const PAUSE: Duration = Duration::from_secs(15);

/// So many applications' keys are kept; then all are forgotten, and the busy ones come back.
const MOST_KEY_SETS: usize = 1_000;

/// A key that is not in the set causes one fetch in this time.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(60);

impl UpstreamCache {
    /// The metadata of `issuer`, from memory or from its well-known address.
    ///
    /// # Errors
    /// [`UpstreamError`], when there never was a good answer.
    pub async fn metadata(
        &self,
        outbound: &Outbound,
        issuer: &str,
        now: Instant,
    ) -> Result<Arc<ProviderMetadata>, UpstreamError> {
        let upstream = self.upstream(issuer);
        let mut kept = upstream.metadata.lock().await;
        kept.value(now, async || fetch_metadata(outbound, issuer).await).await
    }

    /// The keys of a provider.
    ///
    /// # Errors
    /// [`UpstreamError`], when there never was a good answer.
    pub async fn keys(
        &self,
        outbound: &Outbound,
        metadata: &ProviderMetadata,
        now: Instant,
    ) -> Result<Arc<JwkSet>, UpstreamError> {
        let upstream = self.upstream(&metadata.issuer);
        let mut kept = upstream.keys.lock().await;
        kept.value(now, async || fetch_keys(outbound, metadata).await).await
    }

    /// The keys once more, because `known` do not verify a token. `None`: there are no others, or
    /// the last such request was less than a minute ago.
    pub async fn newer_keys(
        &self,
        outbound: &Outbound,
        metadata: &ProviderMetadata,
        known: &Arc<JwkSet>,
        now: Instant,
    ) -> Option<Arc<JwkSet>> {
        let upstream = self.upstream(&metadata.issuer);
        let mut kept = upstream.keys.lock().await;
        kept.newer(known, now, async || fetch_keys(outbound, metadata).await).await
    }

    /// The keys that an application publishes at `url`.
    ///
    /// # Errors
    /// [`UpstreamError`], when there never was a good answer.
    pub async fn key_set(
        &self,
        outbound: &Outbound,
        url: &str,
        now: Instant,
    ) -> Result<Arc<JwkSet>, UpstreamError> {
        let kept = self.kept_key_set(url);
        let mut kept = kept.lock().await;
        kept.value(now, async || fetch_key_set(outbound, url).await).await
    }

    /// The same once more, as [`Self::newer_keys`].
    pub async fn newer_key_set(
        &self,
        outbound: &Outbound,
        url: &str,
        known: &Arc<JwkSet>,
        now: Instant,
    ) -> Option<Arc<JwkSet>> {
        let kept = self.kept_key_set(url);
        let mut kept = kept.lock().await;
        kept.newer(known, now, async || fetch_key_set(outbound, url).await).await
    }

    /// Forgets what `issuer` published: its configuration was changed, or an administrator says so.
    pub fn forget(&self, issuer: &str) {
        self.issuers.lock().unwrap_or_else(PoisonError::into_inner).remove(issuer);
    }

    fn kept_key_set(&self, url: &str) -> Arc<Mutex<Kept<JwkSet>>> {
        let mut key_sets = self.key_sets.lock().unwrap_or_else(PoisonError::into_inner);
        if key_sets.len() >= MOST_KEY_SETS && !key_sets.contains_key(url) {
            key_sets.clear();
        }
        Arc::clone(key_sets.entry(url.to_owned()).or_default())
    }

    fn upstream(&self, issuer: &str) -> Arc<Upstream> {
        let mut issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(issuers.entry(issuer.to_owned()).or_default())
    }
}

/// A document and how long it may be kept, in seconds.
type Fetched<T> = Result<(T, Option<u64>), UpstreamError>;

impl<T: PartialEq> Kept<T> {
    /// What is kept while it is fresh, else a new one, else what is kept.
    async fn value(
        &mut self,
        now: Instant,
        fetch: impl AsyncFnOnce() -> Fetched<T>,
    ) -> Result<Arc<T>, UpstreamError> {
        if self.stale_at.is_none_or(|stale_at| now >= stale_at) && !self.pausing(now) {
            self.take(fetch().await, now);
        }
        match (&self.good, &self.failed) {
            (Some(good), _) => Ok(Arc::clone(good)),
            (None, Some((error, _))) => Err(error.clone()),
            (None, None) => Err(OutboundError::NotAUrl.into()),
        }
    }

    /// Another value than `known`: one that somebody else just fetched, or a new one.
    async fn newer(
        &mut self,
        known: &Arc<T>,
        now: Instant,
        fetch: impl AsyncFnOnce() -> Fetched<T>,
    ) -> Option<Arc<T>> {
        let other = |good: &Arc<T>| (good != known).then(|| Arc::clone(good));
        if let Some(newer) = self.good.as_ref().and_then(other) {
            return Some(newer);
        }
        let since = self.renewed_at.map(|then| now.saturating_duration_since(then));
        if since.is_some_and(|since| since < BETWEEN_RENEWALS) {
            return None;
        }
        self.renewed_at = Some(now);
        self.take(fetch().await, now);
        self.good.as_ref().and_then(other)
    }

    fn pausing(&self, now: Instant) -> bool {
        self.failed.as_ref().is_some_and(|(_, until)| now < *until)
    }

    fn take(&mut self, fetched: Fetched<T>, now: Instant) {
        match fetched {
            Ok((value, max_age)) => {
                let age = Duration::from_secs(max_age.unwrap_or_default());
                self.good = Some(Arc::new(value));
                self.stale_at = Some(now + age.clamp(SHORTEST, LONGEST));
                self.failed = None;
            }
            Err(error) => {
                tracing::warn!(%error, "a provider's published document cannot be fetched");
                self.failed = Some((error, now + PAUSE));
            }
        }
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { good: None, stale_at: None, failed: None, renewed_at: None }
    }
}

async fn fetch_metadata(outbound: &Outbound, issuer: &str) -> Fetched<ProviderMetadata> {
    let answer = fetch(outbound, &rp::discovery_url(issuer)?).await?;
    Ok((rp::parse_metadata(issuer, &answer.body)?, answer.max_age))
}

async fn fetch_keys(outbound: &Outbound, metadata: &ProviderMetadata) -> Fetched<JwkSet> {
    let answer = fetch(outbound, &metadata.jwks_uri).await?;
    Ok((rp::parse_jwks(&answer.body)?, answer.max_age))
}

async fn fetch_key_set(outbound: &Outbound, url: &str) -> Fetched<JwkSet> {
    let url = Url::parse(url).map_err(|_| OutboundError::NotAUrl)?;
    let answer = fetch(outbound, &url).await?;
    Ok((rp::parse_jwks(&answer.body)?, answer.max_age))
}

async fn fetch(outbound: &Outbound, url: &Url) -> Result<Answer, UpstreamError> {
    let answer = outbound.get(url, "application/json").await?;
    match answer.status {
        200 => Ok(answer),
        status => Err(UpstreamError::Status { url: url.clone(), status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn outage<T>() -> Fetched<T> {
        Err(OutboundError::TimedOut { host: "op.example".into() }.into())
    }

    fn unasked() -> Fetched<u8> {
        panic!("must not be fetched")
    }

    #[tokio::test]
    async fn a_document_is_kept_within_bounds() {
        let start = Instant::now();
        for (max_age, kept_for) in
            [(None, 300), (Some(0), 300), (Some(3_600), 3_600), (Some(u64::MAX), 86_400)]
        {
            let mut kept = Kept::default();
            let first = kept.value(start, async || Ok((1, max_age))).await;
            assert_eq!(first.as_deref(), Ok(&1));
            let before = start + seconds(kept_for - 1);
            assert_eq!(kept.value(before, async || unasked()).await.as_deref(), Ok(&1));
            let after = start + seconds(kept_for);
            assert_eq!(kept.value(after, async || Ok((2, None))).await.as_deref(), Ok(&2));
        }
    }

    #[tokio::test]
    async fn the_last_good_answer_outlives_an_outage() {
        let start = Instant::now();
        let mut kept = Kept::default();
        kept.value(start, async || Ok((1, None))).await.expect("good");
        let later = start + seconds(301);
        assert_eq!(kept.value(later, async || outage()).await.as_deref(), Ok(&1));
        assert_eq!(kept.value(later, async || unasked()).await.as_deref(), Ok(&1));
        let again = later + PAUSE;
        assert_eq!(kept.value(again, async || Ok((2, None))).await.as_deref(), Ok(&2));
    }

    #[tokio::test]
    async fn without_a_good_answer_the_failure_is_told_and_soon_tried_again() {
        let start = Instant::now();
        let mut kept = Kept::default();
        assert!(kept.value(start, async || outage()).await.is_err());
        assert!(kept.value(start + seconds(14), async || unasked()).await.is_err());
        assert_eq!(kept.value(start + PAUSE, async || Ok((1, None))).await.as_deref(), Ok(&1));
    }

    #[tokio::test]
    async fn forged_tokens_cause_one_fetch_a_minute() {
        let start = Instant::now();
        let mut kept = Kept::default();
        let known = kept.value(start, async || Ok((1, None))).await.expect("good");
        assert_eq!(kept.newer(&known, start, async || Ok((1, None))).await, None, "nothing new");
        assert_eq!(kept.newer(&known, start + seconds(59), async || unasked()).await, None);
        let later = start + seconds(60);
        assert_eq!(kept.newer(&known, later, async || outage()).await, None);
        let later = later + seconds(60);
        let newer = kept.newer(&known, later, async || Ok((2, None))).await;
        assert_eq!(newer.as_deref(), Some(&2));
        let shared = kept.newer(&known, later, async || unasked()).await;
        assert_eq!(shared.as_deref(), Some(&2), "who comes second shares what the first fetched");
    }
}
