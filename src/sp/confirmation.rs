//! `SubjectConfirmation` by bearer: whoever delivers the assertion may be its subject, if it was made for
//! this delivery (SAML Profiles §4.1.4.2, §4.1.4.3).

use crate::domain::{
    trace::Actual,
    words::{RequestId, UnixTime},
};

use super::{
    conditions::{Clock, time},
    names::ASSERTION,
    rejection::Rejection,
    steps::{Checked, Fault},
    tree::{Node, attribute, child, children},
};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// The delivery that a confirmation has to be made for.
#[derive(Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) acs_url: &'a str,
    /// `None`: nobody asked.
    pub(super) pending: Option<&'a RequestId>,
    pub(super) clock: Clock,
}

impl Delivery<'_> {
    pub(super) fn expected(&self) -> String {
        let pending = self.pending.map_or("no request", RequestId::as_str);
        format!("bearer, to {}, in response to {pending}", self.acs_url)
    }
}

/// At least one bearer confirmation is good in every point. Hands on the end of the last one, which is
/// how long the assertion could be delivered again.
pub(super) fn check(subject: Node, delivery: Delivery) -> Checked<UnixTime> {
    let confirmations = children(subject, ASSERTION, "SubjectConfirmation");
    let bearers = confirmations.filter(|node| {
        attribute(*node, "Method") == Some(BEARER) || !Rejection::NotBearer.in_force()
    });
    let (mut good, mut fault) = (None, None);
    for bearer in bearers {
        match check_one(bearer, delivery) {
            Ok(end) => good = good.max(Some(end)),
            Err(reason) => fault = fault.or(Some(reason)),
        }
    }
    match (good, fault) {
        (Some(end), _) => Ok((end, Actual::plain(format!("good until {}", end.to_rfc3339())))),
        (None, Some(fault)) => Err(fault),
        (None, None) => Err(Rejection::NotBearer.into()),
    }
}

fn check_one(bearer: Node, delivery: Delivery) -> Result<UnixTime, Fault> {
    let data = child(bearer, ASSERTION, "SubjectConfirmationData")?;
    let data = data.ok_or(Rejection::NoConfirmationData)?;
    let begin = attribute(data, "NotBefore");
    let endless = Rejection::ConfirmationNotBefore.when(begin.is_some());
    endless.map_err(|rejection| rejection.seeing_plain(begin.unwrap_or_default()))?;
    check_value(data, "Recipient", Some(delivery.acs_url), Rejection::Recipient)?;
    let end = time(data, "NotOnOrAfter")?.ok_or(Rejection::ConfirmationWithoutEnd)?;
    let in_time = Rejection::ConfirmationExpired.when(delivery.clock.passed(end));
    in_time.map_err(|rejection| rejection.seeing_plain(end.to_rfc3339()))?;
    let pending = delivery.pending.map(RequestId::as_str);
    check_value(data, "InResponseTo", pending, Rejection::ConfirmationInResponseTo)?;
    Ok(end)
}

fn check_value(
    data: Node,
    name: &str,
    expected: Option<&str>,
    otherwise: Rejection,
) -> Result<(), Fault> {
    match attribute(data, name) {
        value if value == expected => Ok(()),
        _ if !otherwise.in_force() => Ok(()),
        other => Err(otherwise.seeing_plain(format!("{name} {}", other.unwrap_or("none")))),
    }
}
