//! `oidcc-rp-initiated-logout-certification-test-plan`: RP-Initiated OP. The client proves the wish by the ID
//! token that it has, or the person is asked.
//!
//! `oidcc-backchannel-rp-initiated-logout-certification-test-plan`: Back-Channel OP.

use medict::domain::resource::SigningAlg;
use serde_json::{Value, json};

use super::Suite;
use crate::world::Tokens;

impl Suite {
    async fn signed_in() -> (Self, Tokens) {
        let mut suite = Self::start("query").await;
        let tokens = suite.tokens(&[]).await;
        (suite, tokens)
    }

    fn bye(&self) -> String {
        self.world.neighbours.at("/bye")
    }

    async fn logout(&mut self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let url = format!("{}/oauth2/logout?{}", self.world.url, query.finish());
        self.browser.open(&url).await.expect("an answer").url.to_string()
    }

    /// The person says yes on the page that asks.
    async fn confirm(&mut self) -> String {
        let form = self.browser.form("/oauth2/logout").expect("a page that asks");
        self.browser.submit(form).await.expect("an answer").url.to_string()
    }

    /// The suite ends each module so: silently nobody is signed in any more, or still is.
    async fn is_signed_in(&mut self) -> bool {
        self.silently(&[("prompt", "none")]).await.contains_key("code")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let suite = Suite::start("query").await;
    let end_session = suite.metadata().await["end_session_endpoint"].clone();
    assert_eq!(end_session, json!(format!("{}/oauth2/logout", suite.world.url)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout() {
    let (mut suite, tokens) = Suite::signed_in().await;
    let bye = suite.bye();
    let hint = ("id_token_hint", tokens.id_token.as_str());
    let at = suite.logout(&[hint, ("post_logout_redirect_uri", &bye), ("state", "s &?=ü")]).await;
    let at = url::Url::parse(&at).expect("a URL");
    assert!(at.as_str().starts_with(&bye), "{at}");
    let state =
        at.query_pairs().find(|(name, _)| name == "state").expect("the state").1.into_owned();
    assert_eq!(state, "s &?=ü");
    assert!(!suite.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_no_state() {
    let (mut suite, tokens) = Suite::signed_in().await;
    let bye = suite.bye();
    let hint = ("id_token_hint", tokens.id_token.as_str());
    assert_eq!(suite.logout(&[hint, ("post_logout_redirect_uri", &bye)]).await, bye);
    assert!(!suite.is_signed_in().await);
}

/// Expired hints count (RP-Initiated Logout §2), also where the session has gone by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_with_an_expired_hint() {
    let (mut suite, tokens) = Suite::signed_in().await;
    suite.world.clock.advance(2_000);
    let bye = suite.bye();
    let hint = ("id_token_hint", tokens.id_token.as_str());
    assert_eq!(suite.logout(&[hint, ("post_logout_redirect_uri", &bye)]).await, bye);
    assert!(!suite.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let (mut suite, tokens) = Suite::signed_in().await;
    let elsewhere = suite.world.neighbours.at("/no-such-page");
    let hint = ("id_token_hint", tokens.id_token.as_str());
    let at = suite.logout(&[hint, ("post_logout_redirect_uri", &elsewhere)]).await;
    assert!(at.starts_with(&suite.world.url), "{at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let (mut suite, tokens) = Suite::signed_in().await;
    let added = format!("{}?foo=bar", suite.bye());
    let hint = ("id_token_hint", tokens.id_token.as_str());
    let at = suite.logout(&[hint, ("post_logout_redirect_uri", &added)]).await;
    assert!(at.starts_with(&suite.world.url), "{at}");
}

/// Neither a forged hint leads anywhere, nor an unsigned one, nor none.
async fn leads_nowhere(change: impl Fn(&str) -> Option<String>) {
    let (mut suite, tokens) = Suite::signed_in().await;
    let (bye, hint) = (suite.bye(), change(&tokens.id_token));
    let mut parameters = vec![("post_logout_redirect_uri", bye.as_str()), ("state", "s")];
    parameters.extend(hint.as_deref().map(|hint| ("id_token_hint", hint)));
    let at = suite.logout(&parameters).await;
    assert!(at.starts_with(&suite.world.url), "{at}");
    assert!(suite.is_signed_in().await, "nobody has proved the wish");
    suite.logout(&parameters).await;
    let at = suite.confirm().await;
    assert!(at.starts_with(&suite.world.url), "{at}");
    assert!(!suite.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    leads_nowhere(|token| {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let last = parts[2].pop().expect("a signature");
        parts[2].insert(0, last);
        Some(parts.join("."))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    leads_nowhere(|token| {
        let payload = token.split('.').nth(1).expect("a payload");
        Some(format!("eyJhbGciOiJub25lIn0.{payload}."))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    leads_nowhere(|_| None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_no_params() {
    let (mut suite, _) = Suite::signed_in().await;
    suite.logout(&[]).await;
    let at = suite.confirm().await;
    assert!(at.starts_with(&suite.world.url), "{at}");
    assert!(!suite.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_only_state() {
    let (mut suite, _) = Suite::signed_in().await;
    suite.logout(&[("state", "s")]).await;
    let at = suite.confirm().await;
    assert!(at.starts_with(&suite.world.url), "{at}");
    assert!(!suite.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let (mut suite, tokens) = Suite::signed_in().await;
    let at = suite.logout(&[("id_token_hint", &tokens.id_token)]).await;
    assert!(at.starts_with(&suite.world.url), "{at}");
    assert!(!suite.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_backchannel_rp_initiated_logout_discovery_endpoint_verification() {
    let metadata = Suite::start("query").await.metadata().await;
    for name in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        assert_eq!(metadata[name], true, "{name}");
    }
}

/// The signed logout token has come before the person is back; nobody is signed in any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_backchannel_rp_initiated_logout() {
    let (mut suite, tokens) = Suite::signed_in().await;
    let (bye, id_token) = (suite.bye(), suite.id_token(&tokens).await);
    let hint = ("id_token_hint", tokens.id_token.as_str());
    assert_eq!(suite.logout(&[hint, ("post_logout_redirect_uri", &bye)]).await, bye);
    let told = suite.world.neighbours.logout_tokens.lock().expect("lock").clone();
    let [token] = told.as_slice() else { panic!("one token: {told:?}") };
    let logout = suite.client.verified(token, SigningAlg::RS256).await;
    for claim in ["iss", "aud", "sub", "sid"] {
        assert_eq!(logout[claim], id_token[claim], "{claim}");
    }
    assert_eq!(logout["nonce"], Value::Null);
    assert!(logout["jti"].is_string() && logout["iat"].is_i64(), "{logout}");
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(logout["events"], json!({ event: {} }));
    let answer = suite.silently(&[("prompt", "none")]).await;
    assert_eq!(answer["error"], "login_required");
}
