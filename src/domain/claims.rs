//! Claims of an application's own: what it is told of a person beyond the standard ones, by expressions
//! over the account.

use std::fmt;

use cel::{Context, Program, Value as CelValue, objects::Key};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{mapping, resource::Invalid};

/// One claim, opened by one of the application's scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimRule {
    pub scope: String,
    /// Its name on the wire.
    pub claim: String,
    /// A CEL expression over `user`; what cannot be evaluated, and null, is left out.
    pub value: String,
    #[serde(default = "userinfo", rename = "in")]
    pub places: Vec<Place>,
    /// What the person agrees to, reading on from “It will be able to”.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Where a claim is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    Userinfo,
    IdToken,
}

/// What expressions see as `user`: the account as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    pub id: String,
    /// Empty where there is none, as are all texts.
    pub username: String,
    pub email: String,
    pub email_verified: bool,
    pub given_name: String,
    pub family_name: String,
    pub display_name: String,
    /// As in `Practitioner/123`.
    pub profile: String,
    pub roles: Vec<String>,
    pub organization: String,
}

/// Rules ready to run.
#[derive(Default)]
pub struct ClaimMapping(Vec<(ClaimRule, Program)>);

impl fmt::Debug for ClaimMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(rule, _)| rule)).finish()
    }
}

/// More rules than this for one application is a mistake.
const MOST_RULES: usize = 50;
const LONGEST_NAME: usize = 128;

/// Names that mean something already (RFC 7519 §4.1, RFC 9068 §2.2, OIDC Core §2 and §5.1, RFC 9449 §6,
/// RFC 8693 §4), and our own.
const TAKEN: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "client_id",
    "scope",
    "cnf",
    "act",
    "may_act",
    "events",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "fhirUser",
    "login_id",
    "roles",
    "organization",
    "active",
];

fn userinfo() -> Vec<Place> {
    vec![Place::Userinfo]
}

impl ClaimMapping {
    /// # Errors
    /// [`Invalid`] with the path of the first rule that will not do; `scopes` are the application's.
    pub fn new(rules: &[ClaimRule], scopes: &[String]) -> Result<Self, Invalid> {
        if rules.len() > MOST_RULES {
            return Err(Invalid::new("claims", format!("are more than {MOST_RULES}")));
        }
        let compiled = rules.iter().enumerate().map(|(index, rule)| {
            let invalid = |field: &str, problem: String| {
                Invalid::new(format!("claims[{index}].{field}"), problem)
            };
            if !scopes.contains(&rule.scope) {
                return Err(invalid("scope", "is none of the application's scopes".to_owned()));
            }
            if rule.claim.is_empty() || rule.claim.len() > LONGEST_NAME {
                return Err(invalid("claim", format!("is 1 to {LONGEST_NAME} bytes")));
            }
            if TAKEN.contains(&rule.claim.as_str()) {
                return Err(invalid("claim", "means something else already".to_owned()));
            }
            let earlier = rules.iter().take(index);
            if earlier.filter(|other| other.claim == rule.claim).count() > 0 {
                return Err(invalid("claim", "is there twice".to_owned()));
            }
            let program = mapping::compile(&rule.value).map_err(|text| invalid("value", text))?;
            Ok((rule.clone(), program))
        });
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    /// The claims that are told in `place`, of those whose scope is `open`.
    pub fn evaluate(
        &self,
        place: Place,
        open: impl Fn(&str) -> bool,
        facts: impl FnOnce() -> Facts,
    ) -> Map<String, Value> {
        let wanted: Vec<_> = self
            .0
            .iter()
            .filter(|(rule, _)| rule.places.contains(&place) && open(&rule.scope))
            .collect();
        if wanted.is_empty() {
            return Map::new();
        }
        let mut context = mapping::context();
        if context.add_variable("user", facts()).is_err() {
            return Map::new();
        }
        let told = |(rule, program): &(ClaimRule, Program)| told(rule, program, &context);
        wanted.into_iter().filter_map(told).collect()
    }
}

fn told(rule: &ClaimRule, program: &Program, context: &Context) -> Option<(String, Value)> {
    let value = program.execute(context).ok().as_ref().and_then(json)?;
    Some((rule.claim.clone(), value))
}

/// The same in JSON; `None` for null and for what JSON does not have.
fn json(value: &CelValue) -> Option<Value> {
    Some(match value {
        CelValue::Bool(value) => Value::Bool(*value),
        CelValue::Int(value) => Value::from(*value),
        CelValue::UInt(value) => Value::from(*value),
        CelValue::Float(value) => Value::from(*value),
        CelValue::String(text) => Value::from(text.as_str()),
        CelValue::List(values) => values.iter().filter_map(json).collect(),
        CelValue::Map(map) => {
            let member = |(key, value): (&Key, &CelValue)| Some((key.to_string(), json(value)?));
            Value::Object(map.map.iter().filter_map(member).collect())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(value: Value) -> Vec<ClaimRule> {
        serde_json::from_value(value).expect("rules")
    }

    fn scopes() -> Vec<String> {
        ["openid", "ward"].map(str::to_owned).to_vec()
    }

    #[test]
    fn values_are_computed_for_open_scopes_in_their_place() {
        let rules = rules(json!([
            { "scope": "ward", "claim": "house", "value": "user.email.endsWith('@hospital.example')" },
            { "scope": "ward", "claim": "is_nurse", "value": "'nurse' in user.roles",
              "in": ["idToken", "userinfo"] },
            { "scope": "ward", "claim": "https://x.example/tags",
              "value": "{'roles': user.roles, 'n': 2, 'none': null}" },
            { "scope": "openid", "claim": "broken", "value": "user.nonsense" },
            { "scope": "openid", "claim": "nothing", "value": "null" },
        ]));
        let mapping = ClaimMapping::new(&rules, &scopes()).expect("compiles");
        let facts = || Facts {
            email: "ada@hospital.example".into(),
            roles: vec!["nurse".into()],
            ..Facts::default()
        };
        let all = Value::Object(mapping.evaluate(Place::Userinfo, |_| true, facts));
        assert_eq!(
            all,
            json!({ "house": true, "is_nurse": true,
                "https://x.example/tags": { "roles": ["nurse"], "n": 2 } })
        );
        let id_token = Value::Object(mapping.evaluate(Place::IdToken, |_| true, facts));
        assert_eq!(id_token, json!({ "is_nurse": true }));
        assert!(mapping.evaluate(Place::Userinfo, |scope| scope == "openid", facts).is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        let rule = |scope: &str, claim: &str, value: &str| json!({ "scope": scope, "claim": claim, "value": value });
        for (bad, path) in [
            (json!([rule("other", "x", "1")]), "claims[0].scope"),
            (json!([rule("ward", "sub", "user.email")]), "claims[0].claim"),
            (json!([rule("ward", "", "1")]), "claims[0].claim"),
            (json!([rule("ward", "x", "1"), rule("ward", "x", "2")]), "claims[1].claim"),
            (json!([rule("ward", "x", "user.")]), "claims[0].value"),
        ] {
            let invalid = ClaimMapping::new(&rules(bad.clone()), &scopes()).expect_err("refused");
            assert_eq!(invalid.path, path, "{bad}");
        }
    }
}
