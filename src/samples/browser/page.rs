//! What the browser shows.

use http::HeaderMap;
use url::Url;

use super::{
    form::{self, Form, text_until},
    html::{Token, tokens},
};

/// A page, or whatever else came.
#[derive(Clone, Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

/// Where a page leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub href: Url,
    pub text: String,
}

impl Page {
    /// What a new tab shows.
    #[expect(clippy::expect_used, reason = "the one address that is always an address")]
    pub(super) fn blank() -> Self {
        let url = Url::parse("about:blank").expect("an address");
        Self { url, status: 0, headers: HeaderMap::new(), text: String::new() }
    }

    /// A header as text; `None` when it is absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Its forms in order.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        form::read(&tokens(&self.text), &self.url)
    }

    /// Its links in order.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let tokens = tokens(&self.text);
        let link = |(index, token): (usize, &Token)| match token {
            Token::Open(tag) if tag.name == "a" => {
                let href = self.url.join(tag.get("href")?).ok()?;
                Some(Link { href, text: text_until(&tokens[index + 1..], "a") })
            }
            _ => None,
        };
        tokens.iter().enumerate().filter_map(link).collect()
    }

    /// The text of the element with this `id`.
    #[must_use]
    pub fn text_of(&self, id: &str) -> Option<String> {
        let tokens = tokens(&self.text);
        tokens.iter().enumerate().find_map(|(index, token)| match token {
            Token::Open(tag) if tag.get("id") == Some(id) => {
                Some(text_until(&tokens[index + 1..], &tag.name))
            }
            _ => None,
        })
    }

    /// The form that the page's script would post at once: its only one, with a SAML message inside.
    pub(super) fn automatic_form(&self) -> Option<Form> {
        let mut forms = self.forms();
        let form = forms.pop().filter(|_| forms.is_empty())?;
        ["SAMLRequest", "SAMLResponse"].iter().any(|n| form.value(n).is_some()).then_some(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        let url = Url::parse("http://localhost/here/").expect("url");
        Page { url, text: text.to_owned(), ..Page::blank() }
    }

    #[test]
    fn links_and_named_elements() {
        let page = page("<a href='there?a&amp;b'><b>Go</b> there</a><dd id=sub>0 <i>1</i></dd><a>");
        let [link] = page.links().try_into().expect("one link");
        assert_eq!(
            (link.href.as_str(), link.text.as_str()),
            ("http://localhost/here/there?a&b", "Go there")
        );
        assert_eq!(page.text_of("sub").as_deref(), Some("0 1"));
        assert_eq!(page.text_of("other"), None);
    }

    #[test]
    fn only_a_lone_saml_form_posts_itself() {
        let saml = "<form><input type=hidden name=SAMLResponse value=x></form>";
        let other = "<form><input name=q></form>";
        for (text, posts) in [
            (saml.to_owned(), true),
            (other.to_owned(), false),
            (format!("{saml}{other}"), false),
            (String::new(), false),
        ] {
            assert_eq!(page(&text).automatic_form().is_some(), posts, "{text}");
        }
    }
}
