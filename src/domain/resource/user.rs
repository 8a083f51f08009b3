//! `User` and `UserRole`: a local account, and a role given to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Invalid, Ref, read};
use crate::domain::{
    password,
    words::{OrganizationId, RoleId, UserId},
};

/// A local account, as administrators write it. The password is write-only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserResource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub name: Vec<HumanName>,
    /// The FHIR person behind the account, as in `Practitioner/123`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Value>,
}

/// FHIR R4 `HumanName`, the parts we use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HumanName {
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
}

/// A role given to a user by hand or by file, everywhere or inside one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserRoleResource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// By id; in files also by username or e-mail.
    pub user: Ref<UserId>,
    pub role: Ref<RoleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Ref<OrganizationId>>,
}

fn yes() -> bool {
    true
}

impl UserResource {
    pub(super) fn parse(value: Value) -> Result<Self, Invalid> {
        let user: Self = read(value)?;
        if user.username.is_none() && user.email.is_none() {
            return Err(Invalid::new("email", "a user has an e-mail address or a username"));
        }
        if user.email.as_deref().is_some_and(|email| !is_email(email)) {
            return Err(Invalid::new("email", "is not an e-mail address"));
        }
        if user.username.as_deref().is_some_and(|name| !is_username(name)) {
            return Err(Invalid::new("username", "is 1 to 128 characters without spaces"));
        }
        if let Some(new) = &user.password {
            password::check(new, &user.words())
                .map_err(|weak| Invalid::new("password", weak.to_string()))?;
        }
        Ok(user)
    }

    /// What a password must not be made of.
    fn words(&self) -> Vec<&str> {
        [self.username.as_deref(), self.email.as_deref()].into_iter().flatten().collect()
    }
}

/// Something, `@`, something with a dot; no spaces. Whether mail arrives only sending tells.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    text.len() <= 254
        && !text.contains(bad)
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.split('.').count() > 1
                && domain.split('.').all(|label| !label.is_empty())
        })
}

fn is_username(text: &str) -> bool {
    (1..=128).contains(&text.chars().count())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

impl HumanName {
    /// The name as one line.
    #[must_use]
    pub fn display(&self) -> String {
        self.text.clone().unwrap_or_else(|| {
            let parts = self.given.iter().map(String::as_str).chain(self.family.as_deref());
            parts.collect::<Vec<_>>().join(" ")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn addresses() {
        for (text, ok) in [
            ("user@example.com", true),
            ("a.b+c@ward-7.hospital.example", true),
            ("user@localhost", false),
            ("user@@example.com", false),
            ("us er@example.com", false),
            ("@example.com", false),
            ("user@example..com", false),
            ("user@example.com\n", false),
        ] {
            assert_eq!(is_email(text), ok, "{text:?}");
        }
    }
}
