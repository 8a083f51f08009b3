//! The order in which a response is believed.

use crate::domain::{
    identity::Statement,
    trace::{Actual, Trace},
    words::{RequestId, UnixTime},
};

use super::{
    conditions::{self, Clock},
    confirmation::{self, Delivery},
    decrypt::Opener,
    envelope,
    idp::Idp,
    message::{self, Content},
    rejection::Rejection,
    service_provider::ServiceProvider,
    signature::{self, Covered, Signed},
    statement,
    steps::{Checked, Steps, passed},
    tree::{Node, Tree, attribute, normalise},
    xml::Comments,
};

/// An assertion that passed every check but replay: whoever holds one may act on it once
/// [`VerifiedAssertion::replay_key`] was recorded as new.
#[derive(Debug)]
pub struct VerifiedAssertion {
    issuer: String,
    id: String,
    statement: Statement,
    good_until: UnixTime,
    signed_by: String,
}

impl VerifiedAssertion {
    /// What the provider said about the person. `subject` is absent for a transient `NameID`.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The statement, when nothing else is needed any more.
    #[must_use]
    pub fn into_statement(self) -> Statement {
        self.statement
    }

    /// Issuer and assertion ID: what may be accepted once (SAML Profiles §4.1.4.5).
    #[must_use]
    pub fn replay_key(&self) -> String {
        format!("{} {}", self.issuer, self.id)
    }

    /// From this time on the assertion is refused as expired, clock skew included; so long its replay
    /// key has to be remembered.
    #[must_use]
    pub fn good_until(&self) -> UnixTime {
        self.good_until
    }

    /// SHA-256 fingerprint of the certificate whose key signed, for the audit log.
    #[must_use]
    pub fn signed_by(&self) -> &str {
        &self.signed_by
    }
}

