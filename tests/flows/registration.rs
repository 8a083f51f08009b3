//! Applications register themselves (RFC 7591), keep that up (RFC 7592), and are strangers to everybody.

use medict::{
    broker::{Caller, registration::NewToken, resources::Author},
    domain::{
        audit::{Action, Outcome},
        words::Reference,
    },
};
use serde_json::{Value, json};

use crate::world::{Application, Dice, World, stories};

stories! {
    /// From the token to a sign-in: the person is asked, since nobody vouched for the application.
    async fn a_registered_application_signs_people_in_after_asking(world: World) {
        let token = token(&world, 1).await;
        let (status, client) = register(&world, Some(&token), &metadata(&world)).await;
        assert_eq!(status, 201, "{client}");
        let text = |name: &str| client[name].as_str().expect("text").to_owned();
        assert_eq!((&client["client_name"], &client["client_secret_expires_at"]), (&json!("Stranger"), &json!(0)));
        assert_eq!(client["scope"], "openid profile", "`roles` is for those an administrator knows");
        let stranger = Application::new(&world, &text("client_id"), Some(&text("client_secret")));
        let mut browser = world.browser();
        let url = stranger.authorize_url(&[("scope", "openid profile"), ("idp", "corporate")]);
        browser.open(&url).await.expect("the question");
        assert!(browser.page().text.contains("Stranger"), "{}", browser.page().text);
        let form = browser.form("/consent").expect("a question");
        browser.submit(form.press("answer", "yes")).await.expect("back");
        let tokens = stranger.redeem(&stranger.code(&browser)).await.expect("tokens");
        assert_eq!(stranger.userinfo(&tokens).await.0, 200);

        let (status, _) = register(&world, Some(&token), &metadata(&world)).await;
        assert_eq!(status, 401, "the token is used up");
        let own = format!("/oauth2/register/{}", text("client_id"));
        assert_eq!(call(&world, "DELETE", &own, Some(&text("registration_access_token")), None).await.0, 204);
        assert_eq!(stranger.userinfo(&tokens).await.0, 401, "all that it had is over");
        browser.open(&url).await.expect("a page");
        assert_eq!(browser.page().status, 400, "nobody knows it any more");
    }

    /// It reads and changes itself, and nobody else does.
    async fn an_application_keeps_its_registration_up(world: World) {
        let token = token(&world, 2).await;
        let (_, client) = register(&world, Some(&token), &metadata(&world)).await;
        let (_, other) = register(&world, Some(&token), &metadata(&world)).await;
        let access = client["registration_access_token"].as_str();
        let own = format!("/oauth2/register/{}", client["client_id"].as_str().expect("an id"));
        assert_eq!(client["registration_client_uri"], format!("{}{own}", world.url));
        let (status, read) = call(&world, "GET", &own, access, None).await;
        assert_eq!((status, &read["client_name"]), (200, &json!("Stranger")));
        assert!(read["client_secret"].is_null(), "told once");
        for wrong in [None, Some("guessed"), Some(&token[..]), other["registration_access_token"].as_str()] {
            for method in ["GET", "PUT", "DELETE"] {
                let (status, body) = call(&world, method, &own, wrong, Some(&metadata(&world))).await;
                assert_eq!((status, &body["error"]), (401, &json!("invalid_token")), "{method} {wrong:?}");
            }
        }
        let mut changed = metadata(&world);
        changed["client_name"] = json!("Stranger no more");
        let (status, body) = call(&world, "PUT", &own, access, Some(&changed)).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_client_metadata")), "it names itself");
        changed["client_id"] = client["client_id"].clone();
        changed["client_secret"] = json!("another");
        assert_eq!(call(&world, "PUT", &own, access, Some(&changed)).await.0, 400);
        changed["client_secret"] = client["client_secret"].clone();
        let (status, body) = call(&world, "PUT", &own, access, Some(&changed)).await;
        assert_eq!((status, &body["client_name"]), (200, &json!("Stranger no more")), "{body}");
        let (_, read) = call(&world, "GET", &own, access, None).await;
        assert_eq!(read["client_name"], "Stranger no more");

        let mut public = metadata(&world);
        public["token_endpoint_auth_method"] = json!("none");
        let token = self::token(&world, 1).await;
        let (_, client) = register(&world, Some(&token), &public).await;
        let own = format!("/oauth2/register/{}", client["client_id"].as_str().expect("an id"));
        let access = client["registration_access_token"].as_str();
        public["client_id"] = client["client_id"].clone();
        assert_eq!(call(&world, "PUT", &own, access, Some(&public)).await.0, 200);
        public["token_endpoint_auth_method"] = json!("client_secret_basic");
        let (status, body) = call(&world, "PUT", &own, access, Some(&public)).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_client_metadata")), "it has no secret: {body}");
    }

    /// Without a token, with a wrong one, or with metadata that is none: refused, on record, and the token
    /// stays good.
    async fn what_is_not_in_order_registers_nothing(world: World) {
        let token = token(&world, 1).await;
        for wrong in [None, Some(""), Some("guessed")] {
            let (status, body) = register(&world, wrong, &metadata(&world)).await;
            assert_eq!((status, &body["error"]), (401, &json!("invalid_token")), "{wrong:?}");
        }
        let mut evil = metadata(&world);
        evil["redirect_uris"] = json!(["javascript:alert(1)"]);
        let (status, body) = register(&world, Some(&token), &evil).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_redirect_uri")), "{body}");
        for body in [json!([]), json!("text"), json!({ "redirect_uris": 1 }), json!({ "client_name": "a\u{0}b" })] {
            let (status, answer) = register(&world, Some(&token), &body).await;
            assert_eq!((status, &answer["error"]), (400, &json!("invalid_client_metadata")), "{body}");
        }
        let events = world.events().await;
        let refused = events.iter().filter(|event| event.action == Action::RegistrationRefused);
        assert!(refused.clone().count() >= 4, "{events:?}");
        assert!(refused.clone().all(|event| event.outcome == Outcome::Refused));
        assert_eq!(register(&world, Some(&token), &metadata(&world)).await.0, 201, "as good as before");
    }

    /// Metadata that is broken anywhere is refused in the words of the standard, or taken for what is left.
    async fn damaged_metadata_is_answered(world: World) {
        let token = token(&world, 1_000).await;
        let good = metadata(&world).to_string();
        let splinters = ["", "\"", "{", "}", "[", ",", ":", "null", "1e999", "\\u0000", "\\ud800", "\u{1f4a5}", "-"];
        for round in 0..300 {
            let mut dice = Dice::new(round);
            let mut text = good.clone();
            for _ in 0..=dice.below(2) {
                let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
                let (from, length) = (dice.below(places.len()), dice.below(12));
                let to = places.get(from + length).copied().unwrap_or(text.len());
                text.replace_range(places[from]..to, splinters[dice.below(splinters.len())]);
            }
            let (status, answer) = send(&world, "POST", "/oauth2/register", Some(&token), Some(text.clone())).await;
            let words = [Some("invalid_client_metadata"), Some("invalid_redirect_uri")];
            let refused = status == 400 && words.contains(&answer["error"].as_str());
            assert!(status == 201 || refused, "{round}: {text}: {status} {answer}");
        }
    }

    /// A token ends by itself, and when it is taken back.
    async fn tokens_end(world: World) {
        let old = token(&world, 1).await;
        let taken = token(&world, 1).await;
        let digest = medict::crypto::sha256_base64url(&taken);
        let (author, caller) = (Author::operator(), caller());
        world.broker.end_registration_token(&digest, &author, &caller).await.expect("taken back");
        assert_eq!(register(&world, Some(&taken), &metadata(&world)).await.0, 401);
        world.clock.advance(86_401);
        assert_eq!(register(&world, Some(&old), &metadata(&world)).await.0, 401);
    }
}

fn caller() -> Caller {
    Caller {
        reference: Reference("K7QF2-M9XBT".to_owned()),
        address: String::new(),
        agent: String::new(),
    }
}

async fn token(world: &World, uses: i64) -> String {
    let name = "the vendor".to_owned();
    let new = NewToken { name, organization: Some("general".into()), days: 1, uses };
    let (author, caller) = (Author::operator(), caller());
    world.broker.issue_registration_token(new, &author, &caller).await.expect("a token")
}

fn metadata(world: &World) -> Value {
    json!({
        "redirect_uris": [world.neighbours.callback()], "client_name": "Stranger",
        "scope": "openid profile roles", "unheard_of": { "x": 1 },
    })
}

async fn register(world: &World, token: Option<&str>, metadata: &Value) -> (u16, Value) {
    call(world, "POST", "/oauth2/register", token, Some(metadata)).await
}

async fn call(
    world: &World,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    send(world, method, path, token, body.map(ToString::to_string)).await
}

async fn send(
    world: &World,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<String>,
) -> (u16, Value) {
    let method = method.parse().expect("a method");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.request(method, format!("{}{path}", world.url));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_default())
}
