//! Where each vendor's identity provider puts what we ask for.
//!
//! A preset is a list of sources per target; the first source that has a value wins. An
//! administrator's own `mapping.attributes` come before the preset's.

use serde::{Deserialize, Serialize};

/// A vendor whose attribute names we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    #[default]
    None,
    Adfs,
    Entra,
    Okta,
    Ping,
    Shibboleth,
    Keycloak,
    Google,
    /// IHE Cross-Enterprise User Assertion, as national health networks use it.
    Xua,
}

/// What an identity consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Subject,
    Username,
    Email,
    GivenName,
    FamilyName,
    DisplayName,
    Groups,
    Npi,
}

impl Target {
    pub const ALL: [Self; 8] = [
        Self::Subject,
        Self::Username,
        Self::Email,
        Self::GivenName,
        Self::FamilyName,
        Self::DisplayName,
        Self::Groups,
        Self::Npi,
    ];

    /// The key in `mapping.attributes`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Username => "username",
            Self::Email => "email",
            Self::GivenName => "givenName",
            Self::FamilyName => "familyName",
            Self::DisplayName => "displayName",
            Self::Groups => "groups",
            Self::Npi => "npi",
        }
    }
}

const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
const EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
const GIVEN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname";
const SURNAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname";
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const GROUP: &str = "http://schemas.xmlsoap.org/claims/Group";
const MS_GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";
const MS_ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const MS_ACCOUNT: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname";
const MS_SID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid";
const MS_OBJECT: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const MS_DISPLAY: &str = "http://schemas.microsoft.com/identity/claims/displayname";
/// Comes instead of the groups when there are more than the token may hold.
const MS_GROUPS_LINK: &str = "http://schemas.microsoft.com/claims/groups.link";

const OID_MAIL: &str = "urn:oid:0.9.2342.19200300.100.1.3";
const OID_UID: &str = "urn:oid:0.9.2342.19200300.100.1.1";
const OID_GIVEN: &str = "urn:oid:2.5.4.42";
const OID_SN: &str = "urn:oid:2.5.4.4";
const OID_CN: &str = "urn:oid:2.5.4.3";
const OID_DISPLAY: &str = "urn:oid:2.16.840.1.113730.3.1.241";
const OID_EPPN: &str = "urn:oid:1.3.6.1.4.1.5923.1.1.1.6";
const OID_X500_EMAIL: &str = "urn:oid:1.2.840.113549.1.9.1";
const OID_MEMBER_OF: &str = "urn:oid:1.3.6.1.4.1.5923.1.5.1.1";
const OID_AFFILIATION: &str = "urn:oid:1.3.6.1.4.1.5923.1.1.1.9";
const SUBJECT_ID: &str = "urn:oasis:names:tc:SAML:attribute:subject-id";
const PAIRWISE_ID: &str = "urn:oasis:names:tc:SAML:attribute:pairwise-id";
const OID_TARGETED_ID: &str = "urn:oid:1.3.6.1.4.1.5923.1.1.1.10";
const XSPA_SUBJECT_ID: &str = "urn:oasis:names:tc:xspa:1.0:subject:subject-id";
const XACML_SUBJECT_ID: &str = "urn:oasis:names:tc:xacml:1.0:subject:subject-id";
/// The codes of the structured `hl7v3:Role` values.
const XACML_ROLE_CODE: &str = "urn:oasis:names:tc:xacml:2.0:subject:role.attributes.code";
const XSPA_NPI: &str = "urn:oasis:names:tc:xspa:1.0:subject:npi";
const XSPA2_NPI: &str = "urn:oasis:names:tc:xspa:2.0:subject:npi";

/// Which protocol carries the attributes; some vendors name them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Saml,
    Oidc,
}

/// The sources of `target`, best first.
#[must_use]
pub fn sources(preset: Preset, protocol: Protocol, target: Target) -> &'static [&'static str] {
    match protocol {
        Protocol::Oidc => oidc(preset, target),
        Protocol::Saml => saml(preset, target),
    }
}

