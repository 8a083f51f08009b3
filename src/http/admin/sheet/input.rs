//! One input: what it edits, how it looks, what stands beside it.

/// Inputs that belong together.
pub struct Group {
    pub legend: &'static str,
    pub lead: &'static str,
    pub inputs: Vec<Input>,
    /// An example to copy from.
    pub example: &'static str,
}

/// An input and the element of the resource that it edits.
pub struct Input {
    /// As in `configuration.ssoUrl`; also the name of the input.
    pub path: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub required: bool,
    pub kind: Kind,
}

/// What the element is, and so how it is shown.
pub enum Kind {
    /// A string; `type` of the HTML input.
    Text(&'static str),
    Number {
        min: i64,
        max: i64,
    },
    /// A long string, typed or from a file.
    Document,
    /// A list, one per line.
    Lines,
    /// A list, separated by spaces.
    Words,
    /// One certificate or several, one after the other.
    Certificates,
    /// Whatever has no input of its own, as YAML.
    Yaml,
    Flag,
    /// A string that never comes back.
    Secret,
    /// One of several words; with `of`, references to that resource type.
    One {
        of: Option<&'static str>,
        choices: Vec<Choice>,
    },
    /// A list of words; with `of`, references to that resource type.
    Several {
        of: Option<&'static str>,
        choices: Vec<Choice>,
    },
}

pub struct Choice {
    pub value: String,
    pub label: String,
}

impl Group {
    pub const fn new(legend: &'static str, inputs: Vec<Input>) -> Self {
        Self { legend, lead: "", inputs, example: "" }
    }

    #[must_use]
    pub fn lead(self, lead: &'static str) -> Self {
        Self { lead, ..self }
    }

    #[must_use]
    pub fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

impl Input {
    pub const fn new(path: &'static str, label: &'static str, kind: Kind) -> Self {
        Self { path, label, hint: "", required: false, kind }
    }

    pub const fn text(path: &'static str, label: &'static str) -> Self {
        Self::new(path, label, Kind::Text("text"))
    }

    pub const fn url(path: &'static str, label: &'static str) -> Self {
        Self::new(path, label, Kind::Text("url"))
    }

    pub const fn flag(path: &'static str, label: &'static str) -> Self {
        Self::new(path, label, Kind::Flag)
    }

    /// One of fixed words.
    pub fn one(path: &'static str, label: &'static str, words: &[(&str, &str)]) -> Self {
        let choices = words.iter().map(|(value, label)| Choice::new(value, label)).collect();
        Self::new(path, label, Kind::One { of: None, choices })
    }

    /// Any of fixed words.
    pub fn several(path: &'static str, label: &'static str, words: &[(&str, &str)]) -> Self {
        let choices = words.iter().map(|(value, label)| Choice::new(value, label)).collect();
        Self::new(path, label, Kind::Several { of: None, choices })
    }

    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// A stored word that is not offered (any more) stays a choice, so that saving does not lose it.
    pub(super) fn keep_choices(&mut self, text: &str) {
        let (Kind::One { choices, .. } | Kind::Several { choices, .. }) = &mut self.kind else {
            return;
        };
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if choices.iter().all(|choice| choice.value != word) {
                choices.push(Choice::new(word, word));
            }
        }
    }
}

impl Choice {
    pub fn new(value: &str, label: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned() }
    }
}
