//! Forms: what a page asks, and what a person fills in.

use http::Method;
use url::{Url, form_urlencoded::Serializer};

use super::html::{Tag, Token};

/// A form as the page filled it, until a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub action: Url,
    pub method: Method,
    fields: Vec<Field>,
    pub buttons: Vec<Button>,
    pressed: Option<(String, String)>,
}

/// What submits a form, and what it adds to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Button {
    pub name: String,
    pub value: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
    /// Not so for a box that is not ticked.
    sent: bool,
}

impl Form {
    /// The form with `name` filled in, or ticked; a field that the page does not have is added, as only
    /// an attacker would.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let exact = |field: &Field| field.name == name && field.value == value;
        let known = self.fields.iter().position(exact);
        match known.or_else(|| self.fields.iter().position(|field| field.name == name)) {
            Some(at) => self.fields[at] = Field::new(name, value),
            None => self.fields.push(Field::new(name, value)),
        }
        self
    }

    /// The form without a field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|field| field.name != name);
        self
    }

    /// The form sent by the button of this name and value.
    #[must_use]
    pub fn press(self, name: &str, value: &str) -> Self {
        Self { pressed: Some((name.to_owned(), value.to_owned())), ..self }
    }

    /// What a field holds.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// `application/x-www-form-urlencoded`.
    pub(super) fn encode(&self) -> String {
        let sent = self.fields.iter().filter(|field| field.sent);
        let pairs = sent.map(|field| (&field.name, &field.value));
        let pressed = self.pressed.iter().map(|(name, value)| (name, value));
        Serializer::new(String::new()).extend_pairs(pairs.chain(pressed)).finish()
    }
}

impl Field {
    fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), sent: true }
    }
}

/// Every form of a page at `url`.
pub(super) fn read(tokens: &[Token], url: &Url) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Open(tag) if tag.name == "form" => {
                forms.extend(begin(tag, url));
                open = true;
            }
            Token::Close(name) if name == "form" => open = false,
            Token::Open(tag) if open && !tag.has("disabled") => {
                if let Some(form) = forms.last_mut() {
                    form.take(tag, &tokens[index + 1..]);
                }
            }
            _ => {}
        }
    }
    forms
}

fn begin(tag: &Tag, url: &Url) -> Option<Form> {
    let post = tag.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
    Some(Form {
        action: url.join(tag.get("action").unwrap_or_default()).ok()?,
        method: if post { Method::POST } else { Method::GET },
        fields: Vec::new(),
        buttons: Vec::new(),
        pressed: None,
    })
}

impl Form {
    /// A control of this form; `after` is what follows its tag.
    fn take(&mut self, tag: &Tag, after: &[Token]) {
        let kind = tag.get("type").unwrap_or_default().to_ascii_lowercase();
        match (tag.name.as_str(), kind.as_str()) {
            ("input", "submit" | "image") => self.take_button(tag, String::new()),
            ("button", "" | "submit") => self.take_button(tag, text_until(after, "button")),
            ("input", "button" | "reset") | ("button", _) => {}
            ("input", "checkbox" | "radio") => {
                self.take_field(tag, tag.get("value").unwrap_or("on"), tag.has("checked"));
            }
            ("input", _) => self.take_field(tag, tag.get("value").unwrap_or_default(), true),
            ("textarea", _) => self.take_field(tag, &text_until(after, "textarea"), true),
            ("select", _) => self.take_field(tag, &chosen(after), true),
            _ => {}
        }
    }

    fn take_field(&mut self, tag: &Tag, value: &str, sent: bool) {
        if let Some(name) = tag.get("name") {
            self.fields.push(Field { sent, ..Field::new(name, value) });
        }
    }

    fn take_button(&mut self, tag: &Tag, text: String) {
        let own = |name| tag.get(name).unwrap_or_default().to_owned();
        self.buttons.push(Button { name: own("name"), value: own("value"), text });
    }
}

/// The text up to the end of an element.
pub(super) fn text_until(tokens: &[Token], element: &str) -> String {
    let end = |token: &&Token| !matches!(token, Token::Close(name) if name == element);
    let texts = tokens.iter().take_while(end).filter_map(|token| match token {
        Token::Text(text) => Some(text.as_str()),
        Token::Open(_) | Token::Close(_) => None,
    });
    texts.collect::<String>().trim().to_owned()
}

/// The option of a `select` that is sent: the one marked, else the first.
fn chosen(tokens: &[Token]) -> String {
    let inside = |token: &&Token| !matches!(token, Token::Close(name) if name == "select");
    let options: Vec<&Tag> = tokens
        .iter()
        .take_while(inside)
        .filter_map(|token| match token {
            Token::Open(tag) if tag.name == "option" => Some(tag),
            _ => None,
        })
        .collect();
    let marked = options.iter().find(|option| option.has("selected")).or_else(|| options.first());
    marked.and_then(|option| option.get("value")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::html::tokens, *};

    const PAGE: &str = r#"<p>Before</p><input name="stray">
        <form method="post" action="/login?x=1&amp;y=2">
          <input type="hidden" name="csrf" value="a&quot;b"><input name=username>
          <input type=checkbox name=stay value=yes><input type=radio name=way value=a checked>
          <input type=radio name=way value=b><input name=old value=1 disabled>
          <select name=role><option value=nurse>N<option value=physician selected>P</select>
          <textarea name="note">1 &lt; 2 <b></textarea>
          <button name="idp" value="saml"><span>Corporate</span> SAML</button>
          <button type="button" name="x">Show</button><input type="submit" name="go" value="Go">
        </form><form action="search"><input name=q></form>"#;

    fn forms() -> Vec<Form> {
        read(&tokens(PAGE), &Url::parse("http://localhost:8080/deep/page").expect("url"))
    }

    #[test]
    fn forms_as_the_page_filled_them() {
        let forms = forms();
        let [login, search] = forms.as_slice() else { panic!("{forms:?}") };
        assert_eq!(login.action.as_str(), "http://localhost:8080/login?x=1&y=2");
        assert_eq!((login.method.clone(), search.method.clone()), (Method::POST, Method::GET));
        assert_eq!(search.action.as_str(), "http://localhost:8080/deep/search");
        assert_eq!(login.value("csrf"), Some("a\"b"));
        assert_eq!(
            login.encode(),
            "csrf=a%22b&username=&way=a&role=physician&note=1+%3C+2+%3Cb%3E"
        );
        let texts: Vec<_> = login.buttons.iter().map(|button| button.text.as_str()).collect();
        assert_eq!(texts, ["Corporate SAML", ""]);
    }

    #[test]
    fn a_person_fills_ticks_and_presses() {
        let form = forms().remove(0).without("note").without("role").without("csrf");
        let filled = form.with("username", "ada").with("stay", "yes").with("evil", "1");
        assert_eq!(
            filled.press("idp", "saml").encode(),
            "username=ada&stay=yes&way=a&evil=1&idp=saml"
        );
    }
}