fn oidc(preset: Preset, target: Target) -> &'static [&'static str] {
    match (target, preset) {
        // Entra's `sub` differs per application; `oid` names the person in the tenant.
        (Target::Subject, Preset::Entra) => &["oid"],
        (Target::Subject, _) => &["sub"],
        (Target::Username, _) => &["preferred_username"],
        (Target::Email, _) => &["email"],
        (Target::GivenName, _) => &["given_name"],
        (Target::FamilyName, _) => &["family_name"],
        (Target::DisplayName, _) => &["name"],
        (Target::Groups, Preset::Keycloak) => &["groups", "realm_access.roles"],
        (Target::Groups, Preset::Ping) => &["memberOf", "groups"],
        (Target::Groups, _) => &["groups", "roles"],
        (Target::Npi, _) => &["npi"],
    }
}

fn saml(preset: Preset, target: Target) -> &'static [&'static str] {
    use Preset as P;
    use Target as T;
    match (target, preset) {
        (T::Subject, P::Adfs) => &["NameID", MS_SID],
        (T::Subject, P::Entra) => &[MS_OBJECT],
        (T::Subject, P::Shibboleth) => &[SUBJECT_ID, PAIRWISE_ID, OID_EPPN, OID_TARGETED_ID],
        (T::Subject, _) => &["NameID"],
        (T::Username, P::Adfs) => &[UPN, MS_ACCOUNT],
        (T::Username, P::Entra) => &[NAME, UPN],
        (T::Username, P::Okta) => &["login"],
        (T::Username, P::Shibboleth) => &[OID_EPPN, OID_UID],
        (T::Username, P::Google) => &["email"],
        (T::Username, P::None | P::Ping | P::Keycloak | P::Xua) => {
            &["username", "uid", OID_UID, UPN]
        }
        (T::Email, P::Adfs | P::Entra) => &[EMAIL],
        (T::Email, P::Shibboleth) => &[OID_MAIL],
        (T::Email, P::Keycloak) => &[OID_X500_EMAIL, "email"],
        (T::Email, P::Okta | P::Ping | P::Google) => &["email", "mail"],
        (T::Email, P::None | P::Xua) => &["email", "mail", OID_MAIL, EMAIL],
        (T::GivenName, P::Adfs | P::Entra) => &[GIVEN],
        (T::GivenName, P::Okta | P::Google) => &["firstName"],
        (T::GivenName, P::None | P::Ping | P::Shibboleth | P::Keycloak | P::Xua) => {
            &[OID_GIVEN, "givenName", "firstName", GIVEN]
        }
        (T::FamilyName, P::Adfs | P::Entra) => &[SURNAME],
        (T::FamilyName, P::Okta | P::Google) => &["lastName"],
        (T::FamilyName, P::None | P::Ping | P::Shibboleth | P::Keycloak | P::Xua) => {
            &[OID_SN, "sn", "surname", "lastName", SURNAME]
        }
        (T::DisplayName, P::Adfs) => &[NAME],
        (T::DisplayName, P::Entra) => &[MS_DISPLAY],
        (T::DisplayName, P::Ping) => &["cn"],
        (T::DisplayName, P::Xua) => &[XSPA_SUBJECT_ID, XACML_SUBJECT_ID],
        (T::DisplayName, P::None | P::Okta | P::Shibboleth | P::Keycloak | P::Google) => {
            &[OID_DISPLAY, "displayName", OID_CN, "cn", MS_DISPLAY]
        }
        (T::Groups, P::Adfs) => &[GROUP, MS_GROUPS, MS_ROLE],
        (T::Groups, P::Entra) => &[MS_GROUPS, MS_ROLE],
        (T::Groups, P::Ping) => &["memberOf"],
        (T::Groups, P::Shibboleth) => &[OID_MEMBER_OF, OID_AFFILIATION],
        (T::Groups, P::Keycloak) => &["Role", "member", "memberOf"],
        (T::Groups, P::Xua) => &[XACML_ROLE_CODE],
        (T::Groups, P::None | P::Okta | P::Google) => &["groups", "memberOf", GROUP, MS_GROUPS],
        (T::Npi, _) => &["npi", XSPA_NPI, XSPA2_NPI],
    }
}

/// Attributes that say "too many groups to list" (Entra's overage), by their presence.
pub const GROUPS_WITHHELD: [&str; 2] = [MS_GROUPS_LINK, "hasgroups"];
