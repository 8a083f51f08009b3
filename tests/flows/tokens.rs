//! Codes and tokens: once, for whom they were issued, in time.

use medict::domain::resource::SigningAlg;
use serde_json::json;

use crate::world::{World, stories};

stories! {
    /// One of the two who redeem a code has stolen it.
    async fn a_replayed_code_ends_the_first_tokens(world: World) {
        let shop = world.shop();
        let code = shop.sign_in(&mut world.browser(), "corporate").await;
        let tokens = shop.redeem(&code).await.expect("first use");
        assert_eq!(shop.userinfo(&tokens).await.0, 200);
        assert_eq!(shop.redeem(&code).await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.userinfo(&tokens).await.0, 401);
        assert_eq!(shop.redeem(&code).await.unwrap_err(), "invalid_grant");
    }

    /// A code is bound to client, redirect URI and verifier; a refused attempt does not use it up.
    async fn a_code_serves_only_whom_it_was_issued_to(world: World) {
        let shop = world.shop();
        let code = shop.sign_in(&mut world.browser(), "corporate").await;
        let other = "x".repeat(43);
        for (change, error) in [
            (("code_verifier", other.as_str()), "invalid_grant"),
            (("code_verifier", ""), "invalid_grant"),
            (("redirect_uri", "https://evil.example/"), "invalid_grant"),
            (("redirect_uri", ""), "invalid_request"),
            (("grant_type", "password"), "unsupported_grant_type"),
            (("grant_type", "refresh_token"), "invalid_request"),
            (("grant_type", "client_credentials"), "unauthorized_client"),
            (("client_id", "clinic"), "invalid_client"),
            (("client_id", "nobody"), "invalid_client"),
            (("client_id", ""), "invalid_client"),
            (("code", "unknown"), "invalid_grant"),
        ] {
            assert_eq!(shop.redeem_with(&code, &[change]).await.unwrap_err(), error, "{change:?}");
        }
        let clinic = world.clinic();
        let stolen = clinic.redeem_with(&code, &[("code_verifier", shop.verifier.as_str())]).await;
        assert_eq!(stolen.unwrap_err(), "invalid_grant", "another client");
        shop.redeem(&code).await.expect("the owner still can");
    }

    /// Sixty seconds.
    async fn a_code_grows_old(world: World) {
        let shop = world.shop();
        let code = shop.sign_in(&mut world.browser(), "corporate").await;
        world.clock.advance(61);
        assert_eq!(shop.redeem(&code).await.unwrap_err(), "invalid_grant");
    }

    /// Two at once: one wins.
    async fn of_many_redemptions_at_once_one_wins(world: World) {
        let shop = world.shop();
        let code = shop.sign_in(&mut world.browser(), "corporate").await;
        let attempts = (0..8).map(|_| shop.redeem(&code));
        let outcomes = futures_util::future::join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    }

    /// At two nodes in the same moment too; and a code that was used twice leaves nobody any token.
    async fn of_redemptions_at_two_nodes_none_stays(world: World) {
        let (_second, running) = world.second_broker().await;
        let shop = world.shop();
        for round in 0..10 {
            let code = shop.sign_in_anew(&mut world.browser(), "corporate").await;
            let mut elsewhere = world.shop().at(&format!("http://{}", running.address));
            elsewhere.verifier.clone_from(&shop.verifier);
            let both = futures_util::future::join(shop.redeem(&code), elsewhere.redeem(&code));
            let (here, there) = both.await;
            let (won, lost) = if here.is_ok() { (here, there) } else { (there, here) };
            assert_eq!(lost.unwrap_err(), "invalid_grant", "{round}");
            assert_eq!(shop.userinfo(&won.expect("one wins")).await.0, 401, "{round}");
        }
        running.stop().await;
    }

    /// What the token endpoint answers is kept by nobody, and an `Authorization` that is none of ours is a
    /// client that did not authenticate (RFC 6749 §5.1, §5.2).
    async fn odd_authorization_is_challenged(world: World) {
        let client = reqwest::Client::new();
        for authorization in ["Bearer x", "Basic", "Basic %%%", "Basic bm8tY29sb24=", "Digest a=b", "é"] {
            let post = client.post(format!("{}/oauth2/token", world.url)).header("authorization", authorization.as_bytes());
            let answer = post.form(&[("grant_type", "client_credentials")]).send().await.expect("an answer");
            assert_eq!(answer.status(), 401, "{authorization}");
            assert!(answer.headers()["www-authenticate"].to_str().expect("text").starts_with("Basic "));
            let kept = ["cache-control", "pragma"].map(|name| answer.headers()[name].to_str().expect("text").to_owned());
            assert_eq!(kept, ["no-store", "no-cache"]);
            assert!(answer.text().await.expect("a body").contains("\"invalid_client\""), "{authorization}");
        }
        let bare = client.get(format!("{}/oauth2/userinfo", world.url)).send().await.expect("an answer");
        assert_eq!(bare.status(), 401);
        assert!(bare.headers().contains_key("www-authenticate"));
        assert_eq!(bare.text().await.expect("a body"), "", "no token, no error (RFC 6750 §3.1)");
    }

    /// A confidential application speaks for itself.
    async fn client_credentials(world: World) {
        let clinic = world.clinic();
        let tokens = clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        let claims = clinic.verified(&tokens.access_token, SigningAlg::ES256).await;
        assert_eq!(claims["sub"], "clinic");
        assert_eq!(claims["scope"], "reports");
        assert!(tokens.body.get("id_token").is_none() && tokens.body.get("refresh_token").is_none());
        assert_eq!(clinic.userinfo(&tokens).await.0, 403, "no person behind it");
        let narrower = [("grant_type", "client_credentials"), ("scope", "openid")];
        assert_eq!(clinic.token(&narrower).await.unwrap_err(), "invalid_scope");
        let mut liar = world.clinic();
        liar.secret = Some("a-wrong-secret-of-some-length".to_owned());
        let refused = liar.token(&[("grant_type", "client_credentials")]).await;
        assert_eq!(refused.unwrap_err(), "invalid_client");
    }

    /// What was signed before a rotation stays valid; what comes after is signed anew; a second process
    /// follows within a second.
    async fn keys_rotate_without_a_broken_token(world: World) {
        let shop = world.shop();
        let mut browser = world.browser();
        let before = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        let published = shop.jwks().await;
        assert_eq!(published.keys.len(), 4, "next and active, of two algorithms");
        let (second, running) = world.second_broker().await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));

        world.broker.rotate_keys().await.expect("rotated");
        assert_eq!(shop.userinfo(&before).await.0, 200);
        let fresh = shop.redeem(&shop.sign_in(&mut browser, "corporate").await).await.expect("tokens");
        shop.verified(&fresh.id_token, SigningAlg::RS256).await;
        shop.verified(&before.id_token, SigningAlg::RS256).await;
        let kid = |token: &str| medict::crypto::Jws::parse(token).expect("a token").kid().map(str::to_owned);
        assert_ne!(kid(&before.id_token), kid(&fresh.id_token));
        let known = published.keys.iter().any(|key| key.kid == kid(&fresh.id_token));
        assert!(known, "the new key was published before it signed");
        assert_eq!(shop.jwks().await.keys.len(), 6, "next, active and retiring");
        assert_eq!(elsewhere.userinfo(&fresh).await.0, 200, "the second process knew the next key");

        world.a_second().await;
        assert_eq!(elsewhere.jwks().await.keys.len(), 6, "the second process follows");
        assert_eq!(second.keys().version(), world.broker.keys().version());
        running.stop().await;
    }

    /// A login begun on one process finishes on the other.
    async fn any_process_can_finish_a_login(world: World) {
        let (_second, running) = world.second_broker().await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));
        let mut browser = world.browser();
        *world.neighbours.hold.lock().expect("lock") = true;
        // Begun on the second; the answer goes to the first, which is the public address.
        let url = elsewhere.authorize_url(&[("idp", "corporate")]);
        browser.open(&url).await.expect("at the provider");
        *world.neighbours.hold.lock().expect("lock") = false;
        let held = world.neighbours.last_response.lock().expect("lock").clone().expect("a response");
        // The browser knows the second by an address of another site: it keeps that cookie for it.
        let cookie = browser.jar().of("127.0.0.1").find(|c| c.name == "medict_browser").expect("bound").clone();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        let answer = client
            .post(format!("{}/saml/corporate/acs", world.url))
            .form(&[("SAMLResponse", held.0), ("RelayState", held.1)])
            .send().await.expect("an answer");
        let location = answer.headers()["location"].to_str().expect("text").to_owned();
        assert!(location.contains("/continue?handle="), "{location}");
        let answer = client
            .get(format!("http://{}{location}", running.address))
            .header("cookie", format!("medict_browser={}", cookie.value))
            .send().await.expect("an answer");
        let location = answer.headers()["location"].to_str().expect("text").to_owned();
        let url = url::Url::parse(&location).expect("the callback");
        let code = url.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        let tokens = elsewhere.redeem(&code).await.expect("tokens");
        assert_eq!(world.shop().userinfo(&tokens).await.0, 200);
        running.stop().await;
    }

    /// Discovery says where things are, under the issuer that was configured.
    async fn discovery_tells_the_truth(world: World) {
        let url = format!("{}/.well-known/openid-configuration", world.url);
        let client = reqwest::Client::new();
        let text = client.get(&url).header("host", "evil.example").send().await.expect("answer").text().await;
        let metadata: serde_json::Value = serde_json::from_str(&text.expect("text")).expect("JSON");
        assert_eq!(metadata["issuer"], world.url.as_str(), "the Host header decides nothing");
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(metadata["response_types_supported"], json!(["code"]));
        for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
            let url = metadata[endpoint].as_str().expect("a URL");
            assert!(url.starts_with(&world.url), "{endpoint}");
            assert_ne!(client.get(url).send().await.expect("answer").status().as_u16(), 404, "{endpoint}");
        }
    }
}
