//! Applications that show who they are by a signature (RFC 7523 §2.2).

use medict::{domain::resource::SigningAlg, samples::browser::Browser};
use serde_json::{Value, json};

use crate::world::{Signer, World, by_assertion, stories};

type Form = Vec<(&'static str, String)>;

/// Posts a form to an endpoint; status and answer.
async fn post(world: &World, path: &str, form: &Form) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{}{path}", world.url)).form(form);
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// Asks for a token of the application's own.
async fn ask(world: &World, assertion: [(&'static str, String); 2]) -> (u16, Value) {
    let mut form = vec![("grant_type", "client_credentials".to_owned())];
    form.extend(assertion);
    post(world, "/oauth2/token", &form).await
}

/// The clinic with these keys, and no secret.
async fn signing_clinic(world: &World, keys: Value) {
    let mut clinic = json!({ "resourceType": "ClientApplication", "id": "signer", "name": "Signer",
        "clientType": "confidential", "tokenEndpointAuthMethod": "private_key_jwt",
        "redirectUris": [world.neighbours.callback()],
        "grantTypes": ["authorization_code", "refresh_token", "client_credentials"],
        "organization": { "reference": "Organization/general" }, "scopes": ["openid", "reports"] });
    for (name, value) in keys.as_object().expect("fields") {
        clinic[name] = value.clone();
    }
    let written = world.apply(vec![clinic]).await;
    assert!(written.iter().all(|one| one.secret.is_none()), "it needs none");
}

stories! {
    /// At every endpoint that authenticates applications, with every algorithm, each assertion once.
    async fn a_signature_is_as_good_as_a_secret_and_counts_once(world: World) {
        for alg in SigningAlg::ALL {
            let signer = Signer::new(alg);
            signing_clinic(&world, json!({ "jwks": signer.jwks() })).await;
            let assertion = signer.assertion(&world, "signer");
            let (status, tokens) = ask(&world, assertion.clone()).await;
            assert_eq!(status, 200, "{alg:?}: {tokens}");
            let (status, again) = ask(&world, assertion).await;
            assert_eq!((status, &again["error"]), (401, &json!("invalid_client")), "{alg:?}: once");

            for path in ["/oauth2/introspect", "/oauth2/revoke"] {
                let mut form: Form = signer.assertion(&world, "signer").into();
                form.push(("token", tokens["access_token"].as_str().expect("a token").to_owned()));
                assert_eq!(post(&world, path, &form).await.0, 200, "{path}");
                let (status, again) = post(&world, path, &form).await;
                assert_eq!((status, &again["error"]), (401, &json!("invalid_client")), "{path}: once");
            }
        }
    }

    /// Also when the request it came with was refused, and on every process.
    async fn an_assertion_is_used_up_whatever_comes_of_it(world: World) {
        let signer = Signer::new(SigningAlg::ES256);
        signing_clinic(&world, json!({ "jwks": signer.jwks() })).await;
        let assertion = signer.assertion(&world, "signer");
        let mut form: Form = assertion.clone().into();
        form.extend([("grant_type", "authorization_code".to_owned()), ("code", "unknown".to_owned()),
            ("redirect_uri", world.neighbours.callback())]);
        let (_, refused) = post(&world, "/oauth2/token", &form).await;
        assert_eq!(refused["error"], "invalid_grant");
        assert_eq!(ask(&world, assertion).await.0, 401);

        let (_second, running) = world.second_broker().await;
        let assertion = signer.assertion(&world, "signer");
        assert_eq!(ask(&world, assertion.clone()).await.0, 200);
        let elsewhere = reqwest::Client::new().post(format!("http://{}/oauth2/token", running.address));
        let mut form: Form = assertion.into();
        form.push(("grant_type", "client_credentials".to_owned()));
        assert_eq!(elsewhere.form(&form).send().await.expect("an answer").status(), 401);
        running.stop().await;
    }

    /// Everything that an assertion must not be.
    async fn what_is_wrong_with_an_assertion_is_said(world: World) {
        let (signer, stranger) = (Signer::new(SigningAlg::PS256), Signer::new(SigningAlg::PS256));
        signing_clinic(&world, json!({ "jwks": signer.jwks(), "tokenEndpointAuthSigningAlg": "PS256" })).await;
        let with = |name: &str, value: Value| {
            let mut claims = Signer::claims(&world, "signer");
            claims[name] = value;
            by_assertion(signer.sign("JWT", &claims))
        };
        let now = world.clock.now().0;
        for (wrong, what) in [
            (stranger.assertion(&world, "signer"), "another's key"),
            (signer.assertion(&world, "clinic"), "an application with a secret"),
            (signer.assertion(&world, "nobody"), "an unknown application"),
            (with("aud", json!("https://else.example")), "another's audience"),
            (with("aud", json!([world.url, "https://else.example"])), "two audiences"),
            (with("exp", json!(now - 31)), "expired"),
            (with("exp", json!(now + 3_700)), "too long"),
            (with("jti", Value::Null), "not to be told apart"),
            (by_assertion(signer.sign("at+jwt", &Signer::claims(&world, "signer"))), "another type"),
            (by_assertion("x.y.z".to_owned()), "no JWT"),
        ] {
            let (status, answer) = ask(&world, wrong).await;
            assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{what}");
        }
        for extra in [("client_secret", "x"), ("client_id", "clinic")] {
            let mut form: Form = signer.assertion(&world, "signer").into();
            form.extend([("grant_type", "client_credentials".to_owned()), (extra.0, extra.1.to_owned())]);
            let (status, answer) = post(&world, "/oauth2/token", &form).await;
            assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{extra:?}");
        }
        let mut form: Form = signer.assertion(&world, "signer").into();
        form.push(("grant_type", "client_credentials".to_owned()));
        let twice = reqwest::Client::new().post(format!("{}/oauth2/token", world.url)).form(&form);
        let twice = twice.basic_auth("signer", Some("x")).send().await.expect("an answer");
        assert_eq!(twice.status(), 400, "two ways at once");
        assert_eq!(ask(&world, signer.assertion(&world, "signer")).await.0, 200);
    }

    /// Its keys are fetched, kept, and fetched once more when one is not known; not oftener than once a minute.
    async fn keys_are_fetched_where_the_application_publishes_them(world: World) {
        let (first, second) = (Signer::new(SigningAlg::EdDSA), Signer::new(SigningAlg::EdDSA));
        signing_clinic(&world, json!({ "jwksUri": world.neighbours.at("/keys") })).await;
        let (status, _) = ask(&world, first.assertion(&world, "signer")).await;
        assert_eq!((status, world.neighbours.keys_asked()), (401, 1), "nothing is published");
        assert_eq!(ask(&world, first.assertion(&world, "signer")).await.0, 401);
        assert_eq!(world.neighbours.keys_asked(), 1, "and not asked for again at once");

        let other = world.neighbours.at("/keys?again");
        world.neighbours.publishes_keys(first.jwks());
        signing_clinic(&world, json!({ "jwksUri": other })).await;
        for _ in 0..3 {
            assert_eq!(ask(&world, first.assertion(&world, "signer")).await.0, 200);
        }
        assert_eq!(world.neighbours.keys_asked(), 2);
        world.neighbours.publishes_keys(second.jwks());
        assert_eq!(ask(&world, second.assertion(&world, "signer")).await.0, 200, "rolled over");
        for _ in 0..3 {
            assert_eq!(ask(&world, Signer::new(SigningAlg::EdDSA).assertion(&world, "signer")).await.0, 401);
        }
        assert_eq!(world.neighbours.keys_asked(), 3, "once a minute");
    }

    /// A person's sign-in, refreshed, by an application without any secret.
    async fn people_sign_in_to_an_application_that_signs(world: World) {
        let signer = Signer::new(SigningAlg::ES256);
        signing_clinic(&world, json!({ "jwks": signer.jwks() })).await;
        let application = crate::world::Application::new(&world, "signer", None);
        let mut browser: Browser = world.browser();
        let url = application.authorize_url(&[("idp", "corporate"), ("scope", "openid")]);
        browser.open(&url).await.expect("the callback");
        let code = application.code(&browser);
        assert_eq!(application.redeem(&code).await.unwrap_err(), "invalid_client", "nothing shown");
        let signed = signer.assertion(&world, "signer");
        let extra = signed.each_ref().map(|(name, value)| (*name, value.as_str()));
        let tokens = application.redeem_with(&code, &extra).await.expect("tokens");
        let signed = signer.assertion(&world, "signer");
        let extra = signed.each_ref().map(|(name, value)| (*name, value.as_str()));
        application.refresh_with(&tokens.refresh_token, &extra).await.expect("refreshed");
    }
}
