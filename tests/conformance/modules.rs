//! The modules of Basic OP, for any mode of answers.

use reqwest::Client;
use serde_json::{Value, json};

use super::Suite;
use crate::world::Tokens;

/// Code flow, `client_secret_basic`; every claim of the ID token as it should be.
pub async fn oidcc_server(mut suite: Suite) {
    let tokens = suite.tokens(&[]).await;
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert!(tokens.body["expires_in"].as_i64() > Some(0), "{}", tokens.body);
    let claims = suite.id_token(&tokens).await;
    assert_eq!(claims["nonce"], "the-nonce");
    assert_eq!(suite.client.userinfo(&tokens).await.1["sub"], claims["sub"]);
}

/// An error at the client, or a page.
pub async fn oidcc_response_type_missing(mut suite: Suite) {
    let answer = suite.silently(&[("response_type", "")]).await;
    assert_eq!(answer["error"], "invalid_request");
}

/// RS256 unless asked otherwise, with a `kid` that is published.
pub async fn oidcc_idtoken_signature(mut suite: Suite) {
    let tokens = suite.tokens(&[]).await;
    let jws = medict::crypto::Jws::parse(&tokens.id_token).expect("a token");
    let kid = jws.kid().expect("a kid").to_owned();
    let keys = suite.client.jwks().await.keys;
    assert_eq!(keys.iter().filter(|key| key.kid.as_deref() == Some(&kid)).count(), 1);
    suite.id_token(&tokens).await;
}

/// `alg: none` is not offered.
pub async fn oidcc_idtoken_unsigned(suite: Suite) {
    let metadata = suite.metadata().await;
    for name in ["id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported"] {
        assert!(!metadata[name].as_array().expect("a list").contains(&json!("none")), "{name}");
    }
}

pub async fn oidcc_userinfo_get(mut suite: Suite) {
    let tokens = suite.tokens(&[]).await;
    let (status, info) = suite.client.userinfo(&tokens).await;
    assert_eq!((status, &info["sub"]), (200, &suite.id_token(&tokens).await["sub"]));
}

pub async fn oidcc_userinfo_post_header(mut suite: Suite) {
    let tokens = suite.tokens(&[]).await;
    let request = Client::new().post(format!("{}/oauth2/userinfo", suite.world.url));
    userinfo(&suite, &tokens, request.bearer_auth(&tokens.access_token)).await;
}

pub async fn oidcc_userinfo_post_body(mut suite: Suite) {
    let tokens = suite.tokens(&[]).await;
    let request = Client::new().post(format!("{}/oauth2/userinfo", suite.world.url));
    userinfo(&suite, &tokens, request.form(&[("access_token", &tokens.access_token)])).await;
}

async fn userinfo(suite: &Suite, tokens: &Tokens, request: reqwest::RequestBuilder) {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.expect("a body");
    let info: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(info["sub"], suite.id_token(tokens).await["sub"]);
}

pub async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(mut suite: Suite) {
    let tokens = suite.tokens(&[("nonce", "")]).await;
    assert_eq!(suite.id_token(&tokens).await["nonce"], Value::Null);
}

pub async fn oidcc_scope_profile(suite: Suite) {
    let info = scope(suite, "openid profile").await;
    assert_eq!((&info["name"], &info["family_name"]), (&json!("Con Formance"), &json!("Formance")));
    assert_eq!(info["email"], Value::Null);
}

pub async fn oidcc_scope_email(suite: Suite) {
    let info = scope(suite, "openid email").await;
    assert_eq!(info["email"], "suite@local.example");
    assert!(info["email_verified"].is_boolean() && info["name"].is_null(), "{info}");
}

pub async fn oidcc_scope_address(suite: Suite) {
    let info = scope(suite, "openid address").await;
    let address = json!({ "formatted": "Main Street 1\n10115 Berlin", "street_address": "Main Street 1",
        "locality": "Berlin", "postal_code": "10115" });
    assert_eq!(info["address"], address);
    assert!(info["name"].is_null() && info["phone_number"].is_null(), "{info}");
}

pub async fn oidcc_scope_phone(suite: Suite) {
    let info = scope(suite, "openid phone").await;
    assert_eq!(info["phone_number"], "+49 30 1234567");
    assert!(info["name"].is_null() && info["address"].is_null(), "{info}");
}

pub async fn oidcc_scope_all(suite: Suite) {
    let info = scope(suite, "openid profile email address phone").await;
    for claim in ["name", "email", "phone_number", "address"] {
        assert!(!info[claim].is_null(), "{claim}: {info}");
    }
}

pub async fn oidcc_ensure_other_scope_order_succeeds(suite: Suite) {
    assert!(scope(suite, "email openid").await["email"].is_string());
}

