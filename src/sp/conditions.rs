//! `Conditions`: when the assertion holds and for whom (SAML Core §2.5).

use crate::domain::words::UnixTime;

use super::{
    names::ASSERTION,
    rejection::Rejection,
    steps::{Checked, Fault, passed},
    tree::{Node, attribute, child, children, elements, is, text},
};

use crate::domain::trace::Actual;

/// `now`, and how far clocks may differ from it.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: UnixTime,
    pub(super) skew: i64,
}

impl Clock {
    /// Whether something that begins at `time` has begun.
    pub(super) fn reached(self, time: UnixTime) -> bool {
        self.now.plus(self.skew) >= time
    }

    /// Whether something good until `time`, exclusively, is over.
    pub(super) fn passed(self, time: UnixTime) -> bool {
        self.now >= time.plus(self.skew)
    }
}

/// The time in an attribute, if it is there.
pub(super) fn time(node: Node, name: &str) -> Result<Option<UnixTime>, Fault> {
    let Some(text) = attribute(node, name) else { return Ok(None) };
    let time = UnixTime::parse_rfc3339(text.trim_ascii());
    let readable = Rejection::NotATime.unless(time.is_some());
    readable.map_err(|rejection| rejection.seeing_plain(format!("{name}=\"{text}\"")))?;
    Ok(time)
}

/// The `Conditions`, every one of a known kind. `OneTimeUse` is kept by replay protection, and
/// `ProxyRestriction` is about assertions, which we do not issue.
pub(super) fn find(assertion: Node) -> Checked<Node> {
    let conditions = child(assertion, ASSERTION, "Conditions")?.ok_or(Rejection::NoConditions)?;
    let known = |node: &Node| {
        ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"]
            .iter()
            .any(|name| is(*node, ASSERTION, name))
    };
    match elements(conditions).find(|node| !known(node)) {
        Some(other) if Rejection::UnknownCondition.in_force() => {
            Err(Rejection::UnknownCondition.seeing_plain(other.name()))
        }
        _ => Ok((conditions, Actual::plain("known conditions only"))),
    }
}

/// `NotBefore` has been reached, `NotOnOrAfter` has not; hands on the latter.
pub(super) fn check_time(conditions: Node, clock: Clock) -> Checked<Option<UnixTime>> {
    let begin = time(conditions, "NotBefore")?;
    let end = time(conditions, "NotOnOrAfter")?;
    let span = format!("from {} to {}", written(begin), written(end));
    let early = begin.is_some_and(|begin| !clock.reached(begin));
    let late = end.is_some_and(|end| clock.passed(end));
    let in_time = Rejection::NotYetValid.when(early).and_then(|()| Rejection::Expired.when(late));
    match in_time {
        Ok(()) => Ok((end, Actual::plain(span))),
        Err(rejection) => Err(rejection.seeing_plain(span)),
    }
}

fn written(time: Option<UnixTime>) -> String {
    time.map_or_else(|| "any time".to_owned(), UnixTime::to_rfc3339)
}

/// Every `AudienceRestriction` names us, and there is at least one (SAML Profiles §4.1.4.2).
pub(super) fn check_audience(conditions: Node, entity_id: &str) -> Checked<()> {
    let mut seen = Vec::new();
    for restriction in children(conditions, ASSERTION, "AudienceRestriction") {
        let audiences = children(restriction, ASSERTION, "Audience").map(text);
        let audiences = audiences.collect::<Result<Vec<_>, _>>()?;
        let listed = audiences.join(" or ");
        let named = audiences.iter().any(|audience| audience.trim_ascii() == entity_id);
        Rejection::Audience.unless(named).map_err(|refused| refused.seeing_plain(&listed))?;
        seen.push(listed);
    }
    Rejection::NoAudience.when(seen.is_empty())?;
    passed(seen.join(" and "))
}
