//! Who the person is and how he was authenticated: `NameID`, `AuthnStatement`.

use crate::domain::{
    identity::{Statement, UpstreamSession},
    trace::Actual,
    words::UnixTime,
};

use super::{
    attributes,
    conditions::{Clock, time},
    decrypt::Opener,
    message::check_decrypted,
    names::{ASSERTION, TRANSIENT},
    rejection::Rejection,
    steps::Checked,
    tree::{Node, Tree, attribute, child, children, expect, normalise, text},
    xml::Comments,
};

/// What a `NameID` says (SAML Core §2.2.3).
#[derive(Debug, Default)]
pub(super) struct NameId {
    pub(super) value: Option<String>,
    pub(super) format: Option<String>,
    pub(super) name_qualifier: Option<String>,
    pub(super) sp_name_qualifier: Option<String>,
}

/// The `Subject`, of which there is one.
pub(super) fn subject(assertion: Node) -> Checked<Node> {
    let subject = child(assertion, ASSERTION, "Subject")?.ok_or(Rejection::NoSubject)?;
    Ok((subject, Actual::plain("present")))
}

/// Reads the `NameID`, decrypted where it has to be; a subject may go without, its key is an attribute
/// then.
pub(super) fn name_id(subject: Node, opener: &Opener) -> Checked<NameId> {
    let plain = child(subject, ASSERTION, "NameID")?;
    let encrypted = child(subject, ASSERTION, "EncryptedID")?;
    match (plain, encrypted) {
        (None, None) => Ok((NameId::default(), Actual::plain("none came"))),
        (Some(_), Some(_)) if Rejection::Repeated.in_force() => Err(Rejection::Repeated.into()),
        (Some(node), _) => read_name_id(node),
        (None, Some(encrypted)) => opened(encrypted, opener, "NameID", read_name_id),
    }
}

/// Decrypts an element inside a verified assertion and reads it.
pub(super) fn opened<T, E: From<Rejection>>(
    encrypted: Node,
    opener: &Opener,
    name: &'static str,
    read: impl FnOnce(Node) -> Result<T, E>,
) -> Result<T, E> {
    let text = opener.open(encrypted, true)?;
    let text = normalise(&text);
    let tree = Tree::parse(&text, Comments::Refused)?;
    check_decrypted(tree.root(), name)?;
    read(tree.root())
}

fn read_name_id(node: Node) -> Checked<NameId> {
    let value = text(node)?.trim().to_owned();
    Rejection::EmptyNameId.when(value.is_empty())?;
    let actual = Actual::personal(&value);
    let own = |name| attribute(node, name).map(str::to_owned);
    let name_id = NameId {
        value: Some(value),
        format: own("Format"),
        name_qualifier: own("NameQualifier"),
        sp_name_qualifier: own("SPNameQualifier"),
    };
    Ok((name_id, actual))
}

/// What the `AuthnStatement`s say (SAML Core §2.7.2).
#[derive(Debug, Default)]
pub(super) struct Authentication {
    class: Option<String>,
    instant: Option<UnixTime>,
    session_index: Option<String>,
    session_end: Option<UnixTime>,
}

/// At least one `AuthnStatement`, the first of which counts; no session in any has ended.
pub(super) fn authentication(assertion: Node, clock: Clock) -> Checked<Authentication> {
    let mut statements = Vec::new();
    for node in children(assertion, ASSERTION, "AuthnStatement") {
        let end = time(node, "SessionNotOnOrAfter")?;
        if let Some(end) = end.filter(|end| clock.passed(*end)) {
            let goes_on = Rejection::SessionEnded.when(true);
            goes_on.map_err(|rejection| rejection.seeing_plain(end.to_rfc3339()))?;
        }
        statements.push(Authentication {
            class: class(node)?,
            instant: Some(time(node, "AuthnInstant")?.ok_or(Rejection::Missing)?),
            session_index: attribute(node, "SessionIndex").map(str::to_owned),
            session_end: end,
        });
    }
    Rejection::NoAuthnStatement.when(statements.is_empty())?;
    let first = statements.into_iter().next().unwrap_or_default();
    let actual = first.class.clone().unwrap_or_else(|| "no context class".to_owned());
    Ok((first, Actual::plain(actual)))
}

fn class(statement: Node) -> Result<Option<String>, Rejection> {
    let context = expect(statement, ASSERTION, "AuthnContext")?;
    let class = child(context, ASSERTION, "AuthnContextClassRef")?.map(text).transpose()?;
    Ok(class.map(|class| class.trim().to_owned()))
}

/// Puts together what the mapping will read.
pub(super) fn build(
    assertion: Node,
    name_id: NameId,
    authentication: Authentication,
    opener: &Opener,
) -> Checked<Statement> {
    let read = attributes::read(assertion, opener)?;
    let names = read.values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let amr = methods(authentication.class.as_deref(), &read);
    let transient = name_id.format.as_deref() == Some(TRANSIENT);
    let statement = Statement {
        subject: name_id.value.clone().filter(|_| !transient),
        attributes: read.values,
        friendly_names: read.friendly_names,
        amr,
        acr: authentication.class,
        auth_time: authentication.instant,
        session: UpstreamSession {
            name_id: name_id.value,
            name_id_format: name_id.format,
            name_qualifier: name_id.name_qualifier,
            sp_name_qualifier: name_id.sp_name_qualifier,
            session_index: authentication.session_index,
            entity: None,
            not_on_or_after: authentication.session_end,
        },
    };
    Ok((statement, Actual::plain(if names.is_empty() { "none came".to_owned() } else { names })))
}

/// The attribute in which Entra and ADFS list what the person did.
const METHODS_REFERENCES: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// What context class and method references mean in the words of RFC 8176, where that is obvious.
fn methods(class: Option<&str>, attributes: &attributes::Attributes) -> Vec<String> {
    let listed = attributes.texts(METHODS_REFERENCES);
    let mut methods: Vec<String> =
        class.into_iter().chain(listed).filter_map(method).map(str::to_owned).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn method(reference: &str) -> Option<&'static str> {
    match reference {
        "http://schemas.microsoft.com/claims/multipleauthn" | "https://refeds.org/profile/mfa" => {
            Some("mfa")
        }
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
        | "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
        | "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password" => {
            Some("pwd")
        }
        "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI" => Some("sc"),
        "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken" => Some("otp"),
        "urn:federation:authentication:windows" => Some("wia"),
        _ => None,
    }
}
