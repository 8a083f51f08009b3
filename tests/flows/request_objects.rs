//! Signed requests (RFC 9101), by value and pushed, and pushed ones that are bound to a key.

use medict::{domain::resource::SigningAlg, samples::key_holder::KeyHolder};
use serde_json::{Value, json};

use super::response_modes::answer;
use crate::world::{Application, Signer, World, stories};

stories! {
    /// What is signed counts, whatever stands beside it; by value and pushed.
    async fn a_signed_request_is_answered(world: World) {
        let (shop, signer) = signing(&world, json!({})).await;
        let mut browser = world.browser();
        let object = signer.sign("oauth-authz-req+jwt", &request(&world, &shop, json!({ "state": "signed" })));
        let url = by_value(&world, &object, &[("state", "another"), ("scope", "openid email")]);
        browser.open(&url).await.expect("an answer");
        let found = answer(&mut browser, &shop, "query");
        assert_eq!(found["state"], "signed");
        let tokens = shop.redeem(&found["code"]).await.expect("tokens");
        assert_eq!(tokens.body["scope"], "openid profile");

        let (status, body) = shop.post("/oauth2/par", &[("request", &object)]).await;
        assert_eq!(status, 201, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        browser.open(&shop.pushed_url(body["request_uri"].as_str().expect("a URI"), &[])).await.expect("an answer");
        shop.redeem(&answer(&mut browser, &shop, "query")["code"]).await.expect("tokens");
    }

    /// What is not believed is told to the redirect URI beside it, if that is registered; else there is a page.
    async fn what_is_not_signed_by_the_application_is_refused(world: World) {
        let (shop, signer) = signing(&world, json!({})).await;
        let (callback, other) = (shop.redirect_uri.clone(), Signer::new(SigningAlg::ES256));
        let good = request(&world, &shop, json!({}));
        let mut browser = world.browser();
        for object in [
            other.sign("JWT", &good),
            signer.sign("at+jwt", &good),
            signer.sign("JWT", &request(&world, &shop, json!({ "aud": "https://other.example" }))),
            signer.sign("JWT", &request(&world, &shop, json!({ "iss": "clinic", "client_id": "clinic" }))),
            signer.sign("JWT", &request(&world, &shop, json!({ "exp": world.clock.now().0 - 60 }))),
            signer.sign("JWT", &request(&world, &shop, json!({ "request_uri": "urn:x" }))),
            signer.sign("JWT", &Signer::claims(&world, "shop")),
            "eyJhbGciOiJub25lIn0.eyJyZXNwb25zZV90eXBlIjoiY29kZSJ9.".to_owned(),
            "x".to_owned(),
        ] {
            browser.open(&by_value(&world, &object, &[("redirect_uri", &callback)])).await.expect("an answer");
            assert_eq!(answer(&mut browser, &shop, "query")["error"], "invalid_request_object", "{object}");
            assert_eq!(browser.open(&by_value(&world, &object, &[])).await.expect("a page").status, 400);
            let (status, body) = shop.post("/oauth2/par", &[("request", &object)]).await;
            assert_eq!((status, body.contains("invalid_request_object")), (400, true), "{body}");
        }
        let elsewhere = signer.sign("JWT", &request(&world, &shop, json!({ "redirect_uri": "https://evil.example/" })));
        let page = browser.open(&by_value(&world, &elsewhere, &[("redirect_uri", &callback)])).await.expect("a page");
        assert_eq!(page.status, 400, "what is signed says where answers go");
    }

    /// An application without keys cannot sign; one that is registered so has to.
    async fn signing_can_be_demanded(world: World) {
        let plain = world.shop();
        let mut browser = world.browser();
        browser.open(&plain.authorize_url(&[("request", "e30.e30.e30")])).await.expect("an answer");
        assert_eq!(answer(&mut browser, &plain, "query")["error"], "request_not_supported");
        let (shop, signer) = signing(&world, json!({ "requireSignedRequestObject": true })).await;
        browser.open(&shop.authorize_url(&[("prompt", "none")])).await.expect("an answer");
        assert_eq!(answer(&mut browser, &shop, "query")["error"], "invalid_request");
        let object = signer.sign("oauth-authz-req+jwt", &request(&world, &shop, json!({ "prompt": "none" })));
        browser.open(&by_value(&world, &object, &[])).await.expect("an answer");
        let found = answer(&mut browser, &shop, "query");
        assert_eq!(found["error"], "login_required", "believed, and nobody is signed in");
    }

    /// The code of a request that was pushed with a proof of a key is for the holder of that key.
    async fn a_pushed_request_binds_its_code_to_a_key(world: World) {
        let shop = world.shop();
        let key = KeyHolder::new(SigningAlg::ES256).expect("a key");
        let at = format!("{}/oauth2/par", world.url);
        let url = url::Url::parse(&shop.authorize_url(&[("idp", "corporate")])).expect("a URL");
        let form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let client = reqwest::Client::new();
        let prove = || key.sign(&KeyHolder::claims("POST", &at, None, world.clock.now())).expect("signed");
        let proof = prove();
        let send = |form: Vec<(String, String)>| {
            client.post(&at).header("DPoP", &proof).form(&form).send()
        };
        let mut other = form.clone();
        other.push(("dpop_jkt".to_owned(), "x".repeat(43)));
        assert_eq!(send(other).await.expect("an answer").status(), 400, "two keys");
        let again = send(form.clone()).await.expect("an answer");
        assert_eq!(again.status(), 400, "a proof counts once, also one that was refused");

        let fresh = client.post(&at).header("DPoP", prove());
        let pushed = fresh.form(&form).send().await.expect("an answer");
        assert_eq!(pushed.status(), 201);
        let body: Value = serde_json::from_str(&pushed.text().await.expect("a body")).expect("JSON");
        let mut browser = world.browser();
        browser.open(&shop.pushed_url(body["request_uri"].as_str().expect("a URI"), &[])).await.expect("an answer");
        let code = shop.code(&browser);
        assert!(shop.redeem(&code).await.is_err(), "without the key");
    }
}

/// The shop with a key of its own.
async fn signing(world: &World, extra: Value) -> (Application, Signer) {
    let signer = Signer::new(SigningAlg::ES256);
    let mut settings = json!({ "jwks": signer.jwks() });
    for (name, value) in extra.as_object().expect("settings") {
        settings[name] = value.clone();
    }
    world.client_with("shop", settings).await;
    (world.shop(), signer)
}

/// The claims of a request object that signs a person in at the corporate provider.
fn request(world: &World, shop: &Application, change: Value) -> Value {
    let mut claims = json!({ "iss": "shop", "aud": world.url, "exp": world.clock.now().0 + 60,
        "client_id": "shop", "response_type": "code", "redirect_uri": shop.redirect_uri,
        "scope": "openid profile", "state": "the-state", "idp": "corporate",
        "code_challenge": medict::crypto::sha256_base64url(&shop.verifier), "code_challenge_method": "S256" });
    for (name, value) in change.as_object().expect("changes") {
        claims[name] = value.clone();
    }
    claims
}

fn by_value(world: &World, object: &str, beside: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", "shop").append_pair("request", object).extend_pairs(beside);
    format!("{}/oauth2/authorize?{}", world.url, query.finish())
}
