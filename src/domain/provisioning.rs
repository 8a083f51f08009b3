//! Whether a person whom a provider names gets, or already has, an account here.

use serde::{Deserialize, Serialize};

use super::{
    identity::ExternalIdentity,
    resource::{Configuration, IdentityProvider, Invalid},
    words::UserId,
};

/// `provisioning` of an `IdentityProvider`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provisioning {
    /// Absent: by protocol, see [`admission`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    #[serde(default)]
    pub link: Link,
    #[serde(default)]
    pub sync: Sync,
}

/// Whether an unknown person gets an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    Always,
    /// Only where an account waits for this verified address.
    Invited,
    Never,
}

/// Whether an unknown person may be tied to an existing account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Link {
    #[default]
    Never,
    /// By an address that the provider vouches for, in a domain of the provider's organization.
    VerifiedEmail,
}

/// When names and addresses are taken over from the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sync {
    Once,
    #[default]
    EveryLogin,
}

/// What is known of the accounts that might be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The account tied to (provider, subject).
    pub linked: Option<UserId>,
    /// The account that has the same e-mail address, and whether it has never been used.
    pub same_email: Option<(UserId, bool)>,
}

/// Which account a login leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The account that this identity has always led to.
    Known(UserId),
    /// An existing account, from now on tied to this identity.
    Tie(UserId),
    /// A new account.
    Create,
}

/// Why an unknown person is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("the account's hosted domain is not among those allowed")]
    ForeignDomain,
    #[error("there is no account for this person, and this provider creates none")]
    NoAccount,
    #[error("nobody invited this person")]
    NotInvited,
}

impl Provisioning {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Decides by (provider, subject) first; an address alone never leads to an account in use unless the
/// provider is trusted with that domain.
///
/// Without `create`, SAML creates, and OpenID Connect creates only behind `hostedDomains` or
/// `anyone`: the issuer of the whole world must not open the hospital's door.
///
/// # Errors
/// [`NotAdmitted`] says which rule keeps the person out.
pub fn admission(
    provider: &IdentityProvider,
    identity: &ExternalIdentity,
    trusted_domains: &[String],
    candidates: Candidates,
) -> Result<Admission, NotAdmitted> {
    if !hosted_domain_allowed(provider, identity) {
        return Err(NotAdmitted::ForeignDomain);
    }
    if let Some(user) = candidates.linked {
        return Ok(Admission::Known(user));
    }
    let create = create_rule(provider);
    if let Some((user, untouched)) = candidates.same_email.filter(|_| identity.email_verified) {
        let invited = create == Create::Invited && untouched;
        let trusted = provider.provisioning.link == Link::VerifiedEmail
            && in_domains(identity, trusted_domains);
        if invited || trusted {
            return Ok(Admission::Tie(user));
        }
    }
    match create {
        Create::Always => Ok(Admission::Create),
        Create::Invited => Err(NotAdmitted::NotInvited),
        Create::Never => Err(NotAdmitted::NoAccount),
    }
}

/// The configured rule, else the protocol's default.
#[must_use]
pub fn create_rule(provider: &IdentityProvider) -> Create {
    provider.provisioning.create.unwrap_or(match &provider.configuration {
        Configuration::Saml(_) => Create::Always,
        Configuration::Oidc(oidc) if oidc.anyone || !oidc.hosted_domains.is_empty() => {
            Create::Always
        }
        Configuration::Oidc(_) => Create::Invited,
    })
}

fn hosted_domain_allowed(provider: &IdentityProvider, identity: &ExternalIdentity) -> bool {
    match &provider.configuration {
        Configuration::Oidc(oidc) if !oidc.hosted_domains.is_empty() => {
            identity.hosted_domain.as_ref().is_some_and(|hd| oidc.hosted_domains.contains(hd))
        }
        _ => true,
    }
}

fn in_domains(identity: &ExternalIdentity, domains: &[String]) -> bool {
    let domain = identity.email.as_deref().and_then(|email| email.rsplit_once('@'));
    domain.is_some_and(|(_, domain)| domains.contains(&domain.to_lowercase()))
}

/// `true`, `false` or `invited` on the wire.
impl Serialize for Create {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Always => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_bool(false),
            Self::Invited => serializer.serialize_str("invited"),
        }
    }
}

