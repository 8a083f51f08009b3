//! The authorization response: what it says, and how it travels (RFC 6749 §4.1.2, RFC 9207 §2, OAuth 2.0
//! Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode §2).

use super::{AuthorizeRefusal, Parameters, error::description};
use crate::domain::login::{AuthorizationRequest, ResponseMode};

/// Where the answers to one request go: a registered URI, in the mode that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnAddress<'a> {
    redirect_uri: &'a str,
    mode: ResponseMode,
    state: Option<&'a str>,
}

/// An answer on its way through the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Redirect {
        url: String,
    },
    /// By a form that the browser posts to `action`.
    Post {
        action: String,
        fields: Vec<(&'static str, String)>,
    },
}

impl<'a> ReturnAddress<'a> {
    #[must_use]
    pub fn of(request: &'a AuthorizationRequest) -> Self {
        Self {
            redirect_uri: &request.redirect_uri,
            mode: request.response_mode,
            state: request.state.as_deref(),
        }
    }

    /// Of a request that is not checked yet; a mode that we do not know is answered in the query.
    #[must_use]
    pub fn read(redirect_uri: &'a str, parameters: &'a Parameters) -> Self {
        let state = parameters.get("state").filter(|state| state.len() <= super::LONGEST_VALUE);
        let mode = parameters.get("response_mode").and_then(ResponseMode::parse);
        Self { redirect_uri, mode: mode.unwrap_or_default(), state }
    }

    /// The answer that carries a code (RFC 6749 §4.1.2).
    #[must_use]
    pub fn code(self, code: &str, issuer: &str) -> Delivery {
        self.deliver(vec![("code", code.to_owned())], issuer)
    }

    /// The answer that carries an error (RFC 6749 §4.1.2.1).
    #[must_use]
    pub fn error(self, refusal: &AuthorizeRefusal, issuer: &str) -> Delivery {
        let code = refusal.code().as_str().to_owned();
        self.deliver(
            vec![("error", code), ("error_description", description(&refusal.to_string()))],
            issuer,
        )
    }

    fn deliver(self, mut fields: Vec<(&'static str, String)>, issuer: &str) -> Delivery {
        fields.extend(self.state.map(|state| ("state", state.to_owned())));
        fields.push(("iss", issuer.to_owned()));
        let uri = self.redirect_uri;
        match self.mode {
            ResponseMode::Query => Delivery::Redirect { url: with_query(uri, &fields) },
            // A registered URI has no fragment of its own.
            ResponseMode::Fragment => {
                Delivery::Redirect { url: format!("{uri}#{}", encode(&fields)) }
            }
            ResponseMode::FormPost => Delivery::Post { action: uri.to_owned(), fields },
        }
    }
}

/// Adds to the query, and leaves the rest of the registered URI byte for byte as it is.
#[must_use]
pub fn with_query(uri: &str, pairs: &[(&'static str, String)]) -> String {
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{}", encode(pairs))
}

fn encode(pairs: &[(&'static str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_carries_the_same() {
        let answer = |uri: &str, mode: &str| {
            let query = format!("state=a%26b&response_mode={mode}");
            let parameters = Parameters::parse(query.as_bytes()).expect("once");
            ReturnAddress::read(uri, &parameters).code("c", "https://medict.example")
        };
        let tail = "code=c&state=a%26b&iss=https%3A%2F%2Fmedict.example";
        for (uri, mode, url) in [
            ("https://a.example/cb", "query", format!("https://a.example/cb?{tail}")),
            ("https://a.example/cb", "", format!("https://a.example/cb?{tail}")),
            ("https://a.example/cb", "unheard-of", format!("https://a.example/cb?{tail}")),
            ("https://a.example/cb?x=1", "query", format!("https://a.example/cb?x=1&{tail}")),
            ("https://a.example/cb?x=1", "fragment", format!("https://a.example/cb?x=1#{tail}")),
            ("com.example.app:/cb", "fragment", format!("com.example.app:/cb#{tail}")),
        ] {
            assert_eq!(answer(uri, mode), Delivery::Redirect { url }, "{uri} {mode}");
        }
        let fields = vec![
            ("code", "c".to_owned()),
            ("state", "a&b".to_owned()),
            ("iss", "https://medict.example".to_owned()),
        ];
        let action = "https://a.example/cb".to_owned();
        assert_eq!(answer(&action, "form_post"), Delivery::Post { action: action.clone(), fields });
    }

    #[test]
    fn descriptions_are_of_plain_characters() {
        let parameters = Parameters::default();
        for refusal in [AuthorizeRefusal::Claims, AuthorizeRefusal::Repeated("\u{a7}\"\\\n")] {
            let address = ReturnAddress::read("https://a.example/cb", &parameters);
            let Delivery::Redirect { url } = address.error(&refusal, "i") else {
                panic!("a redirect")
            };
            let url = url::Url::parse(&url).expect("a URL");
            let (_, text) =
                url.query_pairs().find(|(name, _)| name == "error_description").expect("one");
            let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
            assert!(text.chars().all(plain), "{text}");
        }
    }

    #[test]
    fn errors_travel_the_same_way_and_overlong_states_stay_behind() {
        let query = format!("response_mode=fragment&state={}", "x".repeat(2_049));
        let parameters = Parameters::parse(query.as_bytes()).expect("once");
        let address = ReturnAddress::read("https://a.example/cb", &parameters);
        let Delivery::Redirect { url } = address.error(&AuthorizeRefusal::GivenUp, "i") else {
            panic!("a redirect")
        };
        assert!(url.starts_with("https://a.example/cb#error=access_denied&"), "{url}");
        assert!(url.ends_with("&iss=i") && !url.contains("state="), "{url}");
    }
}
