//! What the OpenID Foundation's conformance suite demands of an OpenID Provider, module by module, each
//! test under its module's name. `README.md` here says how the suite itself is run against a server.
//!
//! The demands are the suite's; what a database has part in is told twice in `tests/flows`, here once.

mod basic;
mod config;
mod form_post;
mod logout;
mod modules;
mod rfc9700;

use std::collections::BTreeMap;

use medict::{domain::resource::SigningAlg, samples::browser::Browser};
use serde_json::{Value, json};

use crate::world::{Application, Temporary, Tokens, World};

const PASSWORD: &str = "Correct-horse-1";

/// The suite at its work: two clients of its own, a person with a password, a browser.
struct Suite {
    world: World,
    mode: &'static str,
    client: Application,
    second: Application,
    browser: Browser,
}

/// One test for each module, under its name.
macro_rules! plan {
    ($mode:literal: $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::modules::$name(super::Suite::start($mode).await).await;
        }
    )*};
}
use plan;

/// The modules of Basic OP, their answers by this response mode.
macro_rules! basic_plan {
    ($mode:literal) => {
        super::plan! { $mode:
            oidcc_server
            oidcc_response_type_missing
            oidcc_idtoken_signature
            oidcc_idtoken_unsigned
            oidcc_userinfo_get
            oidcc_userinfo_post_header
            oidcc_userinfo_post_body
            oidcc_ensure_request_without_nonce_succeeds_for_code_flow
            oidcc_scope_profile
            oidcc_scope_email
            oidcc_scope_address
            oidcc_scope_phone
            oidcc_scope_all
            oidcc_ensure_other_scope_order_succeeds
            oidcc_alternate_happy_flow
            oidcc_display_page
            oidcc_display_popup
            oidcc_prompt_login
            oidcc_prompt_none_not_logged_in
            oidcc_prompt_none_logged_in
            oidcc_max_age_1
            oidcc_max_age_10000
            oidcc_ensure_request_with_unknown_parameter_succeeds
            oidcc_id_token_hint
            oidcc_login_hint
            oidcc_ui_locales
            oidcc_claims_locales
            oidcc_ensure_request_with_acr_values_succeeds
            oidcc_codereuse
            oidcc_codereuse_30seconds
            oidcc_ensure_registered_redirect_uri
            oidcc_ensure_post_request_succeeds
            oidcc_server_client_secret_post
            oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported
            oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported
            oidcc_claims_essential
            oidcc_ensure_request_object_with_redirect_uri
            oidcc_refresh_token
            oidcc_ensure_request_with_valid_pkce_succeeds
        }
    };
}
use basic_plan;

impl Suite {
    async fn start(mode: &'static str) -> Self {
        let world = World::on(Temporary::sqlite()).await;
        let client = |id: &str| {
            json!({ "resourceType": "ClientApplication", "id": id, "name": id,
                "clientType": "confidential", "secret": format!("{id}-secret-of-32-characters"),
                "redirectUris": [world.neighbours.callback()], "requirePkce": false,
                "postLogoutRedirectUris": [world.neighbours.at("/bye")],
                "backchannelLogoutUri": world.neighbours.at("/told"),
                "grantTypes": ["authorization_code", "refresh_token"],
                "scopes": ["openid", "profile", "email", "phone", "address", "offline_access"] })
        };
        let person = json!({ "resourceType": "User", "username": "suite", "password": PASSWORD,
            "email": "suite@local.example", "name": [{ "given": ["Con"], "family": "Formance" }],
            "phone": "+49 30 1234567",
            "address": { "line": ["Main Street 1"], "postalCode": "10115", "city": "Berlin" } });
        world.apply(vec![client("first-client"), client("second-client"), person]).await;
        let application =
            |id: &str| Application::new(&world, id, Some(&format!("{id}-secret-of-32-characters")));
        let (client, second) = (application("first-client"), application("second-client"));
        let browser = world.browser();
        Self { mode, client, second, browser, world }
    }

    /// The request that the suite would make: no PKCE, scope `openid`; `extra` replaces and adds.
    fn url(&self, extra: &[(&str, &str)]) -> String {
        let mode = [("response_mode", self.mode), ("scope", "openid")];
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let mut all: Vec<_> = [&mode[..], &without[..]].concat();
        all.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        all.extend(extra);
        if self.mode == "query" {
            // The default, as the suite has it.
            all.retain(|(name, _)| *name != "response_mode");
        }
        self.client.authorize_url(&all)
    }

    /// Opens the request, signs in where a page asks for it, and answers what came to the client.
    async fn authorize(&mut self, extra: &[(&str, &str)]) -> BTreeMap<String, String> {
        let url = self.url(extra);
        self.browser.open(&url).await.expect("an answer");
        if self.asks() {
            self.sign_in().await;
        }
        self.answer()
    }

    /// The same where no page may be shown.
    async fn silently(&mut self, extra: &[(&str, &str)]) -> BTreeMap<String, String> {
        let url = self.url(extra);
        self.browser.open(&url).await.expect("an answer");
        assert!(!self.asks(), "a page: {}", self.browser.page().text);
        self.answer()
    }

    /// Whether the browser stands at the page that asks how to sign in.
    fn asks(&self) -> bool {
        self.browser.form("/identifier").is_ok()
    }

    async fn sign_in(&mut self) {
        let form = self.browser.form("/identifier").expect("a field").with("identifier", "suite");
        let page = self.browser.submit(form).await.expect("a password is asked");
        assert_eq!(page.status, 200, "{}", page.text);
        let form = self.browser.form("/password").expect("a field").with("password", PASSWORD);
        self.browser.submit(form).await.expect("signed in");
    }

    /// What came to the client, in the mode of the plan.
    fn answer(&mut self) -> BTreeMap<String, String> {
        let answer =
            crate::flows::response_modes::answer(&mut self.browser, &self.client, self.mode);
        assert_eq!(answer["iss"], self.world.url, "{answer:?}");
        assert_eq!(answer["state"], "the-state", "{answer:?}");
        answer
    }

    async fn redeem(&self, answer: &BTreeMap<String, String>) -> Tokens {
        let code = answer.get("code").unwrap_or_else(|| panic!("no code: {answer:?}"));
        self.client.redeem_with(code, &[("code_verifier", "")]).await.expect("tokens")
    }

    /// Signs in with this request, and answers the tokens.
    async fn tokens(&mut self, extra: &[(&str, &str)]) -> Tokens {
        let answer = self.authorize(extra).await;
        self.redeem(&answer).await
    }

    /// The claims of an ID token, its signature and standing checked (OIDC Core §3.1.3.7).
    async fn id_token(&self, tokens: &Tokens) -> Value {
        let claims = self.client.verified(&tokens.id_token, SigningAlg::RS256).await;
        let now = self.world.clock.now().0;
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(self.world.url), &json!("first-client"))
        );
        assert!(
            claims["exp"].as_i64() > Some(now) && claims["iat"].as_i64() <= Some(now),
            "{claims}"
        );
        assert!(
            claims["sub"].as_str().is_some_and(|sub| (1..=255).contains(&sub.len())),
            "{claims}"
        );
        claims
    }

    async fn metadata(&self) -> Value {
        let url = format!("{}/.well-known/openid-configuration", self.world.url);
        let answer = reqwest::get(url).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(kind.starts_with("application/json"), "{kind}");
        serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
    }
}
