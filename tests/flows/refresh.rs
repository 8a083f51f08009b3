//! Refresh tokens: one at a time, for one application, as long as what they live by.

use futures_util::future::join_all;
use medict::{
    broker::Tokens as Limits,
    domain::{audit::Action, resource::SigningAlg},
};
use serde_json::{Value, json};

use crate::world::{Application, Temporary, Tokens, World, stories};

const DAY: i64 = 86_400;

/// A world without the grace.
struct Strict(World);

impl Strict {
    async fn on(database: Temporary) -> Self {
        let tokens = Limits { refresh_grace: 0, ..Limits::default() };
        Self(World::with(database, |settings| settings.tokens = tokens).await)
    }
}

stories! {
    /// It comes with every sign-in of an application that has the grant, and says the same again.
    async fn a_sign_in_goes_on_without_the_person(world: World) {
        let shop = refreshing(&world, "shop").await;
        let first = sign_in(&world, &shop).await;
        assert_eq!(first.refresh_token.len(), 43);
        let second = shop.refresh(&first.refresh_token).await.expect("refreshed");
        assert_ne!(second.refresh_token, first.refresh_token);
        assert_ne!(second.access_token, first.access_token);
        assert_eq!(shop.userinfo(&second).await.0, 200);
        assert_eq!(shop.userinfo(&first).await.0, 200, "the older one lives out its time");
        let before = shop.verified(&first.id_token, SigningAlg::RS256).await;
        let after = shop.verified(&second.id_token, SigningAlg::RS256).await;
        for claim in ["iss", "sub", "aud", "auth_time", "sid", "amr"] {
            assert_eq!(before[claim], after[claim], "{claim}");
        }
        assert_eq!((&before["nonce"], &after["nonce"]), (&json!("the-nonce"), &Value::Null));
        world.client_with("shop", json!({})).await;
        assert_eq!(shop.refresh(&second.refresh_token).await.unwrap_err(), "unauthorized_client");
        assert_eq!(sign_in(&world, &world.shop()).await.refresh_token, "", "without the grant there is none");
    }

    /// Less may be asked, more never; a refused attempt does not use the token up.
    async fn scope_shrinks_and_never_grows(world: World) {
        let shop = refreshing(&world, "shop").await;
        let first = sign_in(&world, &shop).await;
        let wider = [("scope", "openid offline_access")];
        let refused = shop.refresh_with(&first.refresh_token, &wider).await;
        assert_eq!(refused.unwrap_err(), "invalid_scope");
        let narrow = shop.refresh_with(&first.refresh_token, &[("scope", "openid email")]).await.expect("less");
        assert_eq!(narrow.body["scope"], "openid email");
        assert_eq!(shop.userinfo(&narrow).await.1["name"], Value::Null);
        let wide = shop.refresh(&narrow.refresh_token).await.expect("all of it again");
        assert_eq!(wide.body["scope"], first.body["scope"]);
    }

    /// Another application cannot use it, and an attempt changes nothing.
    async fn it_serves_one_application(world: World) {
        let (shop, clinic) = (refreshing(&world, "shop").await, refreshing(&world, "clinic").await);
        let first = sign_in(&world, &shop).await;
        assert_eq!(clinic.refresh(&first.refresh_token).await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.refresh("unknown").await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.refresh(&first.access_token).await.unwrap_err(), "invalid_grant");
        shop.refresh(&first.refresh_token).await.expect("the owner still can");
        let mut liar = world.clinic();
        liar.secret = Some("a-wrong-secret-of-some-length".to_owned());
        assert_eq!(liar.refresh(&first.refresh_token).await.unwrap_err(), "invalid_client");
    }

    /// A lost answer, or two tabs: the same successor again, never a second one. Afterwards it is theft.
    async fn a_repeated_token_has_one_successor_and_then_ends_the_sign_in(world: World) {
        let shop = refreshing(&world, "shop").await;
        let (first, elsewhere) = (sign_in(&world, &shop).await, sign_in(&world, &shop).await);
        let second = shop.refresh(&first.refresh_token).await.expect("refreshed");
        let again = shop.refresh(&first.refresh_token).await.expect("within the grace");
        assert_eq!(again.refresh_token, second.refresh_token);
        let third = shop.refresh(&second.refresh_token).await.expect("refreshed");
        world.clock.advance(12);
        assert_eq!(shop.refresh(&first.refresh_token).await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.refresh(&third.refresh_token).await.unwrap_err(), "invalid_grant", "the family is dead");
        assert_eq!(shop.userinfo(&third).await.0, 401, "and its access tokens");
        shop.refresh(&elsewhere.refresh_token).await.expect("another sign-in is untouched");
        assert_eq!(replays(&world).await, 1);
    }

    async fn without_grace_the_first_repetition_is_theft(strict: Strict) {
        let world = &strict.0;
        let shop = refreshing(world, "shop").await;
        let first = sign_in(world, &shop).await;
        let second = shop.refresh(&first.refresh_token).await.expect("refreshed");
        assert_eq!(shop.refresh(&first.refresh_token).await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.refresh(&second.refresh_token).await.unwrap_err(), "invalid_grant");
        assert_eq!(replays(world).await, 1);
    }

    /// Many at once, on two processes: all are told one successor.
    async fn of_many_at_once_one_wins_and_all_hear_the_same(world: World) {
        let shop = refreshing(&world, "shop").await;
        let first = sign_in(&world, &shop).await;
        let (_second, running) = world.second_broker().await;
        let other = world.shop().at(&format!("http://{}", running.address));
        let attempts = (0..12).map(|number| {
            if number % 2 == 0 { &shop } else { &other }.refresh(&first.refresh_token)
        });
        let outcomes = join_all(attempts).await;
        let mut told: Vec<_> =
            outcomes.into_iter().map(|outcome| outcome.expect("refreshed").refresh_token).collect();
        told.dedup();
        assert_eq!(told.len(), 1);
        shop.refresh(&told[0]).await.expect("which is good");
        running.stop().await;
    }

    /// What was used stays used for a process that starts later.
    async fn a_restart_revives_nothing(world: World) {
        let shop = refreshing(&world, "shop").await;
        let first = sign_in(&world, &shop).await;
        let second = shop.refresh(&first.refresh_token).await.expect("refreshed");
        let (_later, running) = world.second_broker().await;
        let restarted = world.shop().at(&format!("http://{}", running.address));
        let again = restarted.refresh(&first.refresh_token).await.expect("within the grace");
        assert_eq!(again.refresh_token, second.refresh_token, "sealed, and opened by another process");
        world.clock.advance(12);
        assert_eq!(restarted.refresh(&first.refresh_token).await.unwrap_err(), "invalid_grant");
        assert_eq!(restarted.refresh(&second.refresh_token).await.unwrap_err(), "invalid_grant");
        running.stop().await;
    }

    /// Bound to the session: its end, its idle time (a refresh is a use) and its absolute end.
    async fn it_ends_with_the_session(world: World) {
        let shop = refreshing(&world, "shop").await;
        let first = sign_in(&world, &shop).await;
        assert_eq!(shop.sign_out(&first).await, 200);
        assert_eq!(shop.refresh(&first.refresh_token).await.unwrap_err(), "invalid_grant");

        let idle = sign_in(&world, &shop).await;
        let mut used = sign_in(&world, &shop).await;
        for _ in 0..14 {
            world.clock.advance(3_000);
            used = shop.refresh(&used.refresh_token).await.expect("in use");
        }
        assert_eq!(shop.refresh(&idle.refresh_token).await.unwrap_err(), "invalid_grant", "not used for an hour");
        world.clock.advance(1_300);
        let late = shop.refresh(&used.refresh_token).await.unwrap_err();
        assert_eq!(late, "invalid_grant", "after twelve hours all are signed out");
    }

    /// `offline_access` outlives the session, by limits of its own.
    async fn offline_access_outlives_the_session(world: World) {
        let shop = refreshing(&world, "shop").await;
        let mut tokens = sign_in_offline(&world, &shop).await;
        let idle = sign_in_offline(&world, &shop).await;
        let before = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
        for _ in 0..4 {
            world.clock.advance(20 * DAY);
            tokens = shop.refresh(&tokens.refresh_token).await.expect("in use");
            assert_eq!(shop.userinfo(&tokens).await.0, 200, "without any session");
        }
        let after = shop.verified(&tokens.id_token, SigningAlg::RS256).await;
        assert_eq!((&before["sid"], &before["auth_time"]), (&after["sid"], &after["auth_time"]));
        assert_eq!(shop.refresh(&idle.refresh_token).await.unwrap_err(), "invalid_grant", "not used for 30 days");
        world.clock.advance(10 * DAY + 1);
        assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant", "after 90 days");
    }

    /// An account that is deactivated has no tokens of either kind.
    async fn a_deactivated_account_refreshes_nothing(world: World) {
        let shop = refreshing(&world, "shop").await;
        let (bound, offline) = (sign_in(&world, &shop).await, sign_in_offline(&world, &shop).await);
        let (_, person) = shop.userinfo(&bound).await;
        world.apply(vec![json!({ "resourceType": "User", "id": person["sub"],
            "username": person["preferred_username"], "email": person["email"], "active": false })]).await;
        for tokens in [&bound, &offline] {
            assert_eq!(shop.userinfo(tokens).await.0, 401);
            assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant");
        }
    }

    /// Whoever redeems a code again ends the refresh token too.
    async fn a_replayed_code_ends_the_refresh_token(world: World) {
        let shop = refreshing(&world, "shop").await;
        let code = shop.sign_in(&mut world.browser(), "corporate").await;
        let tokens = shop.redeem(&code).await.expect("tokens");
        assert_eq!(shop.redeem(&code).await.unwrap_err(), "invalid_grant");
        assert_eq!(shop.refresh(&tokens.refresh_token).await.unwrap_err(), "invalid_grant");
    }
}

