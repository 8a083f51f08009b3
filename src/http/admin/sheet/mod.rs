//! Forms as data: which inputs edit which elements of a resource.
//!
//! A [`Sheet`] goes three ways: a stored document fills it, a page shows it, and what comes back is laid
//! over the document it began with, so that elements no input shows stay as they are.

mod input;
mod values;

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

pub use input::{Choice, Group, Input, Kind};

use crate::{broker::resources::WriteError, domain::resource::Invalid, op::Parameters};

/// A form: its inputs, what they hold, and what is wrong with it.
#[derive(Template)]
#[template(path = "admin/sheet.html")]
pub struct Sheet {
    pub groups: Vec<Group>,
    /// Path of an element → its text.
    texts: BTreeMap<&'static str, String>,
    pub problem: Option<Problem>,
    /// The version of the document that was read.
    pub version: i64,
}

/// It escapes what it shows by itself.
impl askama::filters::HtmlSafe for Sheet {}

/// Why a form was refused, and which input is to blame.
pub struct Problem {
    pub text: String,
    path: Option<String>,
    /// The path of the input that it is about.
    input: Option<String>,
}

impl Sheet {
    /// Filled from a stored document, or from the defaults of a new one.
    pub fn of(groups: Vec<Group>, document: &Value, version: i64) -> Self {
        let mut sheet = Self { groups, texts: BTreeMap::new(), problem: None, version };
        for input in sheet.groups.iter_mut().flat_map(|group| &mut group.inputs) {
            let text = values::text(input, values::find(document, input.path));
            input.keep_choices(&text);
            sheet.texts.insert(input.path, text);
        }
        sheet
    }

    /// The same form with what was typed into it.
    #[must_use]
    pub fn typed(mut self, form: &Parameters) -> Self {
        let typed = self.inputs().into_iter().map(|input| (input.path, values::typed(input, form)));
        self.texts = typed.collect();
        self.version = form.get("version").and_then(|text| text.parse().ok()).unwrap_or_default();
        self
    }

    /// The document with what was typed laid over it.
    ///
    /// # Errors
    /// [`Invalid`] where a text is not of its input's kind.
    pub fn over(&self, mut document: Value) -> Result<Value, Invalid> {
        let mut inputs = self.inputs();
        // The rest of an element first: what has an input of its own counts.
        inputs.sort_by_key(|input| !matches!(input.kind, Kind::Yaml));
        for input in inputs {
            let value = values::value(input, self.text(input))?;
            values::put(&mut document, input.path, value);
        }
        Ok(document)
    }

    /// The form again, with what is wrong at its top.
    #[must_use]
    pub fn refused(mut self, error: &WriteError) -> Self {
        let path = match error {
            WriteError::Invalid(invalid) => Some(invalid.path.clone()),
            _ => None,
        };
        let text = match error {
            WriteError::Invalid(invalid) => self.named(invalid),
            other => super::desk::sentence(other),
        };
        let input = path.as_ref().and_then(|path| self.input_at(path));
        let input = input.map(|input| input.path.to_owned());
        self.problem = Some(Problem { text, path, input });
        self
    }

    pub fn text(&self, input: &Input) -> &str {
        self.texts.get(input.path).map_or("", String::as_str)
    }

    pub fn is_chosen(&self, input: &Input, choice: &Choice) -> bool {
        match input.kind {
            Kind::Several { .. } => {
                self.text(input).split(' ').any(|word| word == choice.value.as_str())
            }
            _ => self.text(input) == choice.value,
        }
    }

