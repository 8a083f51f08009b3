//! Domains that a provider may speak for (`shibmd:Scope`): what it says of others is not heard.
//!
//! In a federation every provider can sign any attribute. A scoped one (`ada@hospital.example`) counts
//! only where the provider's metadata declares that scope.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::domain::{
    identity::Statement,
    trace::{Actual, Trace},
};

use super::{
    names::SHIBMD,
    tree::{Node, attribute, is, text},
};

/// Bytes that a compiled pattern may take.
const PATTERN: usize = 256 * 1024;

/// The attributes whose values end in `@scope`: eduPersonPrincipalName, eduPersonScopedAffiliation,
/// subject-id, pairwise-id, by `Name` and by `FriendlyName`.
const SCOPED: [&str; 8] = [
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
    "urn:oasis:names:tc:SAML:attribute:subject-id",
    "urn:oasis:names:tc:SAML:attribute:pairwise-id",
    "eduPersonPrincipalName",
    "eduPersonScopedAffiliation",
    "urn:mace:dir:attribute-def:eduPersonPrincipalName",
    "urn:mace:dir:attribute-def:eduPersonScopedAffiliation",
];

/// One declared scope.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Compared without regard to case.
    Exact(String),
    /// Matches the whole scope; linear in time, bounded in size.
    Pattern(Regex),
}

impl Scope {
    /// `None` for an empty one, and for a pattern that cannot be used: nothing is allowed by it.
    pub(super) fn read(node: Node) -> Option<Self> {
        debug_assert!(is(node, SHIBMD, "Scope"), "callers choose");
        let scope = text(node).ok()?.trim().to_lowercase();
        match attribute(node, "regexp") {
            _ if scope.is_empty() => None,
            Some("true" | "1") => {
                let whole = format!("^(?:{scope})$");
                let pattern = RegexBuilder::new(&whole).size_limit(PATTERN).build();
                pattern.ok().map(Self::Pattern)
            }
            _ => Some(Self::Exact(scope)),
        }
    }

    /// The domain, if it is one.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(scope) => Some(scope),
            Self::Pattern(_) => None,
        }
    }

    fn admits(&self, scope: &str) -> bool {
        match self {
            Self::Exact(declared) => declared == scope,
            Self::Pattern(pattern) => pattern.is_match(scope),
        }
    }
}

/// Drops values of scoped attributes whose scope the provider does not declare, and says so in the trace.
/// A provider that declares nothing is believed as before, unless `demanded`.
pub fn drop_foreign(
    statement: &mut Statement,
    scopes: &[Scope],
    demanded: bool,
    trace: &mut Trace,
) {
    if scopes.is_empty() && !demanded {
        return;
    }
    let scoped = |name: &str, friendly: Option<&str>| {
        [Some(name), friendly]
            .into_iter()
            .flatten()
            .any(|n| SCOPED.iter().any(|s| s.eq_ignore_ascii_case(n)))
    };
    let friendly_of = |name: &str| {
        let mut found = statement.friendly_names.iter().filter(|(_, full)| *full == name);
        found.next().map(|(friendly, _)| friendly.clone())
    };
    let names: Vec<String> = statement.attributes.keys().cloned().collect();
    for name in names {
        if !scoped(&name, friendly_of(&name).as_deref()) {
            continue;
        }
        let Some(Value::Array(values)) = statement.attributes.get_mut(&name) else { continue };
        let before = values.len();
        values.retain(|value| value.as_str().is_some_and(|value| is_admitted(value, scopes)));
        if values.len() < before {
            let dropped = before - values.len();
            let said = format!(
                "{dropped} of {before} values of {name} dropped: not a scope of this provider"
            );
            trace.noted("scopes", Actual::plain(said));
        }
    }
}

/// What follows the last `@`; a value without a scope is not admitted.
fn is_admitted(value: &str, scopes: &[Scope]) -> bool {
    let Some((_, scope)) = value.trim().rsplit_once('@') else { return false };
    let scope = scope.to_lowercase();
    scopes.iter().any(|declared| declared.admits(&scope))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EPPN: &str = "urn:oid:1.3.6.1.4.1.5923.1.1.1.6";

    fn pattern(text: &str) -> Scope {
        Scope::Pattern(Regex::new(&format!("^(?:{text})$")).expect("a pattern"))
    }

    #[test]
    fn only_declared_scopes_are_heard() {
        let scopes = [Scope::Exact("hospital.example".into()), pattern(r".+\.clinic\.example")];
        for (value, admitted) in [
            ("ada@hospital.example", true),
            ("ada@HOSPITAL.example", true),
            ("ada@x.clinic.example", true),
            ("ada@evil.example", false),
            ("ada@hospital.example.evil.example", false),
            ("ada@hospital.example@evil.example", false),
            ("ada@x.clinic.example.evil", false),
            ("ada@sub.hospital.example", false),
            ("ada", false),
            ("", false),
        ] {
            assert_eq!(is_admitted(value, &scopes), admitted, "{value}");
        }
    }

    #[test]
    fn foreign_values_go_and_the_trace_says_so() {
        let mut statement = Statement::default();
        statement.attributes.insert(EPPN.into(), json!(["ada@a.example", "ada@b.example"]));
        statement.attributes.insert("odd".into(), json!(["staff@b.example"]));
        statement.attributes.insert("mail".into(), json!(["ada@b.example"]));
        statement.friendly_names.insert("eduPersonScopedAffiliation".into(), "odd".into());
        let mut trace = Trace::default();
        drop_foreign(&mut statement, &[], false, &mut trace);
        assert!(trace.steps.is_empty(), "nothing declared, nothing demanded");
        drop_foreign(&mut statement, &[Scope::Exact("a.example".into())], false, &mut trace);
        assert_eq!(statement.attributes[EPPN], json!(["ada@a.example"]));
        assert_eq!(statement.attributes["odd"], json!([]));
        assert_eq!(statement.attributes["mail"], json!(["ada@b.example"]), "mail has no scope");
        assert_eq!(trace.steps.len(), 2);
        drop_foreign(&mut statement, &[], true, &mut trace);
        assert_eq!(statement.attributes[EPPN], json!([]), "a federation demands scopes");
    }
}
