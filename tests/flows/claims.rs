//! What an application is told of a person beyond the standard claims.

use medict::domain::resource::SigningAlg;
use serde_json::{Value, json};

use super::consent::answer_page;
use crate::world::{World, stories};

stories! {
    /// Claims of the application's own, by its own scope, computed from the account as it is now.
    async fn an_application_has_claims_of_its_own(world: World) {
        world.client_with("shop", json!({ "scopes": ["openid", "profile", "ward"], "consent": "explicit",
            "claims": [
                { "scope": "ward", "claim": "login", "value": "user.username", "in": ["idToken", "userinfo"],
                  "description": "see what you are called in the ward" },
                { "scope": "ward", "claim": "is_physician", "value": "'physician' in user.roles" },
                { "scope": "ward", "claim": "broken", "value": "user.none_such" },
            ] })).await;
        let shop = world.shop();
        let mut browser = world.browser();
        let with = shop.authorize_url(&[("idp", "corporate"), ("scope", "openid profile ward")]);
        browser.open(&with).await.expect("a page");
        assert!(browser.page().text.contains("see what you are called in the ward"), "{}", browser.page().text);
        answer_page(&mut browser, "yes").await;
        let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        let (_, info) = shop.userinfo(&tokens).await;
        assert_eq!((&info["login"], &info["is_physician"]), (&json!("ada"), &json!(true)), "{info}");
        assert_eq!(info["broken"], Value::Null);
        let id = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
        assert_eq!((&id["login"], &id["is_physician"]), (&json!("ada"), &Value::Null), "{id}");

        browser.open(&shop.authorize_url(&[("scope", "openid profile")])).await.expect("no page");
        let tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
        assert_eq!(shop.userinfo(&tokens).await.1["login"], Value::Null, "the scope opens it");
        let hint = shop.authorize_url(&[("prompt", "none"), ("id_token_hint", &tokens.id_token)]);
        browser.open(&hint).await.expect("an ID token with claims of its own is a hint too");
    }

    /// `fhirUser` is the URL of the person's entry (SMART App Launch), in the ID token and at userinfo; who
    /// has none has no claim.
    async fn fhir_user_is_the_url_of_the_profile(world: World) {
        world.client_with("shop", json!({ "scopes": ["openid", "fhirUser"] })).await;
        let shop = world.shop();
        let mut browser = world.browser();
        let url = shop.authorize_url(&[("idp", "corporate"), ("scope", "openid fhirUser")]);
        for (profile, claim) in [
            (None, Value::Null),
            (Some("Practitioner/123"), json!(format!("{}/fhir/R4/Practitioner/123", world.url))),
            (Some("https://other.example/Practitioner/9"), json!("https://other.example/Practitioner/9")),
        ] {
            browser.open(&url).await.expect("an answer");
            let mut tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
            if let Some(reference) = profile {
                let sub = shop.userinfo(&tokens).await.1["sub"].clone();
                world.apply(vec![json!({ "resourceType": "User", "id": sub, "username": "ada",
                    "profile": { "reference": reference } })]).await;
                browser.open(&url).await.expect("an answer");
                tokens = shop.redeem(&shop.code(&browser)).await.expect("tokens");
            }
            let id = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
            assert_eq!((&id["fhirUser"], &shop.userinfo(&tokens).await.1["fhirUser"]), (&claim, &claim));
        }
        let tokens = {
            browser.open(&shop.authorize_url(&[("scope", "openid")])).await.expect("an answer");
            shop.redeem(&shop.code(&browser)).await.expect("tokens")
        };
        let id = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
        assert_eq!(id["fhirUser"], Value::Null, "only with its scope");
    }
}
