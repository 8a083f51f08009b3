//! Tokens bound to a key (RFC 9449): a thief of the token alone has nothing.

use medict::{domain::resource::SigningAlg, samples::key_holder::KeyHolder};
use serde_json::{Value, json};

use super::refresh::refreshing;
use crate::world::{Application, World, stories};

/// An application with a key, speaking to one broker.
struct Holder<'a> {
    world: &'a World,
    application: Application,
    key: KeyHolder,
}

/// What came back: status, error word, `WWW-Authenticate`, body.
#[derive(Debug)]
struct Answer {
    status: u16,
    challenge: String,
    body: Value,
}

impl Answer {
    fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }
}

impl<'a> Holder<'a> {
    fn new(world: &'a World, application: Application) -> Self {
        let key = KeyHolder::new(SigningAlg::ES256).expect("a key");
        Self { world, application, key }
    }

    fn jkt(&self) -> String {
        self.key.jkt().expect("a thumbprint")
    }

    /// A fresh proof for a request to us.
    fn proof(&self, method: &str, path: &str, token: Option<&str>) -> String {
        let url = format!("{}{path}", self.world.url);
        let claims = KeyHolder::claims(method, &url, token, self.world.clock.now());
        self.key.sign(&claims).expect("signed")
    }

    async fn code(&self, extra: &[(&str, &str)]) -> String {
        let mut browser = self.world.browser();
        let extra: Vec<_> =
            [("idp", "corporate")].into_iter().chain(extra.iter().copied()).collect();
        browser.open(&self.application.authorize_url(&extra)).await.expect("the callback");
        self.application.code(&browser)
    }

    /// Redeems a code, with a proof or without.
    async fn redeem(&self, code: &str, proof: Option<&str>) -> Answer {
        let (redirect, verifier) = (&self.application.redirect_uri, &self.application.verifier);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        self.token(&form, proof).await
    }

