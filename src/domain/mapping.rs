//! From what a provider said to who the person is and what he may do.
//!
//! Attribute names come from a preset and the administrator; rules are CEL expressions over
//! `identity`, compiled once when the provider is stored.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, Program, Value as CelValue};
use serde::{Deserialize, Serialize};

use super::{
    identity::{ExternalIdentity, Statement},
    presets::{GROUPS_WITHHELD, Preset, Protocol, Target, sources},
    resource::{Invalid, Ref},
    trace::{Actual, Trace},
    words::{IdpId, OrganizationId, RoleId},
};
use crate::domain::resource::OneOrMany;

/// `mapping` of an `IdentityProvider`, as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MappingConfiguration {
    #[serde(default)]
    pub preset: Preset,
    /// Target → attribute names, before those of the preset.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub attributes: std::collections::BTreeMap<String, OneOrMany>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Expressions; any that is true refuses the login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// When `when` is true the person has `role`, everywhere or inside `organization`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    pub when: String,
    pub role: Ref<RoleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Ref<OrganizationId>>,
}

/// A role that a rule gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantedRole {
    pub role: RoleId,
    pub organization: Option<OrganizationId>,
}

/// A mapping ready to run.
pub struct Mapping {
    configuration: MappingConfiguration,
    protocol: Protocol,
    rules: Vec<Program>,
    deny: Vec<Program>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("configuration", &self.configuration)
            .finish_non_exhaustive()
    }
}

/// Why mapping refuses a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the answer has no value for the subject")]
    NoSubject,
    #[error("deny rule {0} applies")]
    Denied(usize),
    #[error("rule {0} cannot be evaluated")]
    Broken(String),
}

/// An expression longer than this is a mistake.
const LONGEST_EXPRESSION: usize = 4_000;

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl MappingConfiguration {
    /// # Errors
    /// [`Invalid`] for an unknown target or an expression that does not compile.
    pub fn check(&self) -> Result<(), Invalid> {
        let known = |name: &str| Target::ALL.iter().any(|target| target.name() == name);
        if let Some(name) = self.attributes.keys().find(|name| !known(name)) {
            let targets = Target::ALL.map(Target::name).join(", ");
            let problem = format!("is none of {targets}");
            return Err(Invalid::new(format!("attributes.{name}"), problem));
        }
        self.compile_all().map(drop)
    }

    fn compile_all(&self) -> Result<(Vec<Program>, Vec<Program>), Invalid> {
        let rules = self.rules.iter().enumerate().map(|(index, rule)| {
            compile(&rule.when).map_err(|text| Invalid::new(format!("rules[{index}].when"), text))
        });
        let deny = self.deny.iter().enumerate().map(|(index, when)| {
            compile(when).map_err(|text| Invalid::new(format!("deny[{index}]"), text))
        });
        Ok((rules.collect::<Result<_, _>>()?, deny.collect::<Result<_, _>>()?))
    }
}

/// Where expressions run.
pub(super) fn context() -> Context<'static, 'static> {
    Context::with_env(ENVIRONMENT.clone())
}

/// # Errors
/// In words for the administrator.
pub(super) fn compile(expression: &str) -> Result<Program, String> {
    if expression.len() > LONGEST_EXPRESSION {
        return Err(format!("is longer than {LONGEST_EXPRESSION} characters"));
    }
    ENVIRONMENT.compile(expression).map_err(|errors| format!("is not a CEL expression: {errors}"))
}

impl Mapping {
    /// # Errors
    /// [`Invalid`] as [`MappingConfiguration::check`].
    pub fn new(configuration: MappingConfiguration, protocol: Protocol) -> Result<Self, Invalid> {
        let (rules, deny) = configuration.compile_all()?;
        Ok(Self { configuration, protocol, rules, deny })
    }

