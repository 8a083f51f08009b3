//! What tokens say (RFC 9068 §2.2, OIDC Core §2, §5.1).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::{
    login::Authentication,
    resource::HumanName,
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
}

impl AccessToken {
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
}

/// What we know of a person, for claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub username: Option<String>,
    pub email: Option<String>,
    pub email_verified: bool,
    pub names: Vec<HumanName>,
    pub updated_at: UnixTime,
    pub roles: BTreeSet<RoleId>,
    pub organization: Option<OrganizationId>,
}

/// The answer of the userinfo endpoint (OIDC Core §5.3.2): `sub`, roles, and what the scope opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    pub sub: String,
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
    pub roles: BTreeSet<RoleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
}

impl UserInfo {
    /// `scope` opens `profile` and `email` (OIDC Core §5.4).
    #[must_use]
    pub fn of(person: &Person, scope: &AccessToken) -> Self {
        let mut info = Self {
            sub: person.id.0.clone(),
            roles: person.roles.clone(),
            organization: person.organization.clone(),
            ..Self::default()
        };
        if scope.has_scope("profile") {
            info.take_profile(person);
        }
        if scope.has_scope("email") && person.email.is_some() {
            info.email.clone_from(&person.email);
            info.email_verified = Some(person.email_verified);
        }
        info
    }

    fn take_profile(&mut self, person: &Person) {
        let official = |name: &&HumanName| name.use_.as_deref() == Some("official");
        let names = &person.names;
        if let Some(name) = names.iter().find(official).or_else(|| names.first()) {
            self.name = Some(name.display()).filter(|text| !text.is_empty());
            self.given_name = Some(name.given.join(" ")).filter(|text| !text.is_empty());
            self.family_name.clone_from(&name.family);
        }
        self.preferred_username.clone_from(&person.username);
        self.updated_at = Some(person.updated_at);
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
        }
    }
}
