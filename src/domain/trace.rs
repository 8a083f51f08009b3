//! The ordered list of checks that one login went through.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// Checks in the order in which they were made; a failed one is always the last of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Those of earlier requests of the same login, as they were stored: a JSON array, not read until
    /// somebody wants to see it. A login carries some thirty from one request to the next.
    earlier: Option<String>,
    /// Those of this request.
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

    /// What ended the request was no comparison: there is nothing that was expected in its place.
    pub fn stopped(&mut self, check: impl Into<Words>, actual: Actual, mend: impl Into<Words>) {
        self.push(check, Verdict::Failed, None, Some(actual), Some(mend.into()));
    }

    /// All that was stored, to be shown.
    ///
    /// # Errors
    /// When it is not what we stored.
    pub fn read(stored: &str) -> serde_json::Result<Self> {
        Ok(Self { earlier: None, steps: serde_json::from_str(stored)? })
    }

    /// The check that ended this request, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.verdict == Verdict::Failed)
    }

    /// The same trace with every personal value replaced by its length. What was stored is read for it only
    /// where it has any.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        let personal = |stored: &&String| stored.contains(r#""personal":"#);
        if let Some(Ok(stored)) = self.earlier.as_ref().filter(personal).map(|all| Self::read(all))
        {
            self.steps.splice(..0, stored.steps);
            self.earlier = None;
        }
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

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Some(earlier) = &self.earlier else { return self.steps.serialize(to) };
        let steps = serde_json::to_string(&self.steps).map_err(ser::Error::custom)?;
        let comma = if self.steps.is_empty() { "" } else { "," };
        let all = format!("{}{comma}{}", earlier.strip_suffix(']').unwrap_or(earlier), &steps[1..]);
        RawValue::from_string(all).map_err(ser::Error::custom)?.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored: Box<RawValue> = Deserialize::deserialize(from)?;
        match stored.get() {
            "[]" => Ok(Self::default()),
            array if array.starts_with('[') => {
                Ok(Self { earlier: Some(array.to_owned()), steps: Vec::new() })
            }
            _ => Err(de::Error::custom("a trace is a list of steps")),
        }
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
    fn what_was_stored_is_carried_on_unread() {
        let mut trace = Trace::default();
        let empty: Trace = serde_json::from_str("[]").expect("a trace");
        assert_eq!(empty, trace);
        for round in 1..4 {
            trace.noted("round", Actual::plain(format!("[{round}]")));
            let stored = serde_json::to_string(&trace).expect("json");
            trace = serde_json::from_str(&stored).expect("a trace");
            assert!(trace.steps.is_empty(), "not read");
            assert_eq!(serde_json::to_string(&trace).expect("json"), stored, "nothing to add");
            let all = Trace::read(&stored).expect("a trace");
            let rounds: Vec<_> = all.steps.iter().flat_map(|step| &step.actual).collect();
            let texts: Vec<_> = rounds.into_iter().map(Actual::text).collect();
            assert_eq!(texts, ["[1]", "[2]", "[3]"][..round]);
        }
        assert!(serde_json::from_str::<Trace>("{}").is_err());
    }

    #[test]
    fn redaction_keeps_facts_and_drops_people() {
        let mut trace = Trace::default();
        trace.passed("issuer", "https://idp", Actual::plain("https://idp"));
        trace.noted("name id", Actual::personal("ada@hospital.example"));
        let stored = serde_json::to_string(&trace).expect("json");
        for trace in [trace, serde_json::from_str(&stored).expect("a trace")] {
            let kept = serde_json::to_string(&trace.redacted()).expect("json");
            assert!(kept.contains("https://idp") && !kept.contains("ada@"), "{kept}");
        }
    }
}
