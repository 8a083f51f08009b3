//! What ends, and when: certificates of providers and ours, metadata with a date.
//!
//! A certificate's dates decide nothing here (a certificate is a way to write a key down), but other
//! products refuse expired ones, and administrators forget. Metadata past its `validUntil` is refused.

mod members;

use super::{Broker, Configuration, Error, Keyring, Upstream, metadata::Draining};
use crate::{
    domain::{
        audit::{Action, Actor, Event, Outcome},
        resource::Configuration as Wire,
        words::{IdpId, UnixTime},
    },
    sp::CertificateInfo,
    store,
};

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// More than 90 days.
    Far,
    /// At most 90 days.
    Season,
    /// At most 30 days.
    Month,
    /// At most 7 days.
    Week,
    /// At most a day.
    Day,
    Over,
}

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whose; `None`: ours.
    pub idp: Option<IdpId>,
    /// Of a federation, the member.
    pub member: Option<Member>,
    pub what: Ending,
    pub ends: UnixTime,
    /// Whole days left; negative when it is over.
    pub days: i64,
    pub level: Level,
}

/// A member of a federation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub entity_id: String,
    pub name: String,
}

/// What it is that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Certificate { subject: String, fingerprint: String },
    Metadata,
}

/// Everything with an end but what belongs to members of federations.
fn forecast(configuration: &Configuration, keys: &Keyring, now: UnixTime) -> Vec<Term> {
    let mut terms = Vec::new();
    for provider in configuration.providers() {
        let Upstream::Saml(side) = &provider.upstream else { continue };
        let Ok(idp) = &side.idp else { continue };
        let drains = draining(configuration, &provider.id, &provider.resource.configuration);
        let id = Some(provider.id.clone());
        let certificates = idp.certificates().filter(|key| !drains.contains(&key.fingerprint));
        terms.extend(certificates.map(|key| Term::of_certificate(id.clone(), key, now)));
        terms
            .extend(idp.valid_until().map(|end| Term::new(id.clone(), Ending::Metadata, end, now)));
    }
    let ours = keys.saml().iter().filter_map(|key| key.info().ok());
    terms.extend(ours.map(|info| Term::of_certificate(None, &info, now)));
    terms
}

/// Fingerprints of keys that go by themselves: nobody has to act on their end.
fn draining(configuration: &Configuration, id: &IdpId, wire: &Wire) -> Vec<String> {
    let Wire::Saml(saml) = wire else { return Vec::new() };
    let fetched = saml.metadata_url.as_ref().and_then(|url| configuration.fetched(id, url));
    let keys = fetched.map(|fetched| Draining::all_of(fetched)).unwrap_or_default();
    keys.into_iter().map(|key| key.fingerprint).collect()
}

impl Level {
    /// `days` are whole days left, `over` whether the end has come.
    const fn of(days: i64, over: bool) -> Self {
        match days {
            _ if over => Self::Over,
            ..1 => Self::Day,
            1..7 => Self::Week,
            7..30 => Self::Month,
            30..90 => Self::Season,
            _ => Self::Far,
        }
    }

    const fn number(self) -> i64 {
        self as i64
    }
}

impl Term {
    fn new(idp: Option<IdpId>, what: Ending, ends: UnixTime, now: UnixTime) -> Self {
        let days = ends.since(now).div_euclid(86_400);
        Self { idp, member: None, what, ends, days, level: Level::of(days, ends <= now) }
    }

    fn of_certificate(idp: Option<IdpId>, info: &CertificateInfo, now: UnixTime) -> Self {
        let (subject, fingerprint) = (info.subject.clone(), info.fingerprint.clone());
        Self::new(idp, Ending::Certificate { subject, fingerprint }, info.not_after, now)
    }

    /// The same for as long as it is about the same thing.
    fn subject(&self) -> String {
        let whose = self.idp.as_ref().map_or("ours", IdpId::as_str);
        let member = self.member.as_ref().map(|member| format!(" {}", member.entity_id));
        let member = member.unwrap_or_default();
        match &self.what {
            Ending::Certificate { fingerprint, .. } => format!("{whose}{member} {fingerprint}"),
            Ending::Metadata => format!("{whose}{member} metadata"),
        }
    }

    fn event(&self, now: UnixTime) -> Event {
        let mut event = Event::new(Action::TermNear, Outcome::Success, now).by(Actor::Broker);
        event.idp.clone_from(&self.idp);
        let what = match &self.what {
            Ending::Certificate { fingerprint, .. } => fingerprint.as_str(),
            Ending::Metadata => "metadata",
        };
        let mut detail = serde_json::json!({
            "what": what, "ends": self.ends.to_rfc3339(), "days": self.days,
        });
        if let Some(member) = &self.member {
            detail["member"] = member.entity_id.clone().into();
        }
        event.detail(detail)
    }
}

impl Broker {
    /// Everything with an end, as of now, the nearest first. Of federations only the members that somebody
    /// came from lately.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn forecast(&self) -> Result<Vec<Term>, Error> {
        let now = self.clock.now();
        let mut terms = forecast(&self.configuration(), &self.keys(), now);
        terms.extend(self.forecast_of_members(now).await?);
        terms.sort_by_key(|term| term.ends);
        Ok(terms)
    }

    /// Tells log and audit of every end that came nearer by a level since it was last told.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn tell_of_ends(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let terms = self.forecast().await?;
        let told = self.store.read(|conn| Ok::<_, Error>(store::told_terms::all(conn)?)).await?;
        for term in &terms {
            let subject = term.subject();
            let was = told.iter().find(|(name, _)| *name == subject).map(|(_, level)| *level);
            let level = term.level.number();
            if was.unwrap_or_default() != level {
                self.tell(term, subject, was, now).await?;
            }
        }
        let gone = told.into_iter().map(|(subject, _)| subject);
        let gone: Vec<_> = gone.filter(|name| terms.iter().all(|t| t.subject() != *name)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.store
            .write(move |tx| -> Result<(), Error> {
                Ok(gone.iter().try_for_each(|subject| store::told_terms::forget(tx, subject))?)
            })
            .await
    }

    async fn tell(
        &self,
        term: &Term,
        subject: String,
        was: Option<i64>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let level = term.level.number();
        // What was renewed is noted silently.
        let nearer = was.unwrap_or_default() < level;
        let event = term.event(now);
        let noted = self
            .store
            .write(move |tx| -> Result<bool, store::Error> {
                let noted = store::told_terms::note(tx, &subject, was, level)?;
                if noted && nearer {
                    tx.audit(event.clone());
                }
                Ok(noted)
            })
            .await;
        match noted {
            Ok(true) if nearer => {
                let idp = term.idp.as_ref().map_or("", IdpId::as_str);
                tracing::warn!(idp.id = idp, what = ?term.what, days = term.days, "ends soon");
                Ok(())
            }
            Ok(_) | Err(store::Error::Duplicate) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_change_on_the_day() {
        let now = UnixTime(1_800_000_000);
        for (seconds, days, level) in [
            (91 * 86_400, 91, Level::Far),
            (90 * 86_400 - 1, 89, Level::Season),
            (30 * 86_400 - 1, 29, Level::Month),
            (7 * 86_400 - 1, 6, Level::Week),
            (86_399, 0, Level::Day),
            (1, 0, Level::Day),
            (0, 0, Level::Over),
            (-1, -1, Level::Over),
        ] {
            let term = Term::new(None, Ending::Metadata, now.plus(seconds), now);
            assert_eq!((term.days, term.level), (days, level), "{seconds}");
        }
    }
}
