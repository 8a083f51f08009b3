//! From what the browser delivered to a message that is the provider's.

use crate::domain::{
    single_logout::NamedSessions,
    trace::Actual,
    words::{RequestId, UnixTime},
};

use super::{
    Delivered, LIFETIME, LogoutMessage, NotBelieved, Question, VerifiedLogoutRequest,
    VerifiedLogoutResponse,
};
use crate::sp::{
    conditions::{Clock, time},
    decrypt::Opener,
    envelope,
    idp::Idp,
    message,
    names::{ASSERTION, DS, PROTOCOL},
    redirect_query::{Carried, RedirectQuery},
    rejection::Rejection,
    service_provider::ServiceProvider,
    signature::{self, Covered},
    statement::{self, NameId},
    steps::{Checked, Steps, passed},
    tree::{Node, Tree, attribute, child, children, is, normalise, text},
    xml::Comments,
};

/// More indexes than this are not one person's.
const MOST_INDEXES: usize = 100;

/// One message, held against its provider.
pub(super) struct Reader<'a, 't> {
    idp: &'a Idp,
    sp: &'a ServiceProvider,
    clock: Clock,
    steps: Steps<'t>,
}

impl<'a, 't> Reader<'a, 't> {
    pub(super) fn new(
        idp: &'a Idp,
        sp: &'a ServiceProvider,
        now: UnixTime,
        steps: Steps<'t>,
    ) -> Self {
        Self { idp, sp, clock: Clock { now, skew: idp.clock_skew() }, steps }
    }

    pub(super) fn read(mut self, delivered: &Delivered) -> Result<LogoutMessage, NotBelieved> {
        match delivered {
            Delivered::Redirect { query } => self.by_redirect(query),
            Delivered::Post { saml_request, saml_response, relay_state } => {
                let message = one_of(saml_request.as_deref(), saml_response.as_deref());
                let (carried, message) = self.steps.check("form", "one message", message)?;
                self.by_post(carried, message, relay_state.clone())
            }
        }
    }

    fn by_redirect(&mut self, query: &str) -> Result<LogoutMessage, NotBelieved> {
        let query = RedirectQuery::parse(query)
            .map(|query| (query, Actual::plain(query.carried().parameter())));
        let query = self.steps.check(
            "query",
            "one message, each parameter once",
            query.map_err(Into::into),
        )?;
        let signed = query.verified(self.idp.trust());
        let signed = signed.map(|signed| {
            let by =
                Actual::plain(format!("{} by {}", signed.method.uri, signed.by.info.fingerprint));
            (signed, by)
        });
        let signed = self.steps.check("signature", "the provider's, over the query", signed)?;
        let bytes = query.inflate();
        let bytes = bytes.map_err(Into::into).map(|bytes| {
            let length = format!("{} bytes", bytes.len());
            (bytes, Actual::plain(length))
        });
        let bytes = self.steps.check("deflate", "at most 256 KiB of XML", bytes)?;
        let text = self.steps.check("encoding", "UTF-8", message::utf8(bytes))?;
        let text = normalise(&text);
        let tree = self.steps.check("XML", "well-formed, modest, IDs unique", parse(&text))?;
        // The signature that counts is beside the message, so there is none inside (§3.4.4.1).
        self.check_shape(tree.root(), query.carried(), false)?;
        self.message(Covered::by_query(tree.root(), &signed), query.carried(), query.relay_state())
    }

    fn by_post(
        &mut self,
        carried: Carried,
        message: &str,
        relay_state: Option<String>,
    ) -> Result<LogoutMessage, NotBelieved> {
        self.steps.check("size", "at most 256 KiB of XML", message::check_size(message))?;
        let bytes = self.steps.check("base64", "strict base64", message::decode(message))?;
        let text = self.steps.check("encoding", "UTF-8", message::utf8(bytes))?;
        let text = normalise(&text);
        let tree = self.steps.check("XML", "well-formed, modest, IDs unique", parse(&text))?;
        self.check_shape(tree.root(), carried, true)?;
        let signed = signature::verify(tree.root(), self.idp.trust()).and_then(|signed| {
            let signed = signed.ok_or(Rejection::UnsignedMessage)?;
            let by = Actual::plain(format!("{} by {}", signed.method, signed.by.info.fingerprint));
            Ok((signed.covered, by))
        });
        let covered =
            self.steps.check("signature", "the provider's, inside the message", signed)?;
        self.message(covered, carried, relay_state)
    }

