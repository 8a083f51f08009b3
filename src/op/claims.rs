//! What tokens say (RFC 9068 §2.2, OIDC Core §2, §5.1).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{
    claims::Facts,
    login::Authentication,
    resource::{Address, HumanName},
    words::{ClientId, OrganizationId, RoleId, SessionId, UnixTime, UserId},
};

/// The claims of an access token (RFC 9068 §2.2), and ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    pub iss: String,
    /// The person, or the application when it acts for itself.
    pub sub: String,
    pub aud: String,
    pub exp: UnixTime,
    pub iat: UnixTime,
    /// The grant and a random part, with a dot between.
    pub jti: String,
    pub client_id: ClientId,
    pub scope: String,
    /// The public id of the session; absent when an application acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_id: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    pub roles: BTreeSet<RoleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// Absent: whoever has the token may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts on the person's behalf, after an exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

/// An application that acts on a person's behalf, and the one before it (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: ClientId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    /// How many stand in this row.
    #[must_use]
    pub fn length(&self) -> usize {
        1 + self.act.as_ref().map_or(0, |before| before.length())
    }
}

/// The key that an access token is bound to (RFC 7800 §3.1, RFC 9449 §6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Its thumbprint (RFC 7638).
    pub jkt: String,
}

impl AccessToken {
    /// How it is used: `Bearer`, or `DPoP` where it is bound to a key (RFC 9449 §5).
    #[must_use]
    pub const fn token_type(&self) -> &'static str {
        if self.cnf.is_some() { "DPoP" } else { "Bearer" }
    }

    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|word| word == scope)
    }
}

/// The claims of an ID token (OIDC Core §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdToken {
    pub iss: String,
    pub sub: String,
    pub aud: ClientId,
    pub exp: UnixTime,
    pub iat: UnixTime,
    pub auth_time: UnixTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    pub sid: SessionId,
    /// Only with scope `roles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<RoleId>>,
    /// Only what was asked for by name (OIDC Core §5.5); scopes open userinfo (§5.4).
    #[serde(flatten)]
    pub personal: PersonalClaims,
    /// Claims of the application's own.
    #[serde(flatten)]
    pub own: Map<String, Value>,
}

/// What we know of a person, for claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub username: Option<String>,
    pub email: Option<String>,
    pub email_verified: bool,
    pub names: Vec<HumanName>,
    /// The FHIR person behind the account, as in `Practitioner/123`.
    pub profile: Option<String>,
    pub phone: Option<String>,
    pub address: Option<Address>,
    pub updated_at: UnixTime,
    pub roles: BTreeSet<RoleId>,
    pub organization: Option<OrganizationId>,
}

impl Person {
    /// What the application's own claims are computed from.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let PersonalClaims { name, given_name, family_name, .. } =
            PersonalClaims::of(self, "", |_| true);
        Facts {
            id: self.id.0.clone(),
            username: self.username.clone().unwrap_or_default(),
            email: self.email.clone().unwrap_or_default(),
            email_verified: self.email_verified,
            given_name: given_name.unwrap_or_default(),
            family_name: family_name.unwrap_or_default(),
            display_name: name.unwrap_or_default(),
            profile: self.profile.clone().unwrap_or_default(),
            roles: self.roles.iter().map(|role| role.0.clone()).collect(),
            organization: self.organization.as_ref().map_or_else(String::new, |id| id.0.clone()),
        }
    }
}

/// What we can tell of a person beyond who he is (OIDC Core §5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<AddressClaim>,
    /// The URL of the FHIR person behind the account (SMART App Launch 2.2, *Scopes for requesting identity
    /// data*).
    #[serde(default, rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
}

/// The claim `address` (OIDC Core §5.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressClaim {
    /// Lines apart by `\n`.
    pub formatted: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl From<&Address> for AddressClaim {
    fn from(address: &Address) -> Self {
        Self {
            formatted: address.display(),
            street_address: Some(address.line.join("\n")).filter(|street| !street.is_empty()),
            locality: address.city.clone(),
            region: address.state.clone(),
            postal_code: address.postal_code.clone(),
            country: address.country.clone(),
        }
    }
}

/// Scope and claim of one name; told in the ID token too.
const FHIR_USER: &str = "fhirUser";

