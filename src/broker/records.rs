//! The audit log page by page, as administrators read it.

use std::collections::{HashMap, HashSet};

use super::{Broker, Error};
use crate::{
    domain::{
        audit::{Action, Actor, Event},
        words::UserId,
    },
    store::{self, Conn, audit::Record},
};

pub use store::audit::Place;

/// So many records are on a page.
pub const PAGE: usize = 100;

/// So many records are looked through for one page at most: a filter has no index.
const MOST: usize = 10_000;

/// So many are read at once.
const CHUNK: usize = 500;

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Newest,
    OlderThan(Place),
    NewerThan(Place),
}

/// Which records are wanted; nothing set: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub action: Option<Action>,
    /// Whoever did it, or whom it happened to.
    pub user: Option<UserId>,
}

/// One page of the log, newest first.
#[derive(Debug, Default)]
pub struct Page {
    pub events: Vec<Event>,
    /// What the people on the page are called.
    pub names: HashMap<String, String>,
    /// The references that have a trace.
    pub traced: HashSet<String>,
    /// Where the neighbouring pages begin, if there are such.
    pub newer: Option<Place>,
    pub older: Option<Place>,
}

/// What was found in one direction.
struct Found {
    events: Vec<Event>,
    /// The first record that was looked at.
    first: Option<Place>,
    /// Where to go on, unless the log ends.
    rest: Option<Place>,
}

impl Filter {
    /// Whether anything is filtered at all.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.action.is_none() && self.user.is_none()
    }

    fn lets(&self, event: &Event) -> bool {
        let is_theirs = |user: &UserId| {
            event.user.as_ref() == Some(user)
                || matches!(&event.actor, Actor::User(actor) if actor == user)
        };
        self.action.is_none_or(|action| action == event.action)
            && self.user.as_ref().is_none_or(is_theirs)
    }
}

impl Broker {
    /// A page of the audit log. With a filter it may hold less than is there: so many records are looked
    /// through and no more, and the next page goes on from there.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub async fn audit_page(&self, from: Start, filter: Filter) -> Result<Page, Error> {
        self.store
            .read(move |conn| -> Result<_, Error> {
                let mut page = page(conn, &from, &filter)?;
                page.names = names(conn, &page.events, &filter)?;
                let references = page.events.iter().filter_map(|event| event.reference.clone());
                let references: Vec<_> = references.map(|reference| reference.0).collect();
                page.traced = store::traces::known(conn, &references)?.into_iter().collect();
                Ok(page)
            })
            .await
    }
}

fn page(conn: &mut Conn, from: &Start, filter: &Filter) -> Result<Page, Error> {
    if let Start::NewerThan(place) = from {
        let mut found = find(conn, Some(place), true, filter)?;
        if found.rest.is_some() {
            found.events.reverse();
            let Found { events, first: older, rest: newer } = found;
            return Ok(Page { events, newer, older, ..Page::default() });
        }
    }
    // Near the newest there is one page only: theirs.
    let place = if let Start::OlderThan(place) = from { Some(place) } else { None };
    let Found { events, first, rest } = find(conn, place, false, filter)?;
    let newer = place.map(|place| first.unwrap_or_else(|| place.clone()));
    Ok(Page { events, newer, older: rest, ..Page::default() })
}

/// From a place on towards newer or older records, until a page is full.
fn find(
    conn: &mut Conn,
    from: Option<&Place>,
    newer: bool,
    filter: &Filter,
) -> Result<Found, Error> {
    let mut found = Found { events: Vec::new(), first: None, rest: from.cloned() };
    let (mut looked, mut full) = (0, None);
    let chunk = if filter.is_open() { PAGE + 1 } else { CHUNK };
    while looked < MOST {
        let records = read(conn, found.rest.as_ref(), newer, chunk)?;
        for record in &records {
            let place = record.place();
            found.first.get_or_insert_with(|| place.clone());
            let event = serde_json::from_str(&record.body).ok();
            if let Some(event) = event.filter(|event| filter.lets(event)) {
                if found.events.len() == PAGE {
                    return Ok(Found { rest: full, ..found });
                }
                found.events.push(event);
                full = Some(place.clone());
            }
            found.rest = Some(place);
        }
        if records.len() < chunk {
            return Ok(Found { rest: None, ..found });
        }
        looked += records.len();
    }
    Ok(found)
}

fn read(
    conn: &mut Conn,
    from: Option<&Place>,
    newer: bool,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(match from {
        None => store::audit::newest(conn, limit)?,
        Some(place) if newer => store::audit::newer(conn, place, limit)?,
        Some(place) => store::audit::older(conn, place, limit)?,
    })
}

/// What the people in these events are called, and whoever was asked for.
fn names(
    conn: &mut Conn,
    events: &[Event],
    filter: &Filter,
) -> Result<HashMap<String, String>, Error> {
    let mut ids: Vec<String> = filter.user.iter().map(|user| user.0.clone()).collect();
    for event in events {
        ids.extend(event.user.as_ref().map(|user| user.0.clone()));
        if let Actor::User(user) = &event.actor {
            ids.push(user.0.clone());
        }
    }
    ids.sort();
    ids.dedup();
    let accounts = store::users::named(conn, &ids)?;
    Ok(accounts.into_iter().map(|account| (account.id.clone(), account.called())).collect())
}
