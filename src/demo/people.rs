//! Who can sign in: staff of the hospital by SAML, guests of a partner by OpenID Connect.

/// Somebody whom a sample provider knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) username: &'static str,
    pub(super) given_name: &'static str,
    pub(super) family_name: &'static str,
    pub(super) email: &'static str,
    pub(super) group: &'static str,
    /// What the group means at the hospital.
    pub(super) role: &'static str,
}

/// The password of everybody; the login pages show it.
pub(super) const PASSWORD: &str = "demo";

/// Known to the SAML identity provider.
pub(super) const STAFF: &[Person] = &[
    Person {
        username: "ada",
        given_name: "Ada",
        family_name: "Lovelace",
        email: "ada@hospital.example",
        group: "GG-Physicians",
        role: "physician",
    },
    Person {
        username: "grace",
        given_name: "Grace",
        family_name: "Hopper",
        email: "grace@hospital.example",
        group: "GG-Nurses",
        role: "nurse",
    },
];

/// Known to the OpenID provider.
pub(super) const GUESTS: &[Person] = &[
    Person {
        username: "florence",
        given_name: "Florence",
        family_name: "Nightingale",
        email: "florence@partner.example",
        group: "GG-Nurses",
        role: "nurse",
    },
    Person {
        username: "joseph",
        given_name: "Joseph",
        family_name: "Lister",
        email: "joseph@partner.example",
        group: "GG-Physicians",
        role: "physician",
    },
];

impl Person {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// The person of this name, if the password is right.
pub(super) fn find(
    people: &'static [Person],
    username: &str,
    password: &str,
) -> Option<&'static Person> {
    let wanted = username.trim().to_lowercase();
    people.iter().find(|person| person.username == wanted && password == PASSWORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_the_password() {
        for (username, password, found) in [
            ("ada", "demo", true),
            (" Ada ", "demo", true),
            ("ada", "Demo", false),
            ("ada", "", false),
            ("florence", "demo", false),
        ] {
            assert_eq!(find(STAFF, username, password).is_some(), found, "{username}");
        }
    }
}
