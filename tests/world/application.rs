//! An application that signs its people in: a relying party of ours.

use medict::{
    crypto::{JwkSet, Jws},
    crypto::{Random, sha256_base64url},
    domain::resource::SigningAlg,
    samples::browser::Browser,
};
use serde_json::Value;

use super::{Neighbours, World};

/// A client with its redirect URI and, when it can keep one, its secret.
pub struct Application {
    pub client_id: String,
    pub secret: Option<String>,
    pub redirect_uri: String,
    pub verifier: String,
    issuer: String,
    client: reqwest::Client,
}

/// What the token endpoint answered.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
    /// Empty: none came.
    pub refresh_token: String,
    pub body: Value,
}

impl Application {
    pub fn new(world: &World, client_id: &str, secret: Option<&str>) -> Self {
        Self::of(&world.url, &world.neighbours, client_id, secret)
    }

    /// An application of any broker.
    pub fn of(
        issuer: &str,
        neighbours: &Neighbours,
        client_id: &str,
        secret: Option<&str>,
    ) -> Self {
        Self {
            client_id: client_id.to_owned(),
            secret: secret.map(str::to_owned),
            redirect_uri: neighbours.callback(),
            verifier: Random.token(),
            issuer: issuer.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
        }
    }

    /// The same application, speaking to another process of the broker.
    pub fn at(mut self, issuer: &str) -> Self {
        issuer.clone_into(&mut self.issuer);
        self
    }

    /// Where the application sends the browser; `extra` adds or replaces parameters.
    pub fn authorize_url(&self, extra: &[(&str, &str)]) -> String {
        let challenge = sha256_base64url(&self.verifier);
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid profile email roles"),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if self.client_id == "clinic" {
            pairs.retain(|(name, _)| *name != "scope");
            pairs.push(("scope", "openid profile email"));
        }
        pairs.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        pairs.extend(extra.iter().copied());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        format!("{}/oauth2/authorize?{}", self.issuer, query.finish())
    }

    /// Where the application sends the browser with a request that it has pushed.
    pub fn pushed_url(&self, request_uri: &str, beside: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("client_id", &self.client_id).append_pair("request_uri", request_uri);
        query.extend_pairs(beside);
        format!("{}/oauth2/authorize?{}", self.issuer, query.finish())
    }

    /// Signs the person at the provider in, and answers the code that came to the callback.
    pub async fn sign_in(&self, browser: &mut Browser, idp: &str) -> String {
        browser.open(&self.authorize_url(&[("idp", idp)])).await.expect("the way to the callback");
        self.code(browser)
    }

    /// The same, without regard to a session that is there.
    pub async fn sign_in_anew(&self, browser: &mut Browser, idp: &str) -> String {
        let url = self.authorize_url(&[("idp", idp), ("prompt", "login")]);
        browser.open(&url).await.expect("the way to the callback");
        self.code(browser)
    }

    /// The code on the callback page that the browser stands at.
    pub fn code(&self, browser: &Browser) -> String {
        let page = browser.page();
        assert!(
            page.url.as_str().starts_with(&self.redirect_uri),
            "at {}: {}",
            page.url,
            page.text
        );
        let find = |wanted: &str| {
            page.url.query_pairs().find(|(name, _)| name == wanted).map(|(_, v)| v.into_owned())
        };
        assert_eq!(find("iss").as_deref(), Some(self.issuer_claim()), "iss of RFC 9207");
        assert_eq!(find("state").as_deref(), Some("the-state"));
        find("code").unwrap_or_else(|| panic!("no code at {}", page.url))
    }

    fn issuer_claim(&self) -> &str {
        &self.issuer
    }

    /// Exchanges a code; the error word on refusal.
    pub async fn redeem(&self, code: &str) -> Result<Tokens, String> {
        self.redeem_with(code, &[]).await
    }

    pub async fn redeem_with(&self, code: &str, extra: &[(&str, &str)]) -> Result<Tokens, String> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("client_id", self.client_id.as_str()),
            ("code_verifier", self.verifier.as_str()),
        ];
        form.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        form.extend(extra.iter().copied().filter(|(_, value)| !value.is_empty()));
        self.token(&form).await
    }

    pub async fn token(&self, form: &[(&str, &str)]) -> Result<Tokens, String> {
        let mut request = self.client.post(format!("{}/oauth2/token", self.issuer)).form(form);
        if let Some(secret) = &self.secret {
            request = request.basic_auth(&self.client_id, Some(secret));
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value = json(answer).await;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if status == 200 {
            let (access_token, id_token) = (text("access_token"), text("id_token"));
            let refresh_token = text("refresh_token");
            return Ok(Tokens { access_token, id_token, refresh_token, body });
        }
        assert!(status == 400 || status == 401, "{status} {body}");
        assert!(!text("error_description").is_empty(), "{body}");
        Err(text("error"))
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, String> {
        self.refresh_with(refresh_token, &[]).await
    }

    pub async fn refresh_with(
        &self,
        refresh_token: &str,
        extra: &[(&str, &str)],
    ) -> Result<Tokens, String> {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", self.client_id.as_str()),
        ];
        form.extend(extra);
        self.token(&form).await
    }

    /// Posts a form as this application; status and body.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let mut form = form.to_vec();
        if self.secret.is_none() {
            form.push(("client_id", &self.client_id));
        }
        self.post_bare(path, &form).await
    }

    /// The same, under whatever name the form has.
    pub async fn post_bare(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let mut request = self.client.post(format!("{}{path}", self.issuer));
        if let Some(secret) = &self.secret {
            request = request.basic_auth(&self.client_id, Some(secret));
        }
        let answer = request.form(form).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    pub async fn revoke(&self, token: &str) -> u16 {
        self.post("/oauth2/revoke", &[("token", token)]).await.0
    }

    /// What this application may know of a token.
    pub async fn introspect(&self, token: &str) -> Value {
        let (status, body) = self.post("/oauth2/introspect", &[("token", token)]).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Ends the session behind an access token; the status.
    pub async fn sign_out(&self, tokens: &Tokens) -> u16 {
        let url = format!("{}/oauth2/logout", self.issuer);
        let request = self.client.post(url).bearer_auth(&tokens.access_token);
        request.send().await.expect("an answer").status().as_u16()
    }

    pub async fn userinfo(&self, tokens: &Tokens) -> (u16, Value) {
        let url = format!("{}/oauth2/userinfo", self.issuer);
        let request = self.client.get(url).bearer_auth(&tokens.access_token);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, json(answer).await)
    }

    /// The claims of a token of the broker, verified with its published keys.
    pub async fn verified(&self, token: &str, alg: SigningAlg) -> Value {
        let keys: JwkSet = self.jwks().await;
        let jws = Jws::parse(token).expect("a token");
        let named = keys.keys.iter().find(|key| key.kid.as_deref() == jws.kid());
        let key = named.expect("a published key").verifying_key(alg).expect("of this kind");
        jws.verify(&key).expect("verifies")
    }

    pub async fn jwks(&self) -> JwkSet {
        let url = format!("{}/.well-known/jwks.json", self.issuer);
        let answer = self.client.get(url).send().await.expect("an answer");
        serde_json::from_value(json(answer).await).expect("keys")
    }
}

async fn json(answer: reqwest::Response) -> Value {
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
}
