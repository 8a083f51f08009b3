//! Parameters as they were sent: each at most once (RFC 6749 §3.1, §3.2).

use std::collections::{BTreeMap, BTreeSet};

/// The parameters of one request. A parameter without a value counts as left out (RFC 6749 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    /// What was sent more than once has no value.
    repeated: BTreeSet<String>,
}

/// Why parameters cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the parameter `{0}` was sent more than once")]
    Repeated(String),
    /// No value of any standard holds one, and not every database keeps it.
    #[error("a parameter holds a NUL character")]
    Nul,
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded`, from a query or a body.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn parse(form: &[u8]) -> Result<Self, Unreadable> {
        let mut read = Self::read(form)?;
        read.repeated.pop_first().map_or(Ok(read), |name| Err(Unreadable::Repeated(name)))
    }

    /// The same where there may be somebody else to tell: what was sent more than once has no value, and is
    /// among [`Self::repeated`].
    ///
    /// # Errors
    /// [`Unreadable::Nul`].
    pub fn read(form: &[u8]) -> Result<Self, Unreadable> {
        let mut read = Self::default();
        for (name, value) in url::form_urlencoded::parse(form) {
            if name.contains('\0') || value.contains('\0') {
                return Err(Unreadable::Nul);
            }
            if read.values.insert(name.to_string(), value.into_owned()).is_some() {
                read.repeated.insert(name.into_owned());
            }
        }
        let repeated = &read.repeated;
        read.values.retain(|name, value| !value.is_empty() && !repeated.contains(name));
        Ok(read)
    }

    /// The names that were sent more than once.
    pub(super) fn repeated(&self) -> impl Iterator<Item = &str> {
        self.repeated.iter().map(String::as_str)
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The words of a space-separated list, each once, in their order.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        let mut seen = BTreeSet::new();
        let words = text.split(' ').filter(|word| !word.is_empty() && seen.insert(*word));
        words.map(str::to_owned).collect()
    }

    /// The same as `application/x-www-form-urlencoded`: read again, it is equal.
    #[must_use]
    pub fn to_query(&self) -> String {
        let twice = self.repeated().flat_map(|name| [(name, ""), (name, "")]);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.values).extend_pairs(twice).finish()
    }

    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.values.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// The same with one parameter more, or another value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_at_most_once_and_empty_is_absent() {
        let read = Parameters::parse(b"a=1&b=&c=x%20y+z+x").expect("fine");
        assert_eq!(read.get("a"), Some("1"));
        assert_eq!(read.get("b"), None);
        assert_eq!(read.words("c"), ["x", "y", "z"]);
        assert_eq!(Parameters::parse(b"a=1&b=2&a=1"), Err(Unreadable::Repeated("a".into())));
        assert_eq!(Parameters::parse(b"a=x%00y"), Err(Unreadable::Nul));
    }

    #[test]
    fn what_was_repeated_has_a_name_and_no_value() {
        let read = Parameters::read(b"a=1&b=2&a=1&c=&c=").expect("no NUL");
        assert_eq!((read.get("a"), read.get("b"), read.get("c")), (None, Some("2"), None));
        assert_eq!(read.repeated().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(Parameters::read(read.to_query().as_bytes()), Ok(read));
        assert_eq!(Parameters::read(b"a=x%00y"), Err(Unreadable::Nul));
    }
}