    /// Names the person: attributes by preset and configuration, subject first.
    ///
    /// # Errors
    /// [`Refused::NoSubject`] when no source of the subject has a value.
    pub fn identify(
        &self,
        provider: &IdpId,
        statement: Statement,
        trace: &mut Trace,
    ) -> Result<ExternalIdentity, Refused> {
        let first = |target| self.values(&statement, target).into_iter().next();
        let Some(subject) = first(Target::Subject) else {
            trace.failed(
                "subject",
                self.names(Target::Subject).join(" or "),
                Actual::plain("no value"),
                "Let the provider send one of these, or name another in mapping.attributes.subject.",
            );
            return Err(Refused::NoSubject);
        };
        let identity = ExternalIdentity {
            provider: provider.clone(),
            entity: None,
            subject,
            username: first(Target::Username),
            email: first(Target::Email).filter(|email| super::resource::is_email(email)),
            email_verified: self.email_verified(&statement),
            given_name: first(Target::GivenName),
            family_name: first(Target::FamilyName),
            display_name: first(Target::DisplayName),
            npi: first(Target::Npi),
            groups: self.values(&statement, Target::Groups),
            groups_withheld: GROUPS_WITHHELD.iter().any(|name| !statement.values(name).is_empty()),
            hosted_domain: statement.values("hd").into_iter().next(),
            attributes: statement.as_texts(),
            amr: statement.amr,
            acr: statement.acr,
            auth_time: statement.auth_time,
            session: statement.session,
        };
        note(&identity, trace);
        Ok(identity)
    }

    /// Which roles the rules give, once no deny rule applies.
    ///
    /// # Errors
    /// [`Refused::Denied`] with the number of the rule, or [`Refused::Broken`] when an expression
    /// fails on this identity: what cannot be evaluated grants nothing and lets nobody in.
    pub fn decide(
        &self,
        identity: &ExternalIdentity,
        trace: &mut Trace,
    ) -> Result<Vec<GrantedRole>, Refused> {
        let mut context = context();
        context
            .add_variable("identity", identity)
            .map_err(|error| Refused::Broken(error.to_string()))?;
        for (index, program) in self.deny.iter().enumerate() {
            let rule = format!("deny rule {}", index + 1);
            if evaluate(program, &context, &rule, &self.configuration.deny[index], trace)? {
                return Err(Refused::Denied(index + 1));
            }
        }
        let mut granted = Vec::new();
        for (program, rule) in self.rules.iter().zip(&self.configuration.rules) {
            let name = format!("rule for role {}", rule.role.0);
            if evaluate(program, &context, &name, &rule.when, trace)? {
                granted.push(GrantedRole {
                    role: rule.role.0.clone(),
                    organization: rule.organization.as_ref().map(|reference| reference.0.clone()),
                });
            }
        }
        granted.sort();
        granted.dedup();
        Ok(granted)
    }

    /// The roles that this mapping can ever give.
    pub fn roles(&self) -> impl Iterator<Item = &Rule> {
        self.configuration.rules.iter()
    }

    fn names(&self, target: Target) -> Vec<&str> {
        let own = self.configuration.attributes.get(target.name());
        let own = own.map(OneOrMany::as_slice).unwrap_or_default().iter().map(String::as_str);
        let preset = sources(self.configuration.preset, self.protocol, target).iter().copied();
        // Two keys for one person would be two persons: a subject named by hand stands alone.
        match target {
            Target::Subject if own.len() > 0 => own.collect(),
            _ => own.chain(preset).collect(),
        }
    }

    fn values(&self, statement: &Statement, target: Target) -> Vec<String> {
        let names = self.names(target);
        let mut found = names.iter().map(|name| statement.values(name));
        found.find(|values| !values.is_empty()).unwrap_or_default()
    }

    /// Over SAML the hospital's own directory vouches; over OIDC the claim has to say so.
    fn email_verified(&self, statement: &Statement) -> bool {
        match self.protocol {
            Protocol::Saml => true,
            Protocol::Oidc => statement.values("email_verified") == ["true"],
        }
    }
}

fn note(identity: &ExternalIdentity, trace: &mut Trace) {
    trace.noted("subject", Actual::personal(&identity.subject));
    for (name, value) in [
        ("username", &identity.username),
        ("email", &identity.email),
        ("given name", &identity.given_name),
        ("family name", &identity.family_name),
    ] {
        let actual = value.as_deref().map_or(Actual::plain("none came"), Actual::personal);
        trace.noted(name, actual);
    }
    let groups = match identity.groups.len() {
        0 => Actual::plain("none came"),
        _ => Actual::personal(identity.groups.join(", ")),
    };
    trace.noted("groups", groups);
}

