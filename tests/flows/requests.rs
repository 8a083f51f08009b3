//! What an authorization request may say, and what it changes.

use medict::domain::resource::{self, SigningAlg};
use serde_json::{Value, json};

use super::response_modes::answer;
use crate::world::{Application, Tokens, World, stories};

stories! {
    /// `id_token_hint` means one person: silently he, expired or not, or nobody.
    async fn a_hint_means_one_person(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let ada = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        world.clock.advance(1_000);
        let hinted = shop.authorize_url(&[("prompt", "none"), ("id_token_hint", &ada.id_token)]);
        browser.open(&hinted).await.expect("silent");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");

        world.person("grace", &[]);
        shop.sign_in_anew(&mut browser, "corporate").await;
        browser.open(&hinted).await.expect("an answer");
        assert_eq!(answer(&mut browser, &shop, "query")["error"], "login_required", "another person");

        // Asked aloud, the provider is asked; grace sits there still, and the application does not get her.
        let aloud = shop.authorize_url(&[("idp", "corporate"), ("id_token_hint", &ada.id_token)]);
        browser.open(&aloud).await.expect("an answer");
        assert_eq!(answer(&mut browser, &shop, "query")["error"], "login_required");
        world.person("ada", &["GG-Physicians"]);
        browser.open(&aloud).await.expect("an answer");
        shop.redeem(&shop.code(&browser)).await.expect("tokens");
    }

    /// The same by `claims`.
    async fn a_subject_can_be_claimed(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let sub = subject(&shop, &tokens).await;
        for (value, outcome) in [(sub.as_str(), "code"), ("somebody-else", "error")] {
            let claims = format!(r#"{{"id_token":{{"sub":{{"value":"{value}"}}}}}}"#);
            browser.open(&shop.authorize_url(&[("prompt", "none"), ("claims", &claims)])).await.expect("an answer");
            assert!(answer(&mut browser, &shop, "query").contains_key(outcome), "{value}");
        }
    }

    /// A hint that we have not signed is a mistake of the application's.
    async fn only_our_own_id_tokens_are_hints(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let tokens = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let mut parts: Vec<&str> = tokens.id_token.split('.').collect();
        parts[2] = "AAAA";
        let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        for hint in [parts.join("."), none, tokens.access_token, "x".to_owned(), "..".to_owned()] {
            let url = shop.authorize_url(&[("prompt", "none"), ("id_token_hint", &hint)]);
            browser.open(&url).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], "invalid_request", "{hint}");
        }
    }

    /// `max_age`: old sessions do not do, zero means anew; `auth_time` says when.
    async fn a_recent_sign_in_can_be_demanded(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let first = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let first = shop.verified(&first.id_token, SigningAlg::RS256).await;
        world.clock.advance(100);
        for (max_age, silent) in [("10000", true), ("99", false), ("0", false)] {
            browser.open(&shop.authorize_url(&[("prompt", "none"), ("max_age", max_age)])).await.expect("an answer");
            let found = answer(&mut browser, &shop, "query");
            assert_eq!(found.contains_key("code"), silent, "{max_age}: {found:?}");
        }
        let again = shop.authorize_url(&[("idp", "corporate"), ("max_age", "0")]);
        browser.open(&again).await.expect("an answer");
        let second = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        let second = shop.verified(&second.id_token, SigningAlg::RS256).await;
        assert!(second["auth_time"].as_i64() >= first["auth_time"].as_i64().map(|at| at + 100), "{second}");
        assert_eq!(first["sub"], second["sub"]);
    }

    /// `login_hint` fills the field, and its domain leads to its organization.
    async fn a_login_hint_fills_the_field(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let page = browser.open(&shop.authorize_url(&[("login_hint", "ada \"x\"<y>")])).await.expect("a chooser");
        assert!(page.text.contains("value=\"ada &#34;x&#34;&#60;y&#62;\""), "{}", page.text);
    }

    /// `acr_values` reach an OpenID provider; with a SAML provider they choose among its `authnContext`.
    async fn wanted_classes_reach_the_provider(world: World) {
        let shop = world.shop();
        let wanted = [("acr_values", "urn:mfa urn:x"), ("idp", "openid")];
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&wanted)).await.expect("an answer");
        let asked = browser.hops().iter().find(|hop| hop.url.path() == "/op/authorize").expect("the provider");
        assert!(asked.url.query_pairs().any(|(name, value)| name == "acr_values" && value == "urn:mfa urn:x"));
        world.saml_with(json!({ "authnContext": ["urn:pwd", "urn:mfa"] })).await;
        browser.open(&shop.authorize_url(&[wanted[0], ("idp", "corporate"), ("prompt", "login")])).await.expect("an answer");
        shop.code(&browser);
    }

    /// What concerns pages that we do not have, and what nobody knows, breaks nothing; long and odd values
    /// of `state` and `nonce` come back as they were.
    async fn strange_requests_are_answered(world: World) {
        let shop = world.shop();
        let long: String = "ä\"<&+ %2B/~\u{1F3E5}".chars().cycle().take(700).collect();
        assert!(long.len() <= 2_048, "{}", long.len());
        for extra in [
            vec![("display", "popup"), ("ui_locales", "de fr-CA"), ("claims_locales", "se")],
            vec![("display", "nonsense"), ("foo", "bar"), ("acr_values", "1 2 urn:x")],
            vec![("scope", "roles openid email profile unknown"), ("nonce", "")],
            vec![("state", long.as_str()), ("nonce", long.as_str())],
        ] {
            let mut browser = world.browser();
            let url = shop.authorize_url(&[vec![("idp", "corporate")], extra.clone()].concat());
            browser.open(&url).await.expect("an answer");
            let answer = answer(&mut browser, &shop, "query");
            let tokens = shop.redeem(&answer["code"]).await.expect("tokens");
            let claims = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
            let sent = |name: &str| extra.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            assert_eq!(answer["state"], sent("state").unwrap_or("the-state"));
            let nonce = sent("nonce").unwrap_or("the-nonce");
            assert_eq!(claims["nonce"], if nonce.is_empty() { Value::Null } else { nonce.into() });
        }
    }

    /// What is sent twice is the application's mistake, which hears of it (RFC 6749 §4.1.2.1), unless nobody
    /// can tell who it is. What nobody knows may come as often as it likes.
    async fn repeated_parameters_are_told_to_the_application(world: World) {
        let shop = world.shop();
        for (name, error) in [
            ("state", "invalid_request"),
            ("scope", "invalid_request"),
            ("prompt", "invalid_request"),
            ("response_mode", "invalid_request"),
            ("request_uri", "invalid_request"),
            ("display", "invalid_request"),
            ("resource", "invalid_target"),
            ("foo", "login_required"),
        ] {
            let url = format!("{}&{name}=a&{name}=b", shop.authorize_url(&[(name, ""), ("prompt", "none")]));
            let mut browser = world.browser();
            browser.open(&url).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], error, "{name}");
            browser.open(&world.neighbours.posting_page(&url)).await.expect("the application's page");
            let form = browser.form("/oauth2/authorize").expect("a form");
            browser.submit(form).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], error, "{name} by POST");
        }
        for name in ["client_id", "redirect_uri"] {
            let url = format!("{}&{name}=b", shop.authorize_url(&[]));
            let page = world.browser().open(&url).await.expect("a page").clone();
            assert_eq!((page.status, page.url.path()), (400, "/oauth2/authorize"), "{name}");
        }
    }

    /// Whoever posts something else than a form is a browser all the same, and sees a page.
    async fn what_is_no_form_is_a_page(world: World) {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        let giant = format!("state={}", "x".repeat(70_000));
        let form = "application/x-www-form-urlencoded";
        for (kind, body) in [("application/json", "{}"), ("", "a=b"), (form, &giant), (form, "state=%00")] {
            let post = client.post(format!("{}/oauth2/authorize", world.url)).header("content-type", kind);
            let answer = post.body(body.to_owned()).send().await.expect("an answer");
            assert_eq!(answer.status(), 400, "{kind}");
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{kind}");
        }
        let token = client.post(format!("{}/oauth2/token", world.url)).header("content-type", form);
        let answer = token.body("grant_type=a&grant_type=b").send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (400, &"application/json".parse().expect("a value")));
        assert!(answer.text().await.expect("a body").contains("invalid_request"));
    }

    /// An address that was registered once and that no header can hold is a page, not a failure.
    async fn an_address_that_no_header_holds_is_a_page(world: World) {
        let odd = format!("{}\n", world.neighbours.callback());
        let stored = resource::parse_stored(json!({ "resourceType": "ClientApplication", "id": "odd",
            "name": "Odd", "redirectUris": [odd] }));
        world.broker.apply(vec![stored.expect("as it was once")]).await.expect("applied");
        let mut application = world.shop();
        (application.client_id, application.redirect_uri) = ("odd".to_owned(), odd);
        let mut browser = world.browser();
        let page = browser.open(&application.authorize_url(&[("prompt", "none")])).await.expect("a page");
        assert_eq!(page.status, 400, "{}", page.text);
        assert!(page.text.contains("not registered as it should be"), "{}", page.text);
    }

    /// Prompts that are none, or that contradict each other.
    async fn prompts_that_are_none(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        for prompt in ["create", "none login", "none none x", "LOGIN"] {
            browser.open(&shop.authorize_url(&[("prompt", prompt)])).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], "invalid_request", "{prompt}");
        }
    }
}

async fn subject(shop: &Application, tokens: &Tokens) -> String {
    let claims = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
    claims["sub"].as_str().expect("sub").to_owned()
}
