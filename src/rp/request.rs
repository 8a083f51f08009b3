//! What we send: the browser to the provider, and the code to its token endpoint.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{provider::ProviderMetadata, rejection::Rejection};
use crate::domain::resource::{OidcConfiguration, UpstreamAuthMethod};

/// What an authorization request may ask for beyond the ordinary (OIDC Core §3.1.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationOptions<'a> {
    pub login_hint: Option<&'a str>,
    /// `prompt=login`: the person must prove himself anew.
    pub fresh: bool,
    /// Seconds since the person last proved himself.
    pub max_age: Option<i64>,
    pub acr_values: &'a [String],
}

/// Where the browser is sent: a code flow with PKCE (OIDC Core §3.1.2.1, RFC 7636 §4.3).
///
/// With one `hostedDomains` the provider is told which (`hd`), with several that it must be one; what
/// counts is the claim in the answer.
#[must_use]
pub fn authorization_url(
    metadata: &ProviderMetadata,
    configuration: &OidcConfiguration,
    redirect_uri: &str,
    state: &str,
    nonce: &str,
    code_challenge: &str,
    options: &AuthorizationOptions<'_>,
) -> String {
    let mut url = metadata.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &configuration.client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("scope", &configuration.scopes.join(" "))
        .append_pair("state", state)
        .append_pair("nonce", nonce)
        .append_pair("code_challenge", code_challenge)
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(options.pairs())
        .extend_pairs(hosted_domain(configuration).map(|hd| ("hd", hd)));
    url.into()
}

impl AuthorizationOptions<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&'static str, String)> {
        let acr_values = (!self.acr_values.is_empty()).then(|| self.acr_values.join(" "));
        [
            ("login_hint", self.login_hint.map(str::to_owned)),
            ("prompt", self.fresh.then(|| "login".to_owned())),
            ("max_age", self.max_age.map(|seconds| seconds.max(0).to_string())),
            ("acr_values", acr_values),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

fn hosted_domain(configuration: &OidcConfiguration) -> Option<&str> {
    match configuration.hosted_domains.as_slice() {
        [] => None,
        [one] => Some(one),
        _ => Some("*"),
    }
}

/// The request that redeems `code` (RFC 6749 §4.1.3, RFC 7636 §4.5).
///
/// # Errors
/// * [`Rejection::NoClientSecret`] – the configured method needs a secret and there is none.
/// * [`Rejection::Unbuildable`] – the parts do not make an HTTP request.
pub fn token_request(
    metadata: &ProviderMetadata,
    configuration: &OidcConfiguration,
    client_secret: Option<&str>,
    redirect_uri: &str,
    code: &str,
    code_verifier: &str,
) -> Result<http::Request<Vec<u8>>, Rejection> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("code_verifier", code_verifier);
    let mut request = http::Request::post(metadata.token_endpoint.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json");
    let client_id = &configuration.client_id;
    match configuration.token_endpoint_auth_method {
        UpstreamAuthMethod::ClientSecretBasic => {
            let secret = client_secret.ok_or(Rejection::NoClientSecret)?;
            request = request.header(AUTHORIZATION, basic(client_id, secret));
        }
        UpstreamAuthMethod::ClientSecretPost => {
            let secret = client_secret.ok_or(Rejection::NoClientSecret)?;
            form.append_pair("client_id", client_id).append_pair("client_secret", secret);
        }
        UpstreamAuthMethod::None => {
            form.append_pair("client_id", client_id);
        }
    }
    request.body(form.finish().into_bytes()).map_err(|_| Rejection::Unbuildable)
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encode(client_id), encode(client_secret));
    format!("Basic {}", BASE64_STANDARD.encode(both))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use url::Url;

    fn metadata() -> ProviderMetadata {
        let document = json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/authorize?tenant=1",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        super::super::parse_metadata("https://op.example", document.to_string().as_bytes())
            .expect("metadata")
    }

    fn configuration(more: Value) -> OidcConfiguration {
        let mut wire = json!({ "issuer": "https://op.example", "clientId": "medict:1" });
        if let (Value::Object(wire), Value::Object(more)) = (&mut wire, more) {
            wire.extend(more);
        }
        serde_json::from_value(wire).expect("configuration")
    }

    fn query(configuration: &OidcConfiguration, options: &AuthorizationOptions<'_>) -> Vec<String> {
        let url = authorization_url(
            &metadata(),
            configuration,
            "https://medict.example/oidc/op/callback",
            "st&te",
            "n",
            "challenge",
            options,
        );
        let url = Url::parse(&url).expect("url");
        url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn the_browser_takes_along_what_it_must() {
        let plain = query(&configuration(json!({})), &AuthorizationOptions::default());
        assert_eq!(
            plain,
            [
                "tenant=1",
                "response_type=code",
                "client_id=medict:1",
                "redirect_uri=https://medict.example/oidc/op/callback",
                "scope=openid email profile",
                "state=st&te",
                "nonce=n",
                "code_challenge=challenge",
                "code_challenge_method=S256",
            ]
        );
        let acr_values = ["a".to_owned(), "b".to_owned()];
        let options = AuthorizationOptions {
            login_hint: Some("ada@hospital.example"),
            fresh: true,
            max_age: Some(-5),
            acr_values: &acr_values,
        };
        let full = query(&configuration(json!({ "hostedDomains": ["h.example"] })), &options);
        assert_eq!(
            full[plain.len()..],
            [
                "login_hint=ada@hospital.example",
                "prompt=login",
                "max_age=0",
                "acr_values=a b",
                "hd=h.example",
            ]
        );
        let several = configuration(json!({ "hostedDomains": ["a.example", "b.example"] }));
        assert!(query(&several, &AuthorizationOptions::default()).contains(&"hd=*".to_owned()));
    }

    fn form(request: &http::Request<Vec<u8>>) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(request.body()).into_owned().collect()
    }

    #[test]
    fn each_method_puts_the_secret_in_its_own_place() {
        let request = |method: &str, secret| {
            let configuration = configuration(json!({ "tokenEndpointAuthMethod": method }));
            token_request(&metadata(), &configuration, secret, "https://m/cb", "c/d", "verifier")
        };
        let basic = request("client_secret_basic", Some("s:cr%t +")).expect("request");
        let expected = BASE64_STANDARD.encode("medict%3A1:s%3Acr%25t+%2B");
        assert_eq!(basic.headers()[AUTHORIZATION], format!("Basic {expected}"));
        assert!(!form(&basic).contains_key("client_secret"));
        assert_eq!(form(&basic)["code"], "c/d");
        assert_eq!(form(&basic)["code_verifier"], "verifier");

        let post = request("client_secret_post", Some("s:cr%t +")).expect("request");
        assert!(!post.headers().contains_key(AUTHORIZATION));
        assert_eq!(form(&post)["client_secret"], "s:cr%t +");
        assert_eq!(form(&post)["client_id"], "medict:1");

        let none = request("none", None).expect("request");
        assert_eq!(form(&none)["client_id"], "medict:1");
        assert!(!none.headers().contains_key(AUTHORIZATION));

        for method in ["client_secret_basic", "client_secret_post"] {
            assert_eq!(request(method, None).expect_err("no secret"), Rejection::NoClientSecret);
        }
    }
}
