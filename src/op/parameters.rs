//! Parameters as they were sent: each at most once (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;

/// The parameters of one request. A parameter without a value counts as left out (RFC 6749 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

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
        let mut all = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(form) {
            if name.contains('\0') || value.contains('\0') {
                return Err(Unreadable::Nul);
            }
            if all.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Unreadable::Repeated(name.into_owned()));
            }
        }
        all.retain(|_, value: &mut String| !value.is_empty());
        Ok(Self(all))
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The words of a space-separated list.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// The same as `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn to_query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// The same with one parameter more, or another value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
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
        let read = Parameters::parse(b"a=1&b=&c=x%20y+z").expect("fine");
        assert_eq!(read.get("a"), Some("1"));
        assert_eq!(read.get("b"), None);
        assert_eq!(read.words("c"), ["x", "y", "z"]);
        assert_eq!(Parameters::parse(b"a=1&b=2&a=1"), Err(Unreadable::Repeated("a".into())));
        assert_eq!(Parameters::parse(b"a=x%00y"), Err(Unreadable::Nul));
    }
}
