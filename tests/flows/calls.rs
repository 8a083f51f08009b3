//! Applications that live in a browser: calls from other origins, and what they ask of the person.

use serde_json::{Value, json};

use super::refresh::{refreshing, sign_in};
use crate::world::{World, stories};

const HOME: &str = "https://app.hospital.example";

stories! {
    /// Only pages of registered origins read answers; a logout page is for nobody's script.
    async fn other_origins_call_if_they_are_registered(world: World) {
        world.client_with("shop", json!({ "allowedOrigins": [HOME] })).await;
        let shop = world.shop();
        let tokens = sign_in(&world, &shop).await;
        let client = reqwest::Client::new();
        for path in ["/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke", "/oauth2/logout", "/oauth2/par", "/oauth2/device_authorization", "/auth/me"] {
            for (origin, allowed) in [(HOME, true), ("https://app.hospital.example:444", false), ("null", false)] {
                let preflight = client
                    .request(reqwest::Method::OPTIONS, format!("{}{path}", world.url))
                    .header("origin", origin)
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "authorization,x-medplum");
                let answer = preflight.send().await.expect("an answer");
                assert_eq!(answer.status(), 204, "{path}");
                let said = |name: &str| answer.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
                assert_eq!(said("access-control-allow-origin"), allowed.then(|| origin.to_owned()), "{path}");
                assert_eq!(said("access-control-allow-credentials").is_some(), allowed);
                assert_eq!(said("access-control-allow-headers").is_some_and(|all| all.contains("x-medplum") && all.contains("dpop")), allowed);
            }
        }
        let from_home = |path: &str| client.get(format!("{}{path}", world.url)).header("origin", HOME);
        let me = from_home("/auth/me").bearer_auth(&tokens.access_token).send().await.expect("an answer");
        assert_eq!(me.headers()["access-control-allow-origin"], HOME);
        assert_eq!(me.headers()["vary"], "Origin");
        let refused = from_home("/auth/me").send().await.expect("an answer");
        assert_eq!((refused.status().as_u16(), &refused.headers()["access-control-allow-origin"]), (401, &HOME.parse().expect("a value")));
        let page = from_home("/oauth2/logout").send().await.expect("a page");
        assert!(page.headers().get("access-control-allow-origin").is_none());
        for public in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
            let answer = client.get(format!("{}{public}", world.url)).header("origin", "https://else.example");
            assert_eq!(answer.send().await.expect("an answer").headers()["access-control-allow-origin"], "*");
            let preflight = client.request(reqwest::Method::OPTIONS, format!("{}{public}", world.url))
                .header("origin", "https://else.example").header("access-control-request-method", "GET")
                .header("access-control-request-headers", "authorization");
            let answer = preflight.send().await.expect("an answer");
            assert_eq!((answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]), (204, &"*".parse().expect("a value")));
            assert!(answer.headers().get("access-control-allow-credentials").is_none());
            let head = client.head(format!("{}{public}", world.url)).send().await.expect("an answer");
            assert_eq!((head.status().as_u16(), &head.headers()["content-type"]), (200, &"application/json".parse().expect("a value")));
            assert!(head.bytes().await.expect("nothing").is_empty());
        }
    }

    /// What clients of the Medplum kind need: who it is, for which organization, and errors as they read them.
    async fn the_person_is_told_at_auth_me(world: World) {
        let shop = refreshing(&world, "shop").await;
        let tokens = sign_in(&world, &shop).await;
        let sub = shop.userinfo(&tokens).await.1["sub"].clone();
        let (status, me) = ask(&world, Some(&tokens.access_token)).await;
        assert_eq!(status, 200);
        assert_eq!(me["profile"]["resourceType"], "Person");
        assert_eq!((&me["profile"]["id"], &me["membership"]["id"]), (&sub, &sub));
        assert_eq!(me["profile"]["name"][0]["family"], "Lovelace");
        assert_eq!(me["project"], json!({ "resourceType": "Project", "id": "general", "name": "General Hospital" }));
        assert_eq!(tokens.body["project"], json!({ "reference": "Project/general", "display": "General Hospital" }));
        assert_eq!(tokens.body["profile"]["display"], "Ada Lovelace");

        world.apply(vec![json!({ "resourceType": "User", "id": sub, "username": "ada",
            "profile": { "reference": "Practitioner/123" } })]).await;
        let (_, me) = ask(&world, Some(&tokens.access_token)).await;
        assert_eq!((&me["profile"]["resourceType"], &me["profile"]["id"]), (&json!("Practitioner"), &json!("123")));
        let next = shop.refresh(&tokens.refresh_token).await.expect("refreshed");
        assert_eq!(next.body["profile"]["reference"], "Practitioner/123");

        for nobody in [None, Some("x"), Some(tokens.id_token.as_str())] {
            let (status, outcome) = ask(&world, nobody).await;
            assert_eq!((status, &outcome["resourceType"]), (401, &json!("OperationOutcome")));
        }
        let clinic = world.clinic();
        let own = clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        let (_, me) = ask(&world, Some(&own.access_token)).await;
        assert_eq!(me, json!({ "profile": { "resourceType": "ClientApplication", "id": "clinic" } }));
    }
}

async fn ask(world: &World, token: Option<&str>) -> (u16, Value) {
    let mut request = reqwest::Client::new().get(format!("{}/auth/me", world.url));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.expect("an answer");
    if answer.status() == 401 {
        assert!(answer.headers().contains_key("www-authenticate"));
        assert_eq!(answer.headers()["content-type"], "application/fhir+json");
    }
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).expect("JSON"))
}