    async fn refresh(&self, token: &str, proof: Option<&str>) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)], proof).await
    }

    async fn token(&self, form: &[(&str, &str)], proof: Option<&str>) -> Answer {
        let mut request = reqwest::Client::new().post(format!("{}/oauth2/token", self.world.url));
        let mut form = form.to_vec();
        match &self.application.secret {
            Some(secret) => request = request.basic_auth(&self.application.client_id, Some(secret)),
            None => form.push(("client_id", &self.application.client_id)),
        }
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        answer(request.form(&form)).await
    }

    /// Signs in with the key.
    async fn sign_in(&self) -> Answer {
        let code = self.code(&[]).await;
        let answer = self.redeem(&code, Some(&self.proof("POST", "/oauth2/token", None))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    async fn userinfo(&self, token: &str, proof: &str) -> Answer {
        let request = reqwest::Client::new().get(format!("{}/oauth2/userinfo", self.world.url));
        answer(request.header("authorization", format!("DPoP {token}")).header("dpop", proof)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let challenges = answer.headers().get_all("www-authenticate");
    let challenge =
        challenges.iter().map(|v| v.to_str().expect("text")).collect::<Vec<_>>().join(" | ");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    Answer { status, challenge, body: serde_json::from_str(&text).unwrap_or_default() }
}

fn text<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.body[name].as_str().unwrap_or_default()
}

/// Every endpoint of ours that an access token opens, by every way that it takes one.
const OPENED: [(&str, &str); 4] = [
    ("GET", "/oauth2/userinfo"),
    ("POST", "/oauth2/userinfo"),
    ("GET", "/auth/me"),
    ("POST", "/oauth2/logout"),
];

stories! {
    /// Whoever has the token and not the key is refused everywhere; the holder is not.
    async fn a_bound_token_opens_nothing_without_its_key(world: World) {
        let holder = Holder::new(&world, refreshing(&world, "shop").await);
        let thief = KeyHolder::new(SigningAlg::ES256).expect("a key");
        let tokens = holder.sign_in().await;
        assert_eq!(text(&tokens, "token_type"), "DPoP");
        let token = text(&tokens, "access_token");
        let claims = holder.application.verified(token, SigningAlg::ES256).await;
        assert_eq!(claims["cnf"], json!({ "jkt": holder.jkt() }));
        let client = reqwest::Client::new();
        for (method, path) in OPENED {
            let url = format!("{}{path}", world.url);
            let request = |scheme: &str, proof: Option<String>| {
                let method = method.parse().expect("a method");
                let request = client.request(method, &url).header("authorization", format!("{scheme} {token}"));
                match proof {
                    Some(proof) => request.header("dpop", proof),
                    None => request,
                }
            };
            let now = world.clock.now();
            let stolen = thief.sign(&KeyHolder::claims(method, &url, Some(token), now)).expect("signed");
            let other_path = holder.proof(method, "/oauth2/token", Some(token));
            let without_token = holder.proof(method, path, None);
            for (scheme, proof, what) in [
                ("Bearer", None, "as a bearer token"),
                ("Bearer", Some(holder.proof(method, path, Some(token))), "as a bearer token beside a proof"),
                ("DPoP", None, "without a proof"),
                ("DPoP", Some(stolen), "with another key"),
                ("DPoP", Some(other_path), "with a proof for elsewhere"),
                ("DPoP", Some(without_token), "with a proof without the token"),
                ("DPoP", Some("x".to_owned()), "with nonsense"),
            ] {
                let refused = answer(request(scheme, proof)).await;
                assert_eq!(refused.status, 401, "{method} {path} {what}: {refused:?}");
                assert!(refused.challenge.starts_with("DPoP realm="), "{what}: {refused:?}");
                assert!(refused.challenge.contains("algs=\"RS256 PS256 ES256 EdDSA Ed25519\""), "{refused:?}");
            }
        }
        let form = client.post(format!("{}/oauth2/userinfo", world.url)).form(&[("access_token", token)]);
        assert_eq!(answer(form).await.status, 401, "in a form");
        for (method, path) in OPENED {
            let proof = holder.proof(method, path, Some(token));
            let request = client.request(method.parse().expect("a method"), format!("{}{path}", world.url));
            let request = request.header("authorization", format!("DPoP {token}")).header("dpop", &proof);
            let again = request.try_clone().expect("a copy");
            assert_eq!(answer(request).await.status, 200, "{method} {path}");
            let again = answer(again).await;
            assert_eq!(again.status, 401, "{method} {path}: a proof counts once");
            // The last of them has ended the session, and the token with it.
            let ended = path == "/oauth2/logout";
            assert_eq!(again.challenge.contains("invalid_dpop_proof"), !ended, "{again:?}");
        }
    }

    /// A token that is bound to nothing is not taken for one that is.
    async fn an_unbound_token_is_a_bearer_token(world: World) {
        let holder = Holder::new(&world, world.shop());
        let code = holder.code(&[]).await;
        let tokens = holder.redeem(&code, None).await;
        assert_eq!(text(&tokens, "token_type"), "Bearer");
        let token = text(&tokens, "access_token");
        let refused = holder.userinfo(token, &holder.proof("GET", "/oauth2/userinfo", Some(token))).await;
        assert_eq!((refused.status, refused.error()), (401, "invalid_token"));
    }

    /// A proof at the token endpoint is for that request, once; a refused request changes nothing.
    async fn proofs_for_tokens_are_checked(world: World) {
        let holder = Holder::new(&world, world.shop());
        let code = holder.code(&[]).await;
        let url = format!("{}/oauth2/token", world.url);
        let now = world.clock.now();
        let claims = || KeyHolder::claims("POST", &url, None, now);
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            holder.key.sign(&claims).expect("signed")
        };
        for (proof, what) in [
            (with("htm", json!("GET")), "another method"),
            (with("htu", json!("https://evil.example/oauth2/token")), "another address"),
            (with("iat", json!(now.0 - 62)), "too old"),
            (with("iat", json!(now.0 + 62)), "from the future"),
            (with("jti", Value::Null), "not to be told apart"),
            ("x.y.z".to_owned(), "nonsense"),
        ] {
            let refused = holder.redeem(&code, Some(&proof)).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_dpop_proof"), "{what}");
        }
        let proof = holder.proof("POST", "/oauth2/token", None);
        let twice = reqwest::Client::new().post(&url).header("dpop", &proof).header("dpop", &proof);
        let twice = answer(twice.form(&[("grant_type", "authorization_code"), ("client_id", "shop")])).await;
        assert_eq!(twice.error(), "invalid_dpop_proof", "two proofs");
        assert_eq!(holder.redeem("unknown", Some(&proof)).await.error(), "invalid_grant");
        assert_eq!(holder.redeem(&code, Some(&proof)).await.error(), "invalid_dpop_proof", "used up");
        let fresh = holder.proof("POST", "/oauth2/token", None);
        assert_eq!(holder.redeem(&code, Some(&fresh)).await.status, 200, "the code is still good");
    }

    /// `dpop_jkt` at the beginning: whoever intercepts the code cannot redeem it with a key of his own.
    async fn a_code_can_be_bound_from_the_start(world: World) {
        let holder = Holder::new(&world, world.shop());
        let thief = Holder::new(&world, world.shop());
        let jkt = holder.jkt();
        let code = holder.code(&[("dpop_jkt", &jkt)]).await;
        let (token, none) = ("/oauth2/token", None);
        assert_eq!(holder.redeem(&code, none).await.error(), "invalid_dpop_proof", "no proof");
        let stolen = holder.redeem(&code, Some(&thief.proof("POST", token, None))).await;
        assert_eq!((stolen.status, stolen.error()), (400, "invalid_grant"));
        let own = holder.redeem(&code, Some(&holder.proof("POST", token, None))).await;
        assert_eq!(own.status, 200, "{own:?}");
        let url = holder.application.authorize_url(&[("dpop_jkt", "short")]);
        let mut browser = world.browser();
        browser.open(&url).await.expect("the callback");
        assert!(browser.page().url.as_str().contains("error=invalid_request"), "{}", browser.page().url);
    }

    /// So does a proof that comes with a pushed request (RFC 9449 §10.1).
    async fn a_pushed_request_is_bound_by_its_proof(world: World) {
        let (holder, thief) = (Holder::new(&world, world.shop()), Holder::new(&world, world.shop()));
        let query = holder.application.authorize_url(&[("idp", "corporate")]);
        let query = url::Url::parse(&query).expect("a URL");
        let form: Vec<(String, String)> = query.query_pairs().into_owned().collect();
        let (par, token) = ("/oauth2/par", "/oauth2/token");
        let push = async |proof: String, extra: &[(&str, &str)]| {
            let extra = extra.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            let form: Vec<_> = form.iter().cloned().chain(extra).collect();
            let request = reqwest::Client::new().post(format!("{}{par}", world.url));
            answer(request.header("dpop", proof).form(&form)).await
        };
        assert_eq!(push(holder.proof("POST", token, None), &[]).await.error(), "invalid_dpop_proof");
        let other = [("dpop_jkt", thief.jkt())];
        let other = other.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(push(holder.proof("POST", par, None), &other).await.error(), "invalid_dpop_proof");
        let proof = holder.proof("POST", par, None);
        let pushed = push(proof.clone(), &[]).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        assert_eq!(push(proof, &[]).await.error(), "invalid_dpop_proof", "used up");
        let request = [("client_id", "shop"), ("request_uri", text(&pushed, "request_uri"))];
        let request = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(request).finish();
        let mut browser = world.browser();
        browser.open(&format!("{}/oauth2/authorize?{request}", world.url)).await.expect("the callback");
        let code = holder.application.code(&browser);
        assert_eq!(holder.redeem(&code, None).await.error(), "invalid_dpop_proof");
        let stolen = thief.redeem(&code, Some(&thief.proof("POST", token, None))).await;
        assert_eq!(stolen.error(), "invalid_grant");
        assert_eq!(holder.redeem(&code, Some(&holder.proof("POST", token, None))).await.status, 200);
    }

    /// The refresh token of a public application needs the key; that of a confidential one its secret, and the
    /// new access token is bound to the key that comes with it.
    async fn refresh_tokens_of_public_applications_are_bound(world: World) {
        let holder = Holder::new(&world, refreshing(&world, "shop").await);
        let thief = Holder::new(&world, world.shop());
        let tokens = holder.sign_in().await;
        let refresh_token = text(&tokens, "refresh_token");
        let path = "/oauth2/token";
        assert_eq!(holder.refresh(refresh_token, None).await.error(), "invalid_dpop_proof");
        let stolen = thief.refresh(refresh_token, Some(&thief.proof("POST", path, None))).await;
        assert_eq!(stolen.error(), "invalid_grant");
        let next = holder.refresh(refresh_token, Some(&holder.proof("POST", path, None))).await;
        assert_eq!(text(&next, "token_type"), "DPoP", "{next:?}");
        world.clock.advance(11);
        let stolen = thief.refresh(refresh_token, Some(&thief.proof("POST", path, None))).await;
        assert_eq!(stolen.error(), "invalid_grant", "used before, and yet no proof of theft");
        let next = holder.refresh(text(&next, "refresh_token"), Some(&holder.proof("POST", path, None))).await;
        assert_eq!(next.status, 200, "the sign-in goes on");

        let clinic = Holder::new(&world, refreshing(&world, "clinic").await);
        let tokens = clinic.sign_in().await;
        let other = Holder::new(&world, refreshing(&world, "clinic").await);
        let next = other.refresh(text(&tokens, "refresh_token"), Some(&other.proof("POST", path, None))).await;
        let claims = other.application.verified(text(&next, "access_token"), SigningAlg::ES256).await;
        assert_eq!(claims["cnf"]["jkt"], json!(other.jkt()));
        let next = other.refresh(text(&next, "refresh_token"), None).await;
        assert_eq!(text(&next, "token_type"), "Bearer");
    }

    /// An application that says so gets nothing without a proof; what it has of its own is bound too.
    async fn an_application_can_be_held_to_it(world: World) {
        world.client_with("clinic", json!({ "dpopBoundAccessTokens": true })).await;
        let clinic = Holder::new(&world, world.clinic());
        let form = [("grant_type", "client_credentials")];
        let refused = clinic.token(&form, None).await;
        assert_eq!((refused.status, refused.error()), (400, "invalid_dpop_proof"));
        let own = clinic.token(&form, Some(&clinic.proof("POST", "/oauth2/token", None))).await;
        assert_eq!(text(&own, "token_type"), "DPoP");
        let known = clinic.application.introspect(text(&own, "access_token")).await;
        assert_eq!((&known["active"], &known["token_type"]), (&json!(true), &json!("DPoP")));
        assert_eq!(known["cnf"], json!({ "jkt": clinic.jkt() }));
        assert_eq!(clinic.application.revoke(text(&own, "access_token")).await, 200);
    }

    /// On whatever process it is shown.
    async fn a_proof_counts_once_for_all_processes(world: World) {
        let holder = Holder::new(&world, world.shop());
        let (_second, running) = world.second_broker().await;
        let tokens = holder.sign_in().await;
        let token = text(&tokens, "access_token");
        let proof = holder.proof("GET", "/oauth2/userinfo", Some(token));
        assert_eq!(holder.userinfo(token, &proof).await.status, 200);
        let elsewhere = reqwest::Client::new().get(format!("http://{}/oauth2/userinfo", running.address));
        let elsewhere = elsewhere.header("authorization", format!("DPoP {token}")).header("dpop", &proof);
        let again = answer(elsewhere).await;
        assert_eq!((again.status, again.error()), (401, "invalid_dpop_proof"));
        running.stop().await;
    }
}
