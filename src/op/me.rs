//! The person as clients of the Medplum kind expect him, in the token answer and at `/auth/me`.

use serde::Serialize;
use serde_json::{Value, json};

use super::{AccessToken, Person, PersonalClaims, UserInfo};

/// A reference with a name for people (FHIR R4 `Reference`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    pub reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// The organization that a token is for; without one, the broker itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: String,
    pub name: String,
}

impl Tenant {
    /// As `project` in the token answer.
    #[must_use]
    pub fn named(&self) -> Named {
        let Self { id, name } = self;
        Named { reference: format!("Project/{id}"), display: Some(name.clone()) }
    }
}

/// The FHIR person behind the account, else a `Person` of our own making.
fn reference_of(person: &Person) -> (&str, &str) {
    let known = person.profile.as_deref().and_then(|reference| reference.split_once('/'));
    known.unwrap_or(("Person", person.id.as_str()))
}

/// As `profile` in the token answer; the name is for those who have the scope for it.
#[must_use]
pub fn profile_reference(person: &Person, access: &AccessToken) -> Named {
    let (kind, id) = reference_of(person);
    let UserInfo { personal: PersonalClaims { name, .. }, .. } = UserInfo::of(person, access, &[]);
    Named { reference: format!("{kind}/{id}"), display: name }
}

/// The answer of `/auth/me` for a person: as much of him as the scope opens.
#[must_use]
pub fn me(person: &Person, access: &AccessToken, tenant: &Tenant, administers: bool) -> Value {
    let (kind, id) = reference_of(person);
    let mut profile = json!({ "resourceType": kind, "id": id });
    if access.has_scope("profile") {
        profile["name"] = json!(person.names);
    }
    if let (true, Some(email)) = (access.has_scope("email"), &person.email) {
        profile["telecom"] = json!([{ "system": "email", "value": email }]);
    }
    json!({
        "project": { "resourceType": "Project", "id": tenant.id, "name": tenant.name },
        "membership": {
            "resourceType": "ProjectMembership",
            "id": person.id,
            "admin": administers,
            "user": { "reference": format!("User/{}", person.id) },
            "profile": { "reference": format!("{kind}/{id}") },
        },
        "profile": profile,
        "config": { "resourceType": "UserConfiguration" },
        "accessPolicy": { "resourceType": "AccessPolicy" },
        "roles": access.roles,
    })
}