/// Parameters in another order, scopes too.
pub async fn oidcc_alternate_happy_flow(mut suite: Suite) {
    let url = url::Url::parse(&suite.url(&[("scope", "profile openid")])).expect("a URL");
    let mut pairs: Vec<_> = url.query_pairs().into_owned().collect();
    pairs.reverse();
    let mut turned = url.clone();
    turned.query_pairs_mut().clear().extend_pairs(pairs);
    suite.browser.open(turned.as_str()).await.expect("a page");
    suite.sign_in().await;
    let answer = suite.answer();
    suite.redeem(&answer).await;
}

async fn scope(mut suite: Suite, scope: &str) -> Value {
    let tokens = suite.tokens(&[("scope", scope)]).await;
    let (status, info) = suite.client.userinfo(&tokens).await;
    assert_eq!((status, &info["sub"]), (200, &suite.id_token(&tokens).await["sub"]));
    info
}

pub async fn oidcc_display_page(mut suite: Suite) {
    suite.tokens(&[("display", "page")]).await;
}

pub async fn oidcc_display_popup(mut suite: Suite) {
    suite.tokens(&[("display", "popup")]).await;
}

/// The second time the person really is asked, and `auth_time` is later.
pub async fn oidcc_prompt_login(suite: Suite) {
    asked_again(suite, &[], &[("prompt", "login")]).await;
}

pub async fn oidcc_prompt_none_not_logged_in(mut suite: Suite) {
    let answer = suite.silently(&[("prompt", "none")]).await;
    assert_eq!(answer["error"], "login_required");
}

pub async fn oidcc_prompt_none_logged_in(suite: Suite) {
    same_session(suite, &[("prompt", "none")]).await;
}

/// After more than a second the person is asked again, and `auth_time` is there and later.
pub async fn oidcc_max_age_1(suite: Suite) {
    asked_again(suite, &[("max_age", "1")], &[("max_age", "1")]).await;
}

/// Three seconds after a first request, a second one really asks, and `auth_time` is later.
async fn asked_again(mut suite: Suite, first: &[(&str, &str)], second: &[(&str, &str)]) {
    let first = suite.tokens(first).await;
    let first = suite.id_token(&first).await;
    suite.world.clock.advance(3);
    let url = suite.url(second);
    suite.browser.open(&url).await.expect("a page");
    assert!(suite.asks(), "{}", suite.browser.page().text);
    suite.sign_in().await;
    let answer = suite.answer();
    let second = suite.redeem(&answer).await;
    let second = suite.id_token(&second).await;
    assert_eq!(first["sub"], second["sub"]);
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64(), "{first} {second}");
}

pub async fn oidcc_max_age_10000(suite: Suite) {
    same_session(suite, &[("max_age", "10000")]).await;
}

/// The second request is answered without a page, for the same person and sign-in.
async fn same_session(mut suite: Suite, second: &[(&str, &str)]) {
    let first = suite.tokens(&[]).await;
    let first = suite.id_token(&first).await;
    suite.world.clock.advance(2);
    let answer = suite.silently(second).await;
    let second = suite.redeem(&answer).await;
    let second = suite.id_token(&second).await;
    for claim in ["sub", "auth_time", "sid"] {
        assert_eq!(first[claim], second[claim], "{claim}");
    }
}

pub async fn oidcc_ensure_request_with_unknown_parameter_succeeds(mut suite: Suite) {
    suite.tokens(&[("extra", "foobar")]).await;
}

pub async fn oidcc_id_token_hint(mut suite: Suite) {
    let first = suite.tokens(&[]).await;
    let hint = first.id_token.clone();
    let answer = suite.silently(&[("prompt", "none"), ("id_token_hint", &hint)]).await;
    let second = suite.redeem(&answer).await;
    assert_eq!(suite.id_token(&first).await["sub"], suite.id_token(&second).await["sub"]);
}

pub async fn oidcc_login_hint(mut suite: Suite) {
    suite.tokens(&[("login_hint", "buffy@example.com")]).await;
}

pub async fn oidcc_ui_locales(mut suite: Suite) {
    suite.tokens(&[("ui_locales", "se")]).await;
}

pub async fn oidcc_claims_locales(mut suite: Suite) {
    suite.tokens(&[("claims_locales", "se")]).await;
}

/// A password of ours has no class of its own: no `acr`, which the suite warns about. Claiming one that
/// was asked for would be a lie.
pub async fn oidcc_ensure_request_with_acr_values_succeeds(mut suite: Suite) {
    let tokens = suite.tokens(&[("acr_values", "1 2")]).await;
    assert_eq!(suite.id_token(&tokens).await["acr"], Value::Null);
}

pub async fn oidcc_codereuse(mut suite: Suite) {
    let answer = suite.authorize(&[]).await;
    suite.redeem(&answer).await;
    let again = suite.client.redeem_with(&answer["code"], &[("code_verifier", "")]).await;
    assert_eq!(again.unwrap_err(), "invalid_grant");
}

