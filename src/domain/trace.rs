//! The ordered list of checks that one login went through.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Checks in the order in which they were made; a failed one is always the last of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trace {
    pub steps: Vec<Step>,
}

/// One check: its name, its outcome, and what an administrator needs to understand it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A short stable name in words: `audience`, `response signature`, `mapping rule 2`.
    pub check: Words,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Words>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Actual>,
    /// How to mend it, for the administrator; only where the check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<Words>,
}

/// Nearly always fixed words of ours: a login has some thirty steps, and most need no copy of them.
pub type Words = Cow<'static, str>;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Passed,
    /// Nothing to decide, but worth knowing: a warning or a fact about what follows.
    Noted,
    Failed,
}

/// What came. Values that tell about a person are kept apart, so that they can be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actual {
    /// About systems: issuers, times, algorithms.
    Plain(String),
    /// About a person: names, addresses, groups.
    Personal(String),
}

impl Trace {
    pub fn passed(&mut self, check: impl Into<Words>, expected: impl Into<Words>, actual: Actual) {
        self.push(check, Verdict::Passed, Some(expected.into()), Some(actual), None);
    }

    pub fn noted(&mut self, check: impl Into<Words>, actual: Actual) {
        self.push(check, Verdict::Noted, None, Some(actual), None);
    }

    pub fn failed(
        &mut self,
        check: impl Into<Words>,
        expected: impl Into<Words>,
        actual: Actual,
        mend: impl Into<Words>,
    ) {
        self.push(check, Verdict::Failed, Some(expected.into()), Some(actual), Some(mend.into()));
    }

    /// The check that ended the login, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.verdict == Verdict::Failed)
    }

    /// The same trace with every personal value replaced by its length.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        for step in &mut self.steps {
            if let Some(Actual::Personal(value)) = &step.actual {
                let length = value.chars().count();
                step.actual = Some(Actual::Plain(format!("[{length} characters, not kept]")));
            }
        }
        self
    }

    fn push(
        &mut self,
        check: impl Into<Words>,
        verdict: Verdict,
        expected: Option<Words>,
        actual: Option<Actual>,
        mend: Option<Words>,
    ) {
        self.steps.push(Step { check: check.into(), verdict, expected, actual, mend });
    }
}

impl Actual {
    pub fn plain(value: impl Into<String>) -> Self {
        Self::Plain(value.into())
    }

    pub fn personal(value: impl Into<String>) -> Self {
        Self::Personal(value.into())
    }

    /// The text, whatever its kind.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Personal(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redaction_keeps_facts_and_drops_people() {
        let mut trace = Trace::default();
        trace.passed("issuer", "https://idp", Actual::plain("https://idp"));
        trace.noted("name id", Actual::personal("ada@hospital.example"));
        let kept = serde_json::to_string(&trace.redacted()).expect("json");
        assert!(kept.contains("https://idp") && !kept.contains("ada@"), "{kept}");
    }
}
