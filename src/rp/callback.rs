//! What the browser brings back from the provider (OIDC Core §3.1.2.5, RFC 9207).

use url::form_urlencoded;

use super::{
    provider::ProviderMetadata,
    rejection::{Rejection, check, ensure, tame},
};
use crate::domain::trace::{Actual, Trace};

/// The parameters of a callback; nothing is believed yet but that each came once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    /// Finds the login that waits for this answer.
    pub state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Reads a query string or a posted form; parameters that we do not know are ignored.
///
/// # Errors
/// [`Rejection::RepeatedParameter`] (RFC 6749 §3.1).
pub fn read_callback(query: &str) -> Result<Callback, Rejection> {
    let mut callback = Callback::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some(place) = callback.place(&name) else { continue };
        if place.replace(value.into_owned()).is_some() {
            return Err(Rejection::RepeatedParameter(name.into_owned()));
        }
    }
    Ok(callback)
}

impl Callback {
    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "state" => Some(&mut self.state),
            "code" => Some(&mut self.code),
            "iss" => Some(&mut self.iss),
            "error" => Some(&mut self.error),
            "error_description" => Some(&mut self.error_description),
            _ => None,
        }
    }

    /// The authorization code, once the callback is known to be of the provider that was asked.
    ///
    /// The issuer is compared first: an error of somebody else's is no answer either (RFC 9207 §2.4).
    ///
    /// # Errors
    /// * [`Rejection::ForeignCallback`], [`Rejection::AnonymousCallback`] – a mix-up (RFC 9700 §4.4).
    /// * [`Rejection::Refused`] – the provider says no.
    /// * [`Rejection::NoCode`] – it says nothing.
    pub fn into_code(
        self,
        metadata: &ProviderMetadata,
        trace: &mut Trace,
    ) -> Result<String, Rejection> {
        self.check_issuer(metadata, trace)?;
        self.check_success(trace)?;
        self.code.filter(|code| !code.is_empty()).ok_or(Rejection::NoCode)
    }

    fn check_issuer(
        &self,
        metadata: &ProviderMetadata,
        trace: &mut Trace,
    ) -> Result<(), Rejection> {
        let outcome = match &self.iss {
            Some(iss) => ensure(*iss == metadata.issuer, Rejection::ForeignCallback(tame(iss))),
            None if metadata.authorization_response_iss_parameter_supported => {
                Err(Rejection::AnonymousCallback)
            }
            None => return Ok(()),
        };
        let actual = Actual::plain(tame(self.iss.as_deref().unwrap_or("none")));
        check(trace, "callback issuer", metadata.issuer.clone(), actual, outcome)
    }

    fn check_success(&self, trace: &mut Trace) -> Result<(), Rejection> {
        let (outcome, actual) = match (&self.error, &self.code) {
            (Some(error), _) => (Err(Rejection::Refused(tame(error))), self.explained(error)),
            (None, Some(code)) if !code.is_empty() => (Ok(()), Actual::plain("a code")),
            (None, _) => (Err(Rejection::NoCode), Actual::plain("neither code nor error")),
        };
        check(trace, "answer of the provider", "a code", actual, outcome)
    }

    /// Providers name the person in their descriptions.
    fn explained(&self, error: &str) -> Actual {
        match &self.error_description {
            Some(description) => Actual::personal(tame(&format!("{error}: {description}"))),
            None => Actual::plain(tame(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn metadata(says_issuer: bool) -> ProviderMetadata {
        let url = Url::parse("https://op.example/").expect("url");
        ProviderMetadata {
            issuer: "https://op.example".into(),
            authorization_endpoint: url.clone(),
            token_endpoint: url.clone(),
            userinfo_endpoint: None,
            jwks_uri: url,
            end_session_endpoint: None,
            token_endpoint_auth_methods: Vec::new(),
            authorization_response_iss_parameter_supported: says_issuer,
        }
    }

    #[test]
    fn only_the_provider_that_was_asked_is_heard() {
        let refused = || Err(Rejection::Refused("access_denied".into()));
        let foreign = || Err(Rejection::ForeignCallback("https://evil.example".into()));
        for (query, says_issuer, expected) in [
            ("state=s&code=c", false, Ok("c")),
            ("state=s&code=c&iss=https%3A%2F%2Fop.example&session_state=x", true, Ok("c")),
            ("state=s&code=c", true, Err(Rejection::AnonymousCallback)),
            ("state=s&code=c&iss=https://evil.example", false, foreign()),
            ("state=s&code=c&iss=https://evil.example", true, foreign()),
            ("state=s&error=access_denied&iss=https://evil.example", false, foreign()),
            ("state=s&error=access_denied&error_description=no+Ada", false, refused()),
            ("state=s&error=access_denied&code=c", false, refused()),
            ("state=s", false, Err(Rejection::NoCode)),
            ("state=s&code=", false, Err(Rejection::NoCode)),
        ] {
            let callback = read_callback(query).expect("each once");
            assert_eq!(callback.state.as_deref(), Some("s"));
            let mut trace = Trace::default();
            let code = callback.into_code(&metadata(says_issuer), &mut trace);
            assert_eq!(code.as_deref(), expected.as_ref().copied(), "{query}");
            assert_eq!(trace.failure().is_some(), expected.is_err(), "{query}");
        }
    }

    #[test]
    fn a_parameter_comes_once() {
        for name in ["state", "code", "iss", "error"] {
            let read = read_callback(&format!("{name}=a&x=1&x=2&{name}=a"));
            assert_eq!(read, Err(Rejection::RepeatedParameter(name.into())));
        }
    }
}