/// Decides whether a `SAMLResponse` proves who the person is.
///
/// `saml_response` is the form parameter as it came, base64; `pending` the `ID` of the `AuthnRequest`
/// that this browser was sent away with. Every check becomes a step of `trace`. Replay is for the
/// caller: one store, one transaction with the pending request.
///
/// # Errors
/// [`Rejection`]: the first check that failed, which is also the last step of `trace`.
///
/// Source: SAML Profiles §4.1.4.3; SAML Core §5.4.
pub fn verify_response(
    saml_response: &str,
    idp: &Idp,
    sp: &ServiceProvider,
    pending: &RequestId,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<VerifiedAssertion, Rejection> {
    verify(saml_response, idp, sp, Some(pending), now, trace)
}

/// `pending` is the request that must be answered; `None`: there must be none.
fn verify(
    saml_response: &str,
    idp: &Idp,
    sp: &ServiceProvider,
    pending: Option<&RequestId>,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<VerifiedAssertion, Rejection> {
    let steps = &mut Steps::new(trace);
    steps.check("provider metadata", "not expired", idp.check_current(now))?;
    steps.check("size", "at most 256 KiB of XML", message::check_size(saml_response))?;
    let bytes = steps.check("base64", "strict base64", message::decode(saml_response))?;
    let text = steps.check("encoding", "UTF-8", message::utf8(bytes))?;
    let text = normalise(&text);
    let tree = steps.check("XML", "well-formed, modest, IDs unique", parse(&text))?;
    let response = tree.root();
    let content =
        steps.check("shape", "a Response with one assertion", message::shape(response))?;
    let clock = Clock { now, skew: idp.clock_skew() };
    let opener = Opener::new(&sp.keys, idp.allows_cbc());
    let verifier = Verifier { idp, sp, pending, clock, opener };
    match content {
        Content::Nothing => Err(no_assertion(response, steps)),
        Content::Plain(assertion) => verifier.plain(response, assertion, steps),
        Content::Encrypted(encrypted) => verifier.encrypted(response, encrypted, steps),
    }
}

/// Decides whether a response that answers no request proves who the person is (SAML Profiles §4.1.5).
///
/// As [`verify_response`], but nothing in it may name a request. Whose browser delivered it is not known.
///
/// # Errors
/// [`Rejection`], as there.
pub fn verify_unsolicited(
    saml_response: &str,
    idp: &Idp,
    sp: &ServiceProvider,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<VerifiedAssertion, Rejection> {
    verify(saml_response, idp, sp, None, now, trace)
}

/// Whether the message is a `Response` that names no request: nothing more is looked at, and nothing is
/// believed.
///
/// # Errors
/// [`Rejection`] of what is no such message at all.
pub fn is_unsolicited(saml_response: &str) -> Result<bool, Rejection> {
    let look = || -> Checked<bool> {
        message::check_size(saml_response)?;
        let (bytes, _) = message::decode(saml_response)?;
        let (text, _) = message::utf8(bytes)?;
        let text = normalise(&text);
        let (tree, actual) = parse(&text)?;
        message::shape(tree.root())?;
        Ok((attribute(tree.root(), "InResponseTo").is_none(), actual))
    };
    look().map(|(unsolicited, _)| unsolicited).map_err(|fault| fault.rejection())
}

fn parse(text: &str) -> Checked<Tree<'_>> {
    let tree = Tree::parse(text, Comments::Refused)?;
    Ok((tree, Actual::plain(format!("{} bytes", text.len()))))
}

/// A response without an assertion says why in its status.
fn no_assertion(response: Node, steps: &mut Steps) -> Rejection {
    match check_status(response, steps) {
        Ok(()) => steps.refuse("assertion", "one assertion", Rejection::NoAssertion),
        Err(rejection) => rejection,
    }
}

fn check_status(response: Node, steps: &mut Steps) -> Result<(), Rejection> {
    if let Some(message) = envelope::status_message(response) {
        steps.note("status message", Actual::personal(message));
    }
    steps.check("status", "Success", envelope::check_status(response))
}

/// Verifies the signature that `node` carries for itself, if it carries one: none bad.
fn verify_signature<'t, 'k>(
    check: &'static str,
    node: Node<'t>,
    idp: &'k Idp,
    steps: &mut Steps,
) -> Result<Option<Signed<'t, 'k>>, Rejection> {
    let outcome = signature::verify(node, idp.trust()).map(|signed| {
        let actual = signed.as_ref().map_or("none", |signed| signed.method);
        let actual = Actual::plain(actual);
        (signed, actual)
    });
    let signed = steps.check(check, "none, or one of the provider's", outcome)?;
    if signed.as_ref().is_some_and(|signed| signed.weak) {
        steps.note("weak signature", Actual::plain("accepted by a switch of this provider"));
    }
    Ok(signed)
}

fn sized(text: String) -> (String, Actual) {
    let actual = Actual::plain(format!("{} bytes", text.len()));
    (text, actual)
}

/// What a response is held against.
struct Verifier<'a> {
    idp: &'a Idp,
    sp: &'a ServiceProvider,
    pending: Option<&'a RequestId>,
    clock: Clock,
    opener: Opener<'a>,
}

impl Verifier<'_> {
    fn plain(
        &self,
        response: Node,
        assertion: Node,
        steps: &mut Steps,
    ) -> Result<VerifiedAssertion, Rejection> {
        let signed = verify_signature("response signature", response, self.idp, steps)?;
        if self.idp.wants_encryption() && Rejection::NotEncrypted.in_force() {
            let rejection = Rejection::NotEncrypted;
            return Err(steps.refuse("decryption", "an encrypted assertion", rejection));
        }
        let outer = signed.as_ref().and_then(|signed| signed.covered.assertion());
        self.believe(response, assertion, signed, outer, steps)
    }

    fn encrypted(
        &self,
        response: Node,
        encrypted: Node,
        steps: &mut Steps,
    ) -> Result<VerifiedAssertion, Rejection> {
        let signed = verify_signature("response signature", response, self.idp, steps)?;
        let opened = self.opener.open(encrypted, signed.is_some()).map_err(Into::into).map(sized);
        let text = steps.check("decryption", "encrypted to a key of ours", opened)?;
        let text = normalise(&text);
        let inner =
            steps.check("decrypted XML", "well-formed, modest, IDs unique", parse(&text))?;
        let assertion = inner.root();
        let shape = message::decrypted_shape(assertion);
        steps.check("decrypted shape", "one Assertion", shape)?;
        let covered = signed.as_ref().map(|signed| signed.covered);
        let outer = covered.and_then(|covered| covered.decrypted(assertion));
        self.believe(response, assertion, signed, outer, steps)
    }

    /// `outer` is the assertion as covered by the response's signature.
    fn believe(
        &self,
        response: Node,
        assertion: Node,
        signed: Option<Signed>,
        outer: Option<Covered>,
        steps: &mut Steps,
    ) -> Result<VerifiedAssertion, Rejection> {
        let own = verify_signature("assertion signature", assertion, self.idp, steps)?;
        let fingerprint = own.as_ref().or(signed.as_ref()).map(|signed| &signed.by.info);
        let fingerprint = fingerprint.map(|info| info.fingerprint.clone()).unwrap_or_default();
        let covered = own.map(|own| own.covered).or(outer);
        #[cfg(test)]
        let covered = covered.or_else(|| Covered::unproven(assertion));
        let covered = covered.ok_or(Rejection::Unsigned.into());
        let covered = covered.map(|covered| (covered, Actual::plain(&fingerprint)));
        let covered = steps.check("signed", "response or assertion, by the provider", covered)?;
        self.check_envelope(response, covered, signed.is_some(), steps)?;
        self.read(covered, fingerprint, steps)
    }

    fn check_envelope(
        &self,
        response: Node,
        assertion: Covered,
        signed: bool,
        steps: &mut Steps,
    ) -> Result<(), Rejection> {
        let (assertion, entity_id) = (assertion.node(), self.idp.entity_id());
        let acs_url = self.sp.acs_url.as_str();
        check_status(response, steps)?;
        steps.check("version", "2.0", envelope::check_version(response, assertion))?;
        let destination = envelope::check_destination(response, acs_url, signed);
        steps.check("destination", acs_url.to_owned(), destination)?;
        let answered = envelope::check_in_response_to(response, self.pending);
        let pending = self.pending.map_or("no request", RequestId::as_str).to_owned();
        steps.check("in response to", pending, answered)?;
        let issuer = envelope::check_response_issuer(response, entity_id, signed);
        steps.check("response issuer", entity_id.to_owned(), issuer)?;
        let issuer = envelope::check_assertion_issuer(assertion, entity_id);
        steps.check("issuer", entity_id.to_owned(), issuer)
    }

    /// Reads the assertion from the covered bytes only.
    fn read(
        &self,
        covered: Covered,
        signed_by: String,
        steps: &mut Steps,
    ) -> Result<VerifiedAssertion, Rejection> {
        let assertion = covered.node();
        let id = steps.check("assertion ID", "an ID", envelope::assertion_id(assertion))?;
        let end = self.check_conditions(assertion, steps)?;
        let subject = steps.check("subject", "a Subject", statement::subject(assertion))?;
        let delivery =
            Delivery { acs_url: &self.sp.acs_url, pending: self.pending, clock: self.clock };
        let confirmed = confirmation::check(subject, delivery);
        let confirmed = steps.check("subject confirmation", delivery.expected(), confirmed)?;
        let authentication = statement::authentication(assertion, self.clock);
        let authentication =
            steps.check("authentication", "an AuthnStatement in time", authentication)?;
        let name_id =
            steps.check("name ID", "readable", statement::name_id(subject, &self.opener))?;
        let statement = statement::build(assertion, name_id, authentication, &self.opener);
        let statement = steps.check("attributes", "readable", statement)?;
        let end = end.map_or(confirmed, |end| end.min(confirmed));
        Ok(VerifiedAssertion {
            issuer: self.idp.entity_id().to_owned(),
            id,
            statement,
            good_until: end.plus(self.clock.skew),
            signed_by,
        })
    }

    fn check_conditions(
        &self,
        assertion: Node,
        steps: &mut Steps,
    ) -> Result<Option<UnixTime>, Rejection> {
        let conditions = conditions::find(assertion);
        let conditions = steps.check("conditions", "known conditions only", conditions)?;
        let now = format!("{} ± {} s", self.clock.now.to_rfc3339(), self.clock.skew);
        let end = conditions::check_time(conditions, self.clock);
        let end = steps.check("validity", now, end)?;
        let entity_id = &self.sp.entity_id;
        let audience = conditions::check_audience(conditions, entity_id);
        steps.check("audience", entity_id.clone(), audience)?;
        Ok(end)
    }
}

impl Idp {
    /// The metadata that this provider is known by has not run out (SAML Metadata §2.3.2).
    pub(super) fn check_current(&self, now: UnixTime) -> Checked<()> {
        match self.valid_until() {
            Some(end) if now >= end && Rejection::MetadataExpired.in_force() => {
                Err(Rejection::MetadataExpired.seeing_plain(end.to_rfc3339()))
            }
            Some(end) => passed(format!("valid until {}", end.to_rfc3339())),
            None => passed("no end"),
        }
    }
}
