//! Killed at any moment: what was answered has happened, and the log is whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use medict::{crypto::Random, samples::browser::Browser};

use super::Neighbourhood;

const ROUNDS: usize = 15;
const APPLICATIONS: usize = 4;

/// Every token is an audited commit: after each kill there are at least as many records as answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_forgets_no_token() {
    let town = Neighbourhood::new();
    let answered = Arc::new(AtomicUsize::new(0));
    for round in 1..=ROUNDS {
        let serving = town.house.serve();
        let tasks: Vec<_> = (0..APPLICATIONS)
            .map(|_| tokio::spawn(hammer(town.house.url.clone(), Arc::clone(&answered))))
            .collect();
        // In the middle of the work, at a moment of nobody's choosing.
        let [more] = Random.bytes::<1>();
        reach(&answered, answered.load(Ordering::Relaxed) + 1 + usize::from(more)).await;
        serving.kill();
        for task in tasks {
            task.await.expect("no panic");
        }
        let verified = town.house.run(&["audit", "verify"]);
        assert_eq!(verified.code, Some(0), "round {round}: {verified:?}");
        let issued = issued(&town);
        let answered = answered.load(Ordering::Relaxed);
        assert!(issued >= answered, "round {round}: {answered} answers, {issued} records");
        // Beyond the answers there can only be what was on its way when it was killed.
        assert!(issued <= answered + round * APPLICATIONS, "round {round}: {answered}, {issued}");
    }
}

/// A code that was redeemed before the kill stays redeemed; one that was not can still be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redeemed_code_stays_redeemed() {
    let town = Neighbourhood::new();
    for round in 0..4 {
        let serving = town.house.serve();
        let shop = town.shop();
        let used = shop.sign_in(&mut Browser::new().expect("a browser"), "corporate").await;
        let unused = shop.sign_in(&mut Browser::new().expect("a browser"), "corporate").await;
        let tokens = shop.redeem(&used).await.expect("tokens");
        serving.kill();

        let serving = town.house.serve();
        assert_eq!(shop.userinfo(&tokens).await.0, 200, "round {round}: good until revoked");
        shop.redeem(&unused).await.expect("issued before the kill, good after it");
        assert_eq!(shop.redeem(&used).await.unwrap_err(), "invalid_grant", "round {round}");
        assert_eq!(shop.userinfo(&tokens).await.0, 401, "round {round}: revoked by the replay");
        serving.kill();
        let serving = town.house.serve();
        assert_eq!(shop.userinfo(&tokens).await.0, 401, "round {round}: still revoked");
        serving.kill();
    }
    town.house.does(&["audit", "verify"]);
}

/// Asks for one token after the other until the broker is gone; counts the answers.
async fn hammer(url: String, answered: Arc<AtomicUsize>) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    loop {
        let request = client
            .post(format!("{url}/oauth2/token"))
            .basic_auth("clinic", Some("clinic-secret-of-32-characters-0"))
            .form(&[("grant_type", "client_credentials")]);
        let Ok(answer) = request.send().await else { return };
        if answer.status().as_u16() == 200 && answer.bytes().await.is_ok() {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits for so many answers.
async fn reach(answered: &AtomicUsize, wanted: usize) {
    while answered.load(Ordering::Relaxed) < wanted {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn issued(town: &Neighbourhood) -> usize {
    let exported = town.house.does(&["audit", "export"]);
    exported.lines().filter(|line| line.contains(r#""action":"token-issue""#)).count()
}