/// An application of the neighbours' that also has the grant.
pub async fn refreshing(world: &World, id: &str) -> Application {
    refreshing_for(world, id, &[]).await
}

/// The same, which may ask for tokens for these resources too.
pub async fn refreshing_for(world: &World, id: &str, resources: &[&str]) -> Application {
    let (own, grants) = match id {
        "clinic" => ("reports", vec!["authorization_code", "refresh_token", "client_credentials"]),
        _ => ("roles", vec!["authorization_code", "refresh_token"]),
    };
    let scopes = ["openid", "profile", "email", own, "offline_access"];
    let settings = json!({ "grantTypes": grants, "scopes": scopes, "resources": resources });
    world.client_with(id, settings).await;
    if id == "shop" { world.shop() } else { world.clinic() }
}

/// A sign-in in a browser of its own.
pub async fn sign_in(world: &World, application: &Application) -> Tokens {
    let code = application.sign_in(&mut world.browser(), "corporate").await;
    application.redeem(&code).await.expect("tokens")
}

async fn sign_in_offline(world: &World, application: &Application) -> Tokens {
    let mut browser = world.browser();
    let scope = ("scope", "openid profile email offline_access");
    browser
        .open(&application.authorize_url(&[("idp", "corporate"), scope]))
        .await
        .expect("the callback");
    application.redeem(&application.code(&browser)).await.expect("tokens")
}

async fn replays(world: &World) -> usize {
    let events = world.events().await;
    events.iter().filter(|event| event.action == Action::RefreshTokenReplayed).count()
}