/// The access token of the first use is dead too.
pub async fn oidcc_codereuse_30seconds(mut suite: Suite) {
    let answer = suite.authorize(&[]).await;
    let tokens = suite.redeem(&answer).await;
    assert_eq!(suite.client.userinfo(&tokens).await.0, 200);
    suite.world.clock.advance(30);
    let again = suite.client.redeem_with(&answer["code"], &[("code_verifier", "")]).await;
    assert_eq!(again.unwrap_err(), "invalid_grant");
    assert_eq!(suite.client.userinfo(&tokens).await.0, 401);
}

/// A page, and no redirect.
pub async fn oidcc_ensure_registered_redirect_uri(mut suite: Suite) {
    let elsewhere = format!("{}/no_such_callback", suite.world.neighbours.base);
    let url = suite.url(&[("redirect_uri", &elsewhere)]);
    let page = suite.browser.open(&url).await.expect("a page");
    assert_eq!(page.status, 400);
    assert!(page.url.as_str().starts_with(&suite.world.url), "{}", page.url);
    assert!(page.text.contains("redirect_uri"), "{}", page.text);
}

pub async fn oidcc_ensure_post_request_succeeds(mut suite: Suite) {
    let url = suite.url(&[]);
    suite.browser.open(&suite.world.neighbours.posting_page(&url)).await.expect("a page");
    let form = suite.browser.form("/oauth2/authorize").expect("a form");
    suite.browser.submit(form).await.expect("a page");
    suite.sign_in().await;
    let answer = suite.answer();
    suite.redeem(&answer).await;
}

pub async fn oidcc_server_client_secret_post(mut suite: Suite) {
    let answer = suite.authorize(&[]).await;
    let secret = suite.client.secret.take().expect("a secret");
    let by_post = [("code_verifier", ""), ("client_secret", secret.as_str())];
    let tokens = suite.client.redeem_with(&answer["code"], &by_post).await.expect("tokens");
    suite.id_token(&tokens).await;
}

pub async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
    mut suite: Suite,
) {
    let uri = format!("{}/request_uri", suite.world.neighbours.base);
    let answer = suite.silently(&[("request_uri", &uri)]).await;
    assert_eq!(answer["error"], "request_uri_not_supported");
    assert_eq!(suite.metadata().await["request_uri_parameter_supported"], false);
}

pub async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    mut suite: Suite,
) {
    // {"alg":"none"} . {"nonce":"another"}
    let object = "eyJhbGciOiJub25lIn0.eyJub25jZSI6ImFub3RoZXIifQ.";
    let answer = suite.silently(&[("request", object)]).await;
    assert_eq!(answer["error"], "request_not_supported");
    let metadata = suite.metadata().await;
    let algs = metadata["request_object_signing_alg_values_supported"].as_array().expect("a list");
    assert!(!algs.contains(&json!("none")), "{algs:?}");
}

pub async fn oidcc_claims_essential(mut suite: Suite) {
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let tokens = suite.tokens(&[("claims", claims)]).await;
    assert_eq!(suite.client.userinfo(&tokens).await.1["name"], "Con Formance");
}

/// A `redirect_uri` inside of an object is not looked at.
pub async fn oidcc_ensure_request_object_with_redirect_uri(mut suite: Suite) {
    // {"alg":"none"} . {"redirect_uri":"https://evil.example/"}
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ.";
    let answer = suite.silently(&[("request", object)]).await;
    assert_eq!(answer["error"], "request_not_supported");
}

/// Bound to its client, of allowed characters; the new ID token speaks of the same sign-in.
pub async fn oidcc_refresh_token(mut suite: Suite) {
    let scope = [("scope", "openid offline_access"), ("prompt", "consent")];
    let url = suite.url(&scope);
    suite.browser.open(&url).await.expect("a page");
    suite.sign_in().await;
    crate::flows::consent::answer_page(&mut suite.browser, "yes").await;
    let answer = suite.answer();
    let first = suite.redeem(&answer).await;
    let allowed = |c: char| c.is_ascii_graphic() || c == ' ';
    assert!(!first.refresh_token.is_empty() && first.refresh_token.chars().all(allowed));
    let foreign = suite.second.refresh(&first.refresh_token).await;
    assert_eq!(foreign.unwrap_err(), "invalid_grant");
    suite.world.clock.advance(2);
    let second = suite.client.refresh(&first.refresh_token).await.expect("refreshed");
    let (before, after) = (suite.id_token(&first).await, suite.id_token(&second).await);
    for claim in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert_eq!(after["nonce"], Value::Null);
    assert!(after["iat"].as_i64() > before["iat"].as_i64(), "{before} {after}");
    assert_eq!(suite.client.userinfo(&second).await.0, 200);
}

pub async fn oidcc_ensure_request_with_valid_pkce_succeeds(mut suite: Suite) {
    let challenge = medict::crypto::sha256_base64url(&suite.client.verifier);
    let pkce = [("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")];
    let answer = suite.authorize(&pkce).await;
    suite.client.redeem(&answer["code"]).await.expect("tokens");
}
