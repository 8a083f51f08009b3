//! Signatures as an application asks for them.

use medict::{crypto::Jws, domain::resource::SigningAlg};
use serde_json::json;

use super::refresh::sign_in;
use crate::world::{World, stories};

stories! {
    /// Keys that nobody asks for do not exist; once one is asked for, everything can be signed with it.
    async fn every_algorithm_signs_everything(world: World) {
        let shop = world.shop();
        let published = async || {
            let keys = shop.jwks().await.keys;
            keys.into_iter().filter_map(|key| key.alg).collect::<Vec<_>>()
        };
        let before = published().await;
        assert!(before.iter().all(|alg| alg == "RS256" || alg == "ES256"), "{before:?}");
        for alg in SigningAlg::ALL {
            let name = alg.name();
            world.client_with("shop", json!({ "idTokenSignedResponseAlg": name,
                "accessTokenSignedResponseAlg": name, "userinfoSignedResponseAlg": name })).await;
            let tokens = sign_in(&world, &shop).await;
            let id = shop.verified(&tokens.id_token, alg).await;
            let access = shop.verified(&tokens.access_token, alg).await;
            assert_eq!(id["sub"], access["sub"], "{name}");
            let client = reqwest::Client::new();
            let userinfo = client.get(format!("{}/oauth2/userinfo", world.url));
            let answer = userinfo.bearer_auth(&tokens.access_token).send().await.expect("an answer");
            let info = answer.text().await.expect("a JWT");
            assert_eq!(shop.verified(&info, alg).await["sub"], id["sub"], "{name}");
        }
        let after = published().await;
        for alg in SigningAlg::ALL {
            assert_eq!(after.iter().filter(|named| **named == alg.name()).count(), 2, "active and next");
        }
    }

    /// They roll over like the others, and a second process has them before it is asked.
    async fn keys_made_at_need_rotate_too(world: World) {
        let shop = world.shop();
        let (_second, running) = world.second_broker().await;
        let elsewhere = world.shop().at(&format!("http://{}", running.address));
        world.client_with("shop", json!({ "accessTokenSignedResponseAlg": "EdDSA" })).await;
        let before = sign_in(&world, &shop).await;
        world.broker.rotate_keys().await.expect("rotated");
        let after = sign_in(&world, &shop).await;
        let kid = |token: &str| Jws::parse(token).expect("a token").kid().map(str::to_owned);
        assert_ne!(kid(&before.access_token), kid(&after.access_token));
        world.a_second().await;
        for tokens in [&before, &after] {
            assert_eq!(elsewhere.userinfo(tokens).await.0, 200);
        }
        running.stop().await;
    }
}