impl<'de> Deserialize<'de> for Create {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Flag(bool),
            Word(String),
        }
        match Wire::deserialize(deserializer)? {
            Wire::Flag(true) => Ok(Self::Always),
            Wire::Flag(false) => Ok(Self::Never),
            Wire::Word(word) if word == "invited" => Ok(Self::Invited),
            Wire::Word(_) => Err(serde::de::Error::custom("is true, false or `invited`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{mapping::Mapping, presets::Protocol, resource, trace::Trace};
    use serde_json::{Value, json};

    fn provider(extra: Value, provisioning: Value) -> IdentityProvider {
        let mut configuration =
            json!({ "issuer": "https://op.example", "clientId": "x", "clientSecret": "y" });
        if let (Value::Object(all), Value::Object(more)) = (&mut configuration, extra) {
            all.extend(more);
        }
        let value = json!({ "resourceType": "IdentityProvider", "id": "op", "type": "oidc",
            "name": "OP", "configuration": configuration, "provisioning": provisioning });
        match resource::parse(value).expect("valid") {
            resource::Resource::IdentityProvider(provider) => *provider,
            other => panic!("{other:?}"),
        }
    }

    fn identity(claims: Value) -> ExternalIdentity {
        let statement = crate::domain::identity::Statement {
            attributes: serde_json::from_value(claims).expect("claims"),
            ..Default::default()
        };
        Mapping::new(Default::default(), Protocol::Oidc)
            .expect("empty")
            .identify(&"op".into(), statement, &mut Trace::default())
            .expect("named")
    }

    #[test]
    fn a_public_issuer_lets_nobody_in_by_itself() {
        let stranger = identity(json!({ "sub": "1", "email": "a@x.org", "email_verified": true }));
        let colleague = identity(
            json!({ "sub": "2", "email": "a@h.example", "email_verified": true, "hd": "h.example" }),
        );
        let none = Candidates::default;
        let waiting = || Candidates { linked: None, same_email: Some(("u".into(), true)) };
        let in_use = || Candidates { linked: None, same_email: Some(("u".into(), false)) };

        let plain = provider(json!({}), json!({}));
        assert_eq!(admission(&plain, &stranger, &[], none()), Err(NotAdmitted::NotInvited));
        assert_eq!(admission(&plain, &stranger, &[], waiting()), Ok(Admission::Tie("u".into())));
        assert_eq!(admission(&plain, &stranger, &[], in_use()), Err(NotAdmitted::NotInvited));

        let hosted = provider(json!({ "hostedDomains": ["h.example"] }), json!({}));
        assert_eq!(admission(&hosted, &stranger, &[], none()), Err(NotAdmitted::ForeignDomain));
        assert_eq!(admission(&hosted, &colleague, &[], none()), Ok(Admission::Create));

        let anyone = provider(json!({ "anyone": true }), json!({}));
        assert_eq!(admission(&anyone, &stranger, &[], none()), Ok(Admission::Create));
        assert_eq!(admission(&anyone, &stranger, &[], in_use()), Ok(Admission::Create));
    }

    #[test]
    fn an_address_ties_only_when_vouched_for_and_in_a_trusted_domain() {
        let linking = provider(json!({ "anyone": true }), json!({ "link": "verifiedEmail" }));
        let domains = ["h.example".to_owned()];
        let in_use = || Candidates { linked: None, same_email: Some(("u".into(), false)) };
        let verified = json!({ "sub": "1", "email": "a@h.example", "email_verified": true });
        let claimed = json!({ "sub": "1", "email": "a@h.example", "email_verified": false });
        let decide = |claims: Value, domains: &[String]| {
            admission(&linking, &identity(claims), domains, in_use())
        };
        assert_eq!(decide(verified.clone(), &domains), Ok(Admission::Tie("u".into())));
        assert_eq!(decide(verified, &[]), Ok(Admission::Create));
        assert_eq!(decide(claimed, &domains), Ok(Admission::Create));
    }
}
