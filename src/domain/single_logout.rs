//! Which sessions an identity provider means when it ends some (SAML Core §3.7.1, §3.3.4).

use super::identity::UpstreamSession;

/// The person that a `LogoutRequest` names, and which sign-ins of his.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSessions {
    pub name_id: String,
    pub format: Option<String>,
    pub name_qualifier: Option<String>,
    pub sp_name_qualifier: Option<String>,
    /// None named: all of them.
    pub session_indexes: Vec<String>,
}

/// Who speaks to whom: what a qualifier means that is left out (SAML Core §8.3.7).
#[derive(Clone, Copy, Debug)]
pub struct Entities<'a> {
    /// The entityID of whoever sent the request.
    pub idp: &'a str,
    /// Our own entityID.
    pub sp: &'a str,
    /// The sender once more, where it is a member of a federation: it speaks of its own people only.
    pub member: Option<&'a str>,
}

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

impl NamedSessions {
    /// Whether this session is one of those. It has to be this provider's.
    #[must_use]
    pub fn include(&self, session: &UpstreamSession, entities: Entities) -> bool {
        let index = session.session_index.as_ref();
        session.name_id.as_ref() == Some(&self.name_id)
            && session.entity.as_deref() == entities.member
            && same_format(self.format.as_deref(), session.name_id_format.as_deref())
            && fits(&self.name_qualifier, &session.name_qualifier, entities.idp)
            && fits(&self.sp_name_qualifier, &session.sp_name_qualifier, entities.sp)
            && (self.session_indexes.is_empty()
                || index.is_some_and(|index| self.session_indexes.contains(index)))
    }
}

/// What the request leaves out restricts nothing; what the session leaves out has its default.
fn fits(named: &Option<String>, known: &Option<String>, default: &str) -> bool {
    let known = known.as_deref().unwrap_or(default);
    named.as_deref().is_none_or(|named| named == known)
}

/// `unspecified` says as little as no format at all (SAML Core §8.3.1).
fn same_format(named: Option<&str>, known: Option<&str>) -> bool {
    let said = |format: Option<&'_ str>| format.filter(|format| *format != UNSPECIFIED).is_some();
    !said(named) || !said(known) || named == known
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

    fn owned(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    #[test]
    fn exactly_the_sessions_of_that_name_and_those_indexes() {
        let entities = Entities { idp: "idp", sp: "sp", member: None };
        let of_member = |member| Entities { member, ..entities };
        let session = |qualifier: &str| UpstreamSession {
            name_id: owned("ada"),
            name_id_format: owned(PERSISTENT),
            name_qualifier: owned(qualifier),
            sp_name_qualifier: None,
            session_index: owned("1"),
            entity: None,
            not_on_or_after: None,
        };
        for (what, name, format, qualifiers, indexes, expected) in [
            ("everything", "ada", PERSISTENT, ["idp", "sp"], &["1"][..], true),
            ("nothing but the name", "ada", "", ["", ""], &[], true),
            ("several indexes", "ada", "", ["", ""], &["0", "1"], true),
            ("any format", "ada", UNSPECIFIED, ["", ""], &[], true),
            ("another index", "ada", "", ["", ""], &["2"], false),
            ("another name", "Ada", "", ["", ""], &["1"], false),
            ("another format", "ada", EMAIL, ["", ""], &["1"], false),
            ("another qualifier", "ada", "", ["other", ""], &["1"], false),
            ("another service", "ada", "", ["", "other"], &["1"], false),
        ] {
            let named = NamedSessions {
                name_id: name.to_owned(),
                format: owned(format),
                name_qualifier: owned(qualifiers[0]),
                sp_name_qualifier: owned(qualifiers[1]),
                session_indexes: indexes.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(named.include(&session(""), entities), expected, "{what}");
            let elsewhere = named.include(&session("elsewhere"), entities);
            assert_eq!(elsewhere, expected && qualifiers[0].is_empty(), "{what}, qualified");
            assert!(!named.include(&UpstreamSession::default(), entities), "{what}, local");
            let theirs = UpstreamSession { entity: owned("member"), ..session("") };
            assert!(!named.include(&session(""), of_member(Some("member"))), "{what}, no member's");
            for (member, own) in [(Some("member"), true), (Some("other"), false), (None, false)] {
                let included = named.include(&theirs, of_member(member));
                assert_eq!(included, expected && own, "{what}, said by {member:?}");
            }
        }
    }
}