    fn check_shape(
        &mut self,
        root: Node,
        carried: Carried,
        signature: bool,
    ) -> Result<(), Rejection> {
        let wanted = match carried {
            Carried::Request => "LogoutRequest",
            Carried::Response => "LogoutResponse",
        };
        let shape = check_places(root, wanted, signature);
        self.steps.check("shape", format!("one {wanted}"), shape)
    }

    /// Reads from the covered bytes only.
    fn message(
        &mut self,
        covered: Covered,
        carried: Carried,
        relay_state: Option<String>,
    ) -> Result<LogoutMessage, NotBelieved> {
        let root = covered.node();
        let entity_id = self.idp.entity_id();
        let issuer = envelope::check_message_issuer(root, entity_id);
        self.steps.check("issuer", entity_id.to_owned(), issuer)?;
        let id = self.steps.check("ID", "an ID", message_id(root))?;
        match carried {
            Carried::Request => {
                let question = Question { id, relay_state };
                let request = self.request(root, question.clone());
                let request = request
                    .map_err(|rejection| NotBelieved { rejection, question: Some(question) })?;
                Ok(LogoutMessage::Request(request))
            }
            Carried::Response => Ok(LogoutMessage::Response(self.response(root)?)),
        }
    }

    fn request(
        &mut self,
        root: Node,
        question: Question,
    ) -> Result<VerifiedLogoutRequest, Rejection> {
        let issued = self.check_envelope(root)?;
        let end = check_end(root, self.clock);
        let end = self.steps.check("NotOnOrAfter", "not passed", end)?;
        let name_id = self.name_id(root);
        let name_id = self.steps.check("name ID", "one NameID", name_id)?;
        let indexes = session_indexes(root);
        let indexes = self.steps.check("session indexes", "any number", indexes)?;
        let latest = issued.plus(LIFETIME);
        Ok(VerifiedLogoutRequest {
            question,
            named: named(name_id, indexes),
            issuer: self.idp.entity_id().to_owned(),
            good_until: end.map_or(latest, |end| end.min(latest)).plus(self.clock.skew),
        })
    }

    fn response(&mut self, root: Node) -> Result<VerifiedLogoutResponse, Rejection> {
        self.check_envelope(root)?;
        let request = attribute(root, "InResponseTo").filter(|id| !id.is_empty());
        let request = request.ok_or(Rejection::InResponseTo.into());
        let request = request.map(|id| (RequestId::from(id), Actual::plain(id)));
        let in_response_to = self.steps.check("in response to", "a request", request)?;
        let complaint = self.steps.check("status", "readable", envelope::logout_status(root))?;
        Ok(VerifiedLogoutResponse { in_response_to, complaint })
    }

    /// What both kinds say outside; hands on when the message was issued.
    fn check_envelope(&mut self, root: Node) -> Result<UnixTime, Rejection> {
        let slo_url = self.sp.slo_url.as_str();
        self.steps.check("version", "2.0", envelope::check_message_version(root))?;
        let destination = envelope::check_slo_destination(root, slo_url);
        self.steps.check("destination", slo_url.to_owned(), destination)?;
        let (now, skew) = (self.clock.now.to_rfc3339(), self.clock.skew);
        let expected = format!("within {LIFETIME} s before {now} ± {skew} s");
        self.steps.check("issue instant", expected, check_issued(root, self.clock))
    }

    /// The `NameID`, decrypted if need be: its ciphertext is covered, and so is what comes out of it.
    fn name_id(&self, root: Node) -> Checked<NameId> {
        let opener = Opener::new(&self.sp.keys, self.idp.allows_cbc());
        let (name_id, actual) = statement::name_id(root, &opener)?;
        if name_id.value.is_none() {
            return Err(Rejection::NoNameId.into());
        }
        Ok((name_id, actual))
    }
}

