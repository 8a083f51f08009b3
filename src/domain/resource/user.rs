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
    /// A telephone number, best as `+49 30 1234567`; told by scope `phone` (OIDC Core §5.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Told by scope `address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The FHIR person behind the account, as in `Practitioner/123`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Value>,
}

/// FHIR R4 `Address`, the parts we use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// As it is written on an envelope; else made of the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Street and house number, and whatever else comes before the city.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
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
        if user.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
            return Err(Invalid::new(
                "phone",
                "is not a telephone number; write it as in +49 30 1234567",
            ));
        }
        if user.address.as_ref().is_some_and(|address| !address.is_modest()) {
            return Err(Invalid::new(
                "address",
                "has a part that is too long or not plain text; 200 characters are the most, and eight lines",
            ));
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

/// Digits, and what people put between them; an extension at the end as in RFC 3966 (`;ext=12`).
fn is_phone(text: &str) -> bool {
    let number = text.split_once(";ext=").map_or(text, |(number, _)| number);
    let extension = &text[number.len()..].trim_start_matches(";ext=");
    let digits = number.chars().filter(char::is_ascii_digit).count();
    (3..=20).contains(&digits)
        && text.len() <= 40
        && number.chars().all(|c| c.is_ascii_digit() || " +-./()".contains(c))
        && extension.chars().all(|c| c.is_ascii_digit())
}

impl Address {
    const LONGEST: usize = 200;

    fn parts(&self) -> impl Iterator<Item = &str> {
        let Self { text, line, city, state, postal_code, country } = self;
        let single = [text, city, state, postal_code, country];
        line.iter().chain(single.into_iter().flatten()).map(String::as_str)
    }

    fn is_modest(&self) -> bool {
        let bad = |c: char| c.is_control() && c != '\n';
        self.line.len() <= 8
            && self.parts().all(|part| part.chars().count() <= Self::LONGEST && !part.contains(bad))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().all(|part| part.trim().is_empty())
    }

    /// As it is written on an envelope, lines apart by `\n`.
    #[must_use]
    pub fn display(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let place = [&self.postal_code, &self.city].map(Option::as_deref);
        let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let rest = [Some(place.as_str()), self.state.as_deref(), self.country.as_deref()];
        let lines = self.line.iter().map(String::as_str).chain(rest.into_iter().flatten());
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
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
    use super::{Address, is_email, is_phone};

    #[test]
    fn telephone_numbers() {
        for (text, ok) in [
            ("+49 30 1234567", true),
            ("(030) 123-45.67/8", true),
            ("112", true),
            ("+1 (604) 555-1234;ext=5678", true),
            ("", false),
            ("12", false),
            ("ward 7", false),
            ("+49 30 1234567;ext=x", false),
            ("123456789012345678901", false),
        ] {
            assert_eq!(is_phone(text), ok, "{text}");
        }
    }

    #[test]
    fn an_address_on_its_envelope() {
        let mut address = Address {
            line: vec!["Ward 7".to_owned(), "Main Street 1".to_owned()],
            city: Some("Berlin".to_owned()),
            postal_code: Some("10115".to_owned()),
            country: Some("DE".to_owned()),
            ..Address::default()
        };
        assert_eq!(address.display(), "Ward 7\nMain Street 1\n10115 Berlin\nDE");
        address.text = Some("c/o General Hospital".to_owned());
        assert_eq!(address.display(), "c/o General Hospital");
        assert!(Address { city: Some(" ".to_owned()), ..Address::default() }.is_empty());
        assert!(!Address { city: Some("x".repeat(201)), ..Address::default() }.is_modest());
    }

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