/// The scope that opens a claim (OIDC Core §5.4).
pub(super) fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "given_name" | "family_name" | "preferred_username" | "updated_at" => {
            Some("profile")
        }
        "email" | "email_verified" => Some("email"),
        "phone_number" => Some("phone"),
        "address" => Some("address"),
        FHIR_USER => Some(FHIR_USER),
        _ => None,
    }
}

impl PersonalClaims {
    /// Those claims for which `open` holds.
    fn of(person: &Person, issuer: &str, open: impl Fn(&str) -> bool) -> Self {
        let text = |claim: &str, text: Option<String>| {
            text.filter(|text| !text.is_empty()).filter(|_| open(claim))
        };
        let official = |name: &&HumanName| name.use_.as_deref() == Some("official");
        let names = &person.names;
        let name = names.iter().find(official).or_else(|| names.first());
        let given = |name: &HumanName| name.given.join(" ");
        Self {
            name: text("name", name.map(HumanName::display)),
            given_name: text("given_name", name.map(given)),
            family_name: text("family_name", name.and_then(|name| name.family.clone())),
            preferred_username: text("preferred_username", person.username.clone()),
            updated_at: open("updated_at").then_some(person.updated_at),
            email: text("email", person.email.clone()),
            email_verified: person
                .email
                .as_ref()
                .filter(|_| open("email_verified"))
                .map(|_| person.email_verified),
            phone_number: text("phone_number", person.phone.clone()),
            address: person.address.as_ref().filter(|_| open("address")).map(AddressClaim::from),
            fhir_user: person
                .profile
                .as_deref()
                .filter(|_| open(FHIR_USER))
                .map(|reference| fhir_url(reference, issuer)),
        }
    }

    /// Those of the ID token: asked for by name, and `fhirUser` by its scope.
    #[must_use]
    pub fn in_id_token(person: &Person, scope: &AccessToken, asked: &[String]) -> Self {
        Self::of(person, &scope.iss, |claim| {
            asked.iter().any(|name| name == claim)
                || (claim == FHIR_USER && scope.has_scope(FHIR_USER))
        })
    }
}

/// Where a FHIR resource is read: a reference of ours from our own API, any other as it is.
fn fhir_url(reference: &str, issuer: &str) -> String {
    if reference.contains("://") {
        reference.to_owned()
    } else {
        format!("{issuer}/fhir/R4/{reference}")
    }
}

/// The answer of the userinfo endpoint (OIDC Core §5.3.2): `sub`, roles, what the scope opens, and what
/// was asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    pub sub: UserId,
    #[serde(flatten)]
    pub personal: PersonalClaims,
    pub roles: BTreeSet<RoleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// Claims of the application's own.
    #[serde(flatten)]
    pub own: Map<String, Value>,
}

/// The same as claims to sign (OIDC Core §5.3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedUserInfo {
    iss: String,
    aud: ClientId,
    #[serde(flatten)]
    info: UserInfo,
}

impl UserInfo {
    /// `scope` opens `profile` and `email` (OIDC Core §5.4), `asked` single claims (§5.5).
    #[must_use]
    pub fn of(person: &Person, scope: &AccessToken, asked: &[String]) -> Self {
        let open = |claim: &str| {
            asked.iter().any(|name| name == claim)
                || scope_of(claim).is_some_and(|name| scope.has_scope(name))
        };
        Self {
            sub: person.id.clone(),
            personal: PersonalClaims::of(person, &scope.iss, open),
            roles: person.roles.clone(),
            organization: person.organization.clone(),
            own: Map::new(),
        }
    }

    #[must_use]
    pub fn for_signing(self, issuer: &str, client: &ClientId) -> SignedUserInfo {
        SignedUserInfo { iss: issuer.to_owned(), aud: client.clone(), info: self }
    }
}

impl IdToken {
    /// An ID token that lives as long as the access token beside it.
    #[must_use]
    pub fn new(
        access: &AccessToken,
        authentication: &Authentication,
        sid: SessionId,
        nonce: Option<String>,
        personal: PersonalClaims,
    ) -> Self {
        Self {
            iss: access.iss.clone(),
            sub: access.sub.clone(),
            aud: access.client_id.clone(),
            exp: access.exp,
            iat: access.iat,
            auth_time: authentication.auth_time,
            nonce,
            acr: authentication.acr.clone(),
            amr: authentication.amr.clone(),
            sid,
            roles: access.has_scope("roles").then(|| access.roles.clone()),
            personal,
            own: Map::new(),
        }
    }
}