    /// The choices of a long list: those chosen first, so that nobody has to scroll for them.
    fn sorted<'c>(&self, input: &Input, choices: &'c [Choice]) -> Vec<&'c Choice> {
        let mut sorted: Vec<_> = choices.iter().collect();
        if is_long(choices) {
            sorted.sort_by_key(|choice| !self.is_chosen(input, choice));
        }
        sorted
    }

    /// The elements that hold an input's mistake and its hint.
    fn described_by(&self, input: &Input) -> String {
        let hint = (!input.hint.is_empty()).then(|| format!("hint-{}", input.path));
        let problem = self.is_invalid(input).then(|| "problem".to_owned());
        let all: Vec<_> = problem.into_iter().chain(hint).collect();
        all.join(" ")
    }

    /// As many rows as the text needs, within reason.
    fn rows(&self, input: &Input) -> usize {
        let least = if matches!(input.kind, Kind::Lines) { 2 } else { 5 };
        (self.text(input).lines().count() + 1).clamp(least, 18)
    }

    /// Whether there is nothing yet where the example would go.
    fn needs_example(&self, group: &Group) -> bool {
        let empty = |input: &Input| self.text(input).is_empty();
        group.inputs.iter().any(|input| matches!(input.kind, Kind::Yaml) && empty(input))
    }

    fn is_invalid(&self, input: &Input) -> bool {
        let path = self.problem.as_ref().and_then(|problem| problem.path.as_deref());
        path.is_some_and(|path| is_at(path, input.path))
    }

    /// The mistake in words, with the label of its input before the path.
    fn named(&self, invalid: &Invalid) -> String {
        match self.input_at(&invalid.path) {
            Some(input) => format!("{} ({}): {}", input.label, invalid.path, invalid.problem),
            None => invalid.to_string(),
        }
    }

    fn input_at(&self, path: &str) -> Option<&Input> {
        self.inputs().into_iter().find(|input| is_at(path, input.path))
    }

    fn inputs(&self) -> Vec<&Input> {
        self.groups.iter().flat_map(|group| &group.inputs).collect()
    }
}

/// Whether there are so many that they scroll in a box of their own.
const fn is_long(choices: &[Choice]) -> bool {
    choices.len() > 8
}

/// Whether `path` is `parent` or below it.
fn is_at(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn groups() -> Vec<Group> {
        let choices = vec![Choice::new("a", "A")];
        vec![Group::new(
            "All",
            vec![
                Input::text("name", "Name"),
                Input::flag("configuration.sign", "Sign"),
                Input::new("mapping", "Rest", Kind::Yaml),
                Input::one("mapping.preset", "Preset", &[("none", "None"), ("okta", "Okta")]),
                Input::new("idps", "Providers", Kind::Several { of: Some("Idp"), choices }),
            ],
        )]
    }

    #[test]
    fn what_is_chosen_of_many_stands_first() {
        let many = (0..9).map(|n| Choice::new(&n.to_string(), "")).collect();
        let input = Input::new("idps", "Providers", Kind::Several { of: None, choices: many });
        let groups = vec![Group::new("All", vec![input])];
        let sheet = Sheet::of(groups, &json!({ "idps": ["7", "3"] }), 0);
        let input = &sheet.groups[0].inputs[0];
        let Kind::Several { choices, .. } = &input.kind else { panic!("several") };
        let sorted: Vec<_> = sheet.sorted(input, choices).iter().map(|c| &*c.value).collect();
        assert_eq!(sorted, ["3", "7", "0", "1", "2", "4", "5", "6", "8"]);
        let few: Vec<_> = sheet.sorted(input, &choices[..8]).iter().map(|c| &*c.value).collect();
        assert_eq!(few, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }

    fn document() -> Value {
        json!({
            "name": "N", "hidden": 1, "configuration": { "sign": true, "old": true },
            "mapping": { "preset": "okta", "deny": ["x"] }, "idps": [{ "reference": "Idp/gone" }],
        })
    }

    #[test]
    fn what_no_input_shows_stays_as_it_is() {
        let sheet = Sheet::of(groups(), &document(), 3);
        assert_eq!(sheet.over(document()), Ok(document()), "an untouched form changes nothing");

        let form = b"name=M&mapping=deny%3A+%5By%5D&mapping.preset=none&idps/a=on&version=3";
        let sheet = sheet.typed(&Parameters::parse(form).expect("a form"));
        let expected = json!({
            "name": "M", "hidden": 1, "configuration": { "sign": false, "old": true },
            "mapping": { "preset": "none", "deny": ["y"] }, "idps": [{ "reference": "Idp/a" }],
        });
        assert_eq!((sheet.over(document()), sheet.version), (Ok(expected), 3));
    }

    #[test]
    fn mistakes_are_shown_where_they_were_made() {
        let sheet = Sheet::of(groups(), &document(), 3);
        let invalid = Invalid::new("mapping.deny[0]", "is no expression");
        let html = sheet.refused(&invalid.into()).render().expect("a page");
        assert!(html.contains("Rest (mapping.deny[0]): is no expression"), "{html}");
        assert_eq!(html.matches("aria-invalid").count(), 1, "{html}");
    }
}
