//! A small OpenID Provider: discovery, authorization code with PKCE, token, UserInfo.

mod deviations;

use std::collections::{BTreeMap, HashMap};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use self::deviations::Deviations;
use crate::{
    crypto::{Failure, Random, SigningKey, sha256, sha256_base64url},
    domain::{resource::SigningAlg, words::UnixTime},
};

/// The provider with its one client, its key, and the codes and tokens that are out.
#[derive(Debug)]
pub struct SampleOp {
    issuer: String,
    client: SampleClient,
    key: SigningKey,
    codes: HashMap<String, Grant>,
    access_tokens: HashMap<String, SamplePerson>,
    deviations: Deviations,
}

/// The one Relying Party that is registered.
#[derive(Clone, Debug)]
pub struct SampleClient {
    pub client_id: String,
    /// Absent: a public client.
    pub client_secret: Option<String>,
    pub redirect_uri: String,
}

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplePerson {
    pub subject: String,
    /// Claims besides `sub`: in the ID token and from UserInfo.
    pub claims: Map<String, Value>,
}

/// An authorization request that was found good (OIDC Core §3.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRequest {
    pub redirect_uri: String,
    pub scope: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub login_hint: Option<String>,
}

/// An OAuth error: the word on the wire (RFC 6749 §4.1.2.1, §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OAuthError(pub &'static str);

/// What a code stands for.
#[derive(Debug)]
struct Grant {
    request: SampleRequest,
    person: SamplePerson,
    signed_in_at: UnixTime,
}

type Form = BTreeMap<String, String>;

impl SampleOp {
    /// A provider with a fresh RSA key.
    ///
    /// # Errors
    /// [`Failure`] when no key can be made.
    pub fn new(issuer: &str, client: SampleClient) -> Result<Self, Failure> {
        Ok(Self {
            issuer: issuer.to_owned(),
            client,
            key: new_key()?,
            codes: HashMap::new(),
            access_tokens: HashMap::new(),
            deviations: Deviations::default(),
        })
    }