fn parse(text: &str) -> Checked<Tree<'_>> {
    let tree = Tree::parse(text, Comments::Refused)?;
    Ok((tree, Actual::plain(format!("{} bytes", text.len()))))
}

/// The elements that name and prove stand only directly in the one message, under no other namespace.
fn check_places(root: Node, wanted: &str, signature: bool) -> Checked<()> {
    if !is(root, PROTOCOL, wanted) {
        return Err(Rejection::WrongRoot.seeing_plain(root.name()));
    }
    let in_place = |node: Node| {
        let top = node.parent() == Some(root);
        match node.name() {
            "LogoutRequest" | "LogoutResponse" => node == root,
            "NameID" | "EncryptedID" => top && node.namespace() == Some(ASSERTION),
            "SessionIndex" => top && is(node, PROTOCOL, "SessionIndex"),
            "Signature" => top && signature && is(node, DS, "Signature"),
            "Response" | "Assertion" | "EncryptedAssertion" => false,
            _ => true,
        }
    };
    let mut elements = root.descendants().filter(Node::is_element);
    if !elements.all(in_place) {
        return Err(Rejection::Misplaced.into());
    }
    let names = [child(root, ASSERTION, "NameID")?, child(root, ASSERTION, "EncryptedID")?];
    if names.iter().flatten().count() > 1 {
        return Err(Rejection::Repeated.into());
    }
    passed(wanted)
}

fn message_id(root: Node) -> Checked<RequestId> {
    let id = attribute(root, "ID").filter(|id| !id.is_empty()).ok_or(Rejection::Missing)?;
    Ok((RequestId::from(id), Actual::plain(id)))
}

/// Neither from the future nor too old (SAML Core §3.2.1).
fn check_issued(root: Node, clock: Clock) -> Checked<UnixTime> {
    let issued = time(root, "IssueInstant")?.ok_or(Rejection::Missing)?;
    let written = issued.to_rfc3339();
    if !clock.reached(issued) || clock.passed(issued.plus(LIFETIME)) {
        return Err(Rejection::Stale.seeing_plain(written));
    }
    Ok((issued, Actual::plain(written)))
}

/// `NotOnOrAfter` of a `LogoutRequest`, which may be missing (SAML Core §3.7.1).
fn check_end(root: Node, clock: Clock) -> Checked<Option<UnixTime>> {
    let end = time(root, "NotOnOrAfter")?;
    let written = end.map_or_else(|| "none".to_owned(), UnixTime::to_rfc3339);
    match end {
        Some(end) if clock.passed(end) => Err(Rejection::Stale.seeing_plain(written)),
        _ => Ok((end, Actual::plain(written))),
    }
}

fn session_indexes(root: Node) -> Checked<Vec<String>> {
    let indexes = children(root, PROTOCOL, "SessionIndex").map(text);
    let indexes = indexes.map(|index| Ok(index?.trim().to_owned()));
    let indexes = indexes.collect::<Result<Vec<_>, Rejection>>()?;
    let actual = Actual::plain(format!("{} named", indexes.len()));
    if indexes.len() > MOST_INDEXES {
        Err(Rejection::TooManyNodes.into())
    } else {
        Ok((indexes, actual))
    }
}

fn named(name_id: NameId, session_indexes: Vec<String>) -> NamedSessions {
    NamedSessions {
        name_id: name_id.value.unwrap_or_default(),
        format: name_id.format,
        name_qualifier: name_id.name_qualifier,
        sp_name_qualifier: name_id.sp_name_qualifier,
        session_indexes,
    }
}

fn one_of<'m>(request: Option<&'m str>, response: Option<&'m str>) -> Checked<(Carried, &'m str)> {
    let (carried, message) = match (request, response) {
        (Some(message), None) => (Carried::Request, message),
        (None, Some(message)) => (Carried::Response, message),
        (None, None) => return Err(Rejection::Missing.into()),
        (Some(_), Some(_)) => return Err(Rejection::SeveralMessages.into()),
    };
    Ok(((carried, message), Actual::plain(carried.parameter())))
}
