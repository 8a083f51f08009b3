//! What ends soon, as rows.

use super::{Admin, Moment, in_fours};
use crate::{
    broker::forecast::{Ending, Level, Term},
    domain::words::IdpId,
};

/// More than so many rows help nobody.
const MOST: usize = 20;

pub struct TermRow {
    pub what: String,
    /// The first characters, to recognise it by.
    pub fingerprint: String,
    pub whose: String,
    pub href: String,
    pub ends: Moment,
    pub left: String,
    pub urgent: bool,
}

/// What ends within 90 days or has ended; of one provider, if given.
pub async fn near(admin: &Admin, idp: Option<&IdpId>) -> Result<Vec<TermRow>, actix_web::Error> {
    let terms = admin.broker().forecast().await.map_err(|error| admin.failed(error))?;
    let wanted =
        |term: &Term| term.level > Level::Far && idp.is_none_or(|id| term.idp.as_ref() == Some(id));
    let terms = terms.into_iter().filter(wanted).take(MOST);
    Ok(terms.map(|term| TermRow::new(admin, term)).collect())
}

impl TermRow {
    fn new(admin: &Admin, term: Term) -> Self {
        let configuration = admin.broker().configuration();
        let name = |id: &IdpId| {
            configuration.provider(id).map_or_else(|| id.0.clone(), |p| p.resource.name.clone())
        };
        let (what, fingerprint) = match term.what {
            Ending::Certificate { subject, fingerprint } => (
                format!("Certificate {subject}"),
                in_fours(&fingerprint[..fingerprint.len().min(16)]),
            ),
            Ending::Metadata => ("Metadata".to_owned(), String::new()),
        };
        Self {
            what,
            fingerprint,
            whose: match (&term.member, &term.idp) {
                (Some(member), Some(id)) => format!("{}, {}", member.name, name(id)),
                (None, Some(id)) => name(id),
                _ => "Medict".to_owned(),
            },
            href: term
                .idp
                .map_or_else(|| "/admin/keys".to_owned(), |id| format!("/admin/providers/{id}")),
            ends: Moment::new(term.ends),
            left: left(term.days, term.level),
            urgent: term.level >= Level::Week,
        }
    }
}

fn left(days: i64, level: Level) -> String {
    match (level, days) {
        (Level::Over, _) => "ended".to_owned(),
        (_, 0) => "today".to_owned(),
        (_, 1) => "1 day left".to_owned(),
        (_, days) => format!("{days} days left"),
    }
}