    /// `/.well-known/openid-configuration`; the endpoints lie right below the issuer.
    #[must_use]
    pub fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}/{path}", self.issuer.trim_end_matches('/'));
        json!({
            "issuer": self.deviations.discovered_issuer.as_ref().unwrap_or(&self.issuer),
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"),
            "jwks_uri": at("jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.key.alg().name()],
            "scopes_supported": ["openid", "email", "profile"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// The key set.
    ///
    /// # Errors
    /// [`Failure`] when the key cannot be read.
    pub fn jwks(&self) -> Result<Value, Failure> {
        Ok(json!({ "keys": [self.key.jwk()?] }))
    }

    /// Replaces the key: tokens from now on name one that nobody has fetched yet.
    ///
    /// # Errors
    /// [`Failure`] when no key can be made.
    pub fn rotate_key(&mut self) -> Result<(), Failure> {
        self.key = new_key()?;
        Ok(())
    }

    /// Reads an authorization request's query.
    ///
    /// # Errors
    /// [`OAuthError`]; none of these may be sent to the `redirect_uri` of the request.
    pub fn authorize(&self, query: &str) -> Result<SampleRequest, OAuthError> {
        let mut form = read_form(query)?;
        let demand = |good, error| if good { Ok(()) } else { Err(OAuthError(error)) };
        let is = |name: &str, value: &str| form.get(name).is_some_and(|found| found == value);
        demand(is("client_id", &self.client.client_id), "unauthorized_client")?;
        demand(is("redirect_uri", &self.client.redirect_uri), "invalid_request")?;
        demand(is("response_type", "code"), "unsupported_response_type")?;
        let challenged = form.contains_key("code_challenge");
        demand(!challenged || is("code_challenge_method", "S256"), "invalid_request")?;
        let scope = form.remove("scope").unwrap_or_default();
        demand(scope.split(' ').any(|word| word == "openid"), "invalid_scope")?;
        Ok(SampleRequest {
            redirect_uri: self.client.redirect_uri.clone(),
            scope,
            state: form.remove("state"),
            nonce: form.remove("nonce"),
            code_challenge: form.remove("code_challenge"),
            login_hint: form.remove("login_hint"),
        })
    }

    /// The person signed in: a code for `request`.
    pub fn code_for(
        &mut self,
        request: &SampleRequest,
        person: &SamplePerson,
        random: Random,
        now: UnixTime,
    ) -> String {
        let code = random.token();
        let grant = Grant { request: request.clone(), person: person.clone(), signed_in_at: now };
        self.codes.insert(code.clone(), grant);
        code
    }

    /// Where the browser goes with the code: `code`, `state` and `iss` (RFC 9207).
    #[must_use]
    pub fn callback_url(&self, request: &SampleRequest, code: &str) -> String {
        self.redirect(request, ("code", code))
    }

    /// Where the browser goes when the person does not want to.
    #[must_use]
    pub fn denial_url(&self, request: &SampleRequest) -> String {
        self.redirect(request, ("error", "access_denied"))
    }

    fn redirect(&self, request: &SampleRequest, answer: (&str, &str)) -> String {
        let Ok(mut url) = Url::parse(&request.redirect_uri) else {
            return request.redirect_uri.clone();
        };
        url.query_pairs_mut()
            .append_pair(answer.0, answer.1)
            .extend_pairs(request.state.iter().map(|state| ("state", state)))
            .append_pair("iss", &self.issuer);
        url.into()
    }

    /// The token endpoint: the form and the `Authorization` header of the request.
    ///
    /// # Errors
    /// `invalid_client`, `unsupported_grant_type`, `invalid_grant`, `server_error`.
    pub fn token(
        &mut self,
        form: &str,
        authorization: Option<&str>,
        random: Random,
        now: UnixTime,
    ) -> Result<Value, OAuthError> {
        let form = read_form(form)?;
        self.authenticate_client(&form, authorization)?;
        if form.get("grant_type").map(String::as_str) != Some("authorization_code") {
            return Err(OAuthError("unsupported_grant_type"));
        }
        let grant = self.redeem(&form)?;
        let access_token = random.token();
        let claims = self.id_token_claims(&grant, &access_token, now);
        let id_token =
            self.deviations.sign(&self.key, &claims).map_err(|_| OAuthError("server_error"))?;
        self.access_tokens.insert(access_token.clone(), grant.person);
        Ok(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": grant.request.scope,
            "id_token": id_token,
        }))
    }

    /// `client_secret_basic`, `client_secret_post`, or the bare name of a public client.
    fn authenticate_client(
        &self,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<(), OAuthError> {
        let posted = (form.get("client_id").cloned(), form.get("client_secret").cloned());
        let (client_id, secret) = match authorization {
            Some(header) => basic(header).ok_or(OAuthError("invalid_client"))?,
            None => posted,
        };
        let known = client_id.as_ref() == Some(&self.client.client_id);
        if known && secret == self.client.client_secret {
            Ok(())
        } else {
            Err(OAuthError("invalid_client"))
        }
    }

    /// Takes the code away and checks what it is bound to (RFC 6749 §4.1.3, RFC 7636 §4.6).
    fn redeem(&mut self, form: &Form) -> Result<Grant, OAuthError> {
        let grant = form.get("code").and_then(|code| self.codes.remove(code));
        let grant = grant.ok_or(OAuthError("invalid_grant"))?;
        let same_uri = form.get("redirect_uri") == Some(&grant.request.redirect_uri);
        let proven =
            form.get("code_verifier").map(sha256_base64url) == grant.request.code_challenge;
        if same_uri && proven { Ok(grant) } else { Err(OAuthError("invalid_grant")) }
    }

    fn id_token_claims(&self, grant: &Grant, access_token: &str, now: UnixTime) -> Value {
        let mut claims = grant.person.claims.clone();
        let digest = sha256(access_token);
        let half = BASE64_URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2]);
        for (name, value) in [
            ("iss", json!(self.issuer)),
            ("sub", json!(grant.person.subject)),
            ("aud", json!(self.client.client_id)),
            ("iat", json!(now)),
            ("exp", json!(now.plus(300))),
            ("auth_time", json!(grant.signed_in_at)),
            ("nonce", json!(grant.request.nonce)),
            ("at_hash", json!(half)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        self.deviations.change(&mut claims);
        claims.into()
    }

    /// UserInfo by the `Authorization` header.
    ///
    /// # Errors
    /// `invalid_token`.
    pub fn userinfo(&self, authorization: Option<&str>) -> Result<Value, OAuthError> {
        let token = authorization.and_then(|header| header.strip_prefix("Bearer "));
        let person = token.and_then(|token| self.access_tokens.get(token));
        let person = person.ok_or(OAuthError("invalid_token"))?;
        let mut claims = person.claims.clone();
        let subject = self.deviations.userinfo_subject.as_ref().unwrap_or(&person.subject);
        claims.insert("sub".to_owned(), json!(subject));
        Ok(claims.into())
    }
}

impl SamplePerson {
    /// A person with a name and a verified address.
    #[must_use]
    pub fn new(subject: &str, given_name: &str, family_name: &str, email: &str) -> Self {
        let claims = [
            ("given_name", json!(given_name)),
            ("family_name", json!(family_name)),
            ("name", json!(format!("{given_name} {family_name}"))),
            ("email", json!(email)),
            ("email_verified", json!(true)),
        ];
        let claims = claims.map(|(name, value)| (name.to_owned(), value));
        Self { subject: subject.to_owned(), claims: claims.into_iter().collect() }
    }

    /// The same person with one more claim.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }
}

/// A key with a name of its own.
fn new_key() -> Result<SigningKey, Failure> {
    SigningKey::generate(Random.reference(), SigningAlg::RS256)
}

/// Parameters by name, each once (RFC 6749 §3.1).
fn read_form(text: &str) -> Result<Form, OAuthError> {
    let mut form = Form::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()).into_owned() {
        if form.insert(name, value).is_some() {
            return Err(OAuthError("invalid_request"));
        }
    }
    Ok(form)
}

/// User and password, each form-decoded (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(Option<String>, Option<String>)> {
    let decoded = BASE64_STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((Some(form_decoded(user)?), Some(form_decoded(password)?)))
}

fn form_decoded(text: &str) -> Option<String> {
    let pair = format!("x={text}");
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests;