fn evaluate(
    program: &Program,
    context: &Context,
    name: &str,
    expression: &str,
    trace: &mut Trace,
) -> Result<bool, Refused> {
    let mend = "Correct the rule; `has(identity.email)` asks whether a value is there at all.";
    match program.execute(context) {
        Ok(CelValue::Bool(value)) if value && name.starts_with("deny") => {
            let mend = "The login is refused by this rule of the provider, as configured.";
            trace.failed(
                name.to_owned(),
                format!("not ({expression})"),
                Actual::plain("true"),
                mend,
            );
            Ok(true)
        }
        Ok(CelValue::Bool(value)) => {
            trace.passed(name.to_owned(), expression.to_owned(), Actual::plain(value.to_string()));
            Ok(value)
        }
        Ok(_) => {
            trace.failed(
                name.to_owned(),
                expression.to_owned(),
                Actual::plain("neither true nor false"),
                mend,
            );
            Err(Refused::Broken(name.to_owned()))
        }
        Err(error) => {
            let actual = Actual::personal(error.to_string());
            trace.failed(name.to_owned(), expression.to_owned(), actual, mend);
            Err(Refused::Broken(name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping(value: serde_json::Value) -> Mapping {
        let configuration = serde_json::from_value(value).expect("a mapping");
        Mapping::new(configuration, Protocol::Saml).expect("compiles")
    }

    fn statement(groups: &[&str]) -> Statement {
        Statement {
            subject: Some("ada".into()),
            attributes: [("groups".to_owned(), json!(groups)), ("mail".to_owned(), json!("a@b.c"))]
                .into(),
            ..Statement::default()
        }
    }

    fn decide(mapping: &Mapping, groups: &[&str]) -> Result<Vec<GrantedRole>, Refused> {
        let trace = &mut Trace::default();
        let identity = mapping.identify(&"idp".into(), statement(groups), trace).expect("named");
        mapping.decide(&identity, trace)
    }

    #[test]
    fn groups_become_roles_and_denials_come_first() {
        let mapping = mapping(json!({
            "rules": [
                { "when": "'GG-Physicians' in identity.groups",
                  "role": { "reference": "Role/physician" },
                  "organization": { "reference": "Organization/general" } },
                { "when": "identity.email.endsWith('@b.c')", "role": { "reference": "Role/staff" } },
            ],
            "deny": ["identity.groups.size() == 0"],
        }));
        let physician =
            GrantedRole { role: "physician".into(), organization: Some("general".into()) };
        let staff = GrantedRole { role: "staff".into(), organization: None };
        assert_eq!(decide(&mapping, &["GG-Physicians"]), Ok(vec![physician, staff.clone()]));
        assert_eq!(decide(&mapping, &["other"]), Ok(vec![staff]));
        assert_eq!(decide(&mapping, &[]), Err(Refused::Denied(1)));
    }

    #[test]
    fn what_cannot_be_evaluated_lets_nobody_in() {
        for when in ["identity.nonsense == 1", "identity.groups", "1 / 0 == 1"] {
            let mapping = mapping(json!({ "deny": [when] }));
            assert!(matches!(decide(&mapping, &["x"]), Err(Refused::Broken(_))), "{when}");
        }
    }

    #[test]
    fn expressions_that_do_not_compile_are_refused_with_their_path() {
        for bad in ["identity.groups in", "((((", "'", "\u{0}", "a b"] {
            let configuration =
                MappingConfiguration { deny: vec![bad.into()], ..Default::default() };
            assert_eq!(configuration.check().expect_err(bad).path, "deny[0]");
        }
    }

    #[test]
    fn a_subject_named_by_hand_has_no_fallback() {
        let mapping = mapping(json!({ "attributes": { "subject": "employeeId" } }));
        let named = mapping.identify(&"idp".into(), statement(&[]), &mut Trace::default());
        assert_eq!(named.expect_err("no employeeId"), Refused::NoSubject);
    }
}
