//! Whatever is sent to the endpoints that applications call, the answer is the standard's.

use medict::{domain::resource::SigningAlg, samples::key_holder::KeyHolder};
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::refresh::{refreshing, sign_in};
use crate::world::{Dice, Signer, World, stories};

/// So many requests a database; the seed is fixed, so that a failure comes again.
const REQUESTS: usize = 600;
const SEED: u64 = 7;

const ENDPOINTS: [&str; 5] = [
    "/oauth2/token",
    "/oauth2/revoke",
    "/oauth2/introspect",
    "/oauth2/userinfo",
    "/oauth2/device_authorization",
];

const NAMES: [&str; 24] = [
    "grant_type",
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "token",
    "token",
    "token_type_hint",
    "access_token",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "audience",
    "resource",
    "actor_token",
    "device_code",
    "",
    "\u{1f4a5}",
];

/// Errors that these endpoints know (RFC 6749 §5.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 8693 §2.2.2, RFC 9449 §5).
const WORDS: [&str; 15] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "insufficient_scope",
    "invalid_dpop_proof",
    "authorization_pending",
    "slow_down",
    "access_denied",
    "expired_token",
    "unsupported_token_type",
];

impl Dice {
    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| u8::try_from(self.below(256)).expect("a byte")).collect()
    }

    /// A good value as it is, or cut, or with a byte changed, or twice.
    fn damaged(&mut self, good: &[u8]) -> Vec<u8> {
        let mut value = good.to_vec();
        match self.below(5) {
            0 if !value.is_empty() => value.truncate(self.below(good.len())),
            1 if !value.is_empty() => {
                let at = self.below(good.len());
                value[at] = u8::try_from(self.below(256)).expect("a byte");
            }
            2 => value.extend_from_slice(good),
            _ => {}
        }
        value
    }

    fn value(&mut self, good: &[String]) -> Vec<u8> {
        match self.below(8) {
            0 => self.bytes(40),
            1 => vec![b'a'; self.below(3_000)],
            2 => b"\0".to_vec(),
            3 => "\u{202e}\u{fffd}\"\\".as_bytes().to_vec(),
            _ => {
                let good = self.pick(good).clone();
                self.damaged(good.as_bytes())
            }
        }
    }

    fn form(&mut self, good: &[String]) -> Vec<u8> {
        let mut form = Vec::new();
        for _ in 0..self.below(7) {
            let (name, value) = (*self.pick(&NAMES), self.value(good));
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let value: String = url::form_urlencoded::byte_serialize(&value).collect();
            form.extend_from_slice(format!("{name}={value}&").as_bytes());
        }
        if self.below(10) == 0 { self.damaged(&form) } else { form }
    }

    fn header(&mut self, good: &[String]) -> Option<HeaderValue> {
        let schemes = ["Basic ", "Bearer ", "DPoP ", "bearer  ", "Digest ", "", " "];
        let mut value = self.pick(&schemes).as_bytes().to_vec();
        value.extend(self.value(good));
        HeaderValue::from_bytes(&value).ok()
    }
}

/// Values that mean something, so that noise comes past the first check.
async fn good_values(world: &World) -> Vec<String> {
    let (shop, clinic) = (refreshing(world, "shop").await, refreshing(world, "clinic").await);
    let (tokens, own) = (sign_in(world, &shop).await, sign_in(world, &clinic).await);
    let signer = Signer::new(SigningAlg::ES256);
    let assertion = signer.assertion(world, "clinic");
    let holder = KeyHolder::new(SigningAlg::EdDSA).expect("a key");
    let url = format!("{}/oauth2/token", world.url);
    let proof = holder.sign(&KeyHolder::claims("POST", &url, None, world.clock.now()));
    let mut good: Vec<String> = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:token-type:access_token",
        "shop",
        "shop",
        "clinic",
        "openid profile",
        "clinic-secret-of-32-characters-0",
        // clinic and its secret, as Basic has them
        "Y2xpbmljOmNsaW5pYy1zZWNyZXQtb2YtMzItY2hhcmFjdGVycy0w",
    ]
    .map(str::to_owned)
    .to_vec();
    good.extend([
        tokens.access_token,
        tokens.refresh_token,
        tokens.id_token,
        own.access_token,
        own.refresh_token,
        shop.redirect_uri,
        shop.verifier,
        proof.expect("signed"),
    ]);
    good.extend(assertion.into_iter().map(|(_, value)| value));
    good
}

stories! {
    /// Never an error of ours, always the standard's words.
    async fn noise_is_answered_in_the_words_of_the_standard(world: World) {
        let good = good_values(&world).await;
        let (mut dice, client) = (Dice::new(SEED), reqwest::Client::new());
        for round in 0..REQUESTS {
            let endpoint = *dice.pick(&ENDPOINTS);
            let body = dice.form(&good);
            let told = format!("round {round}: {endpoint} {}", String::from_utf8_lossy(&body));
            let types = ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8",
                "application/x-www-form-urlencoded", "application/json", "x"];
            let mut request = client.post(format!("{}{endpoint}", world.url))
                .header("content-type", *dice.pick(&types)).body(body);
            for name in ["authorization", "dpop", "dpop", "accept", "origin"] {
                let Some(value) = (dice.below(3) == 0).then(|| dice.header(&good)).flatten() else { continue };
                request = request.header(HeaderName::from_static(name), value);
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("a body");
            assert!(status < 500, "{told}: {status} {text}");
            // Without any token there is no error to speak of (RFC 6750 §3.1).
            let no_token = endpoint == "/oauth2/userinfo" && status == 401 && text.is_empty();
            if status >= 400 && !no_token {
                let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{told}: {status} {text}"));
                let word = body["error"].as_str().unwrap_or_default();
                assert!(WORDS.contains(&word), "{told}: {text}");
                let described = body["error_description"].as_str().unwrap_or_default();
                let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
                assert!(!described.is_empty() && described.chars().all(allowed), "{told}: {text}");
            }
        }
    }
}
