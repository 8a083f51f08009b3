//! While it serves: commands beside it count at once, and it ends in good order.

use std::{net::TcpListener, time::Duration};

use medict::crypto::JwkSet;
use serde_json::json;

use super::{House, Neighbourhood, eventually};

#[test]
fn health_is_an_exit_code() {
    let house = House::new("");
    let down = house.run(&["healthcheck"]);
    assert_eq!(down.code, Some(1), "{down:?}");
    assert!(down.err.contains(&format!("nothing answers at 127.0.0.1:{}", house.port)), "{down:?}");
    let serving = house.serve();
    let up = house.run(&["healthcheck"]);
    assert_eq!((up.code, up.out.as_str()), (Some(0), "ready\n"), "{up:?}");
    serving.kill();
    assert_eq!(house.run(&["healthcheck"]).code, Some(1));
}

/// Somebody listens there who is not ready: that is not health.
#[test]
fn a_stranger_at_the_port_is_not_health() {
    let house = House::new("");
    let stranger = TcpListener::bind(("127.0.0.1", house.port)).expect("still free");
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = stranger.accept().expect("asked");
        assert!(stream.read(&mut [0; 1_024]).expect("a question") > 0);
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\nnot now").expect("answered");
    });
    let outcome = house.run(&["healthcheck"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.contains("not ready: not now"), "{outcome:?}");
    answering.join().expect("answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_beside_it_is_seen() {
    let house = House::new("");
    let _serving = house.serve();
    let published = async || -> JwkSet {
        let url = format!("{}/.well-known/jwks.json", house.url);
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("text");
        serde_json::from_str(&text).expect("keys")
    };
    assert_eq!(published().await.keys.len(), 4);
    let listed = house.does(&["keys", "rotate"]);
    assert_eq!(listed.matches("retiring").count(), 2, "{listed}");
    eventually("the new keys are published", async || published().await.keys.len() == 6).await;
    let kids: Vec<_> = published().await.keys.into_iter().filter_map(|key| key.kid).collect();
    assert!(kids.iter().all(|kid| listed.contains(kid)), "{kids:?}: {listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_applied_beside_it_is_used() {
    let town = Neighbourhood::new();
    let _serving = town.house.serve();
    let status = async |id: &str| {
        let url = format!("{}/saml/{id}/metadata", town.house.url);
        reqwest::get(url).await.expect("an answer").status().as_u16()
    };
    assert_eq!((status("corporate").await, status("second").await), (200, 404));
    let mut second = town.neighbours.resources().remove(3);
    (second["id"], second["name"]) = (json!("second"), json!("Second"));
    town.house.write_resources("second.json", &[second.clone()]);
    town.house.does(&["apply", "second.json"]);
    eventually("the new provider is known", async || status("second").await == 200).await;

    let shop = town.shop();
    let mut browser = medict::samples::browser::Browser::new().expect("a browser");
    let code = shop.sign_in(&mut browser, "second").await;
    shop.redeem(&code).await.expect("tokens");
    second["enabled"] = json!(false);
    town.house.write_resources("second.json", &[second]);
    town.house.does(&["apply", "second.json"]);
    eventually("a disabled provider is not offered", async || {
        let mut browser = medict::samples::browser::Browser::new().expect("a browser");
        let page = browser.open(&shop.authorize_url(&[("idp", "second")])).await.expect("a page");
        page.url.path().starts_with("/login/") && !page.text.contains("Second")
    })
    .await;
}

/// A request that waits for a provider when SIGTERM comes is answered, then the process ends with 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_answered_before_the_end() {
    let town = Neighbourhood::new();
    let slow = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let issuer = format!("http://{}", slow.local_addr().expect("address"));
    town.house.write_resources("slow.json", &[slow_provider(&issuer)]);
    town.house.does(&["apply", "slow.json"]);
    let serving = town.house.serve();
    let url = town.shop().authorize_url(&[("idp", "slow")]);
    let under_way = tokio::spawn(async move {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        client.expect("a client").get(url).send().await.map(|answer| answer.status().as_u16())
    });
    let (question, _) = slow.accept().await.expect("the broker asks");
    serving.terminate();
    eventually("it stops", async || town.house.log().contains("stopping")).await;
    assert!(!under_way.is_finished());
    eventually("nobody new is let in", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", town.house.port)).await.is_err()
    })
    .await;
    // The provider hangs up, so the broker has an answer to give.
    drop(question);
    let status = under_way.await.expect("no panic").expect("answered, not cut off");
    assert_eq!(status, 502, "a bad gateway, in words");
    let (code, _) = serving.ended();
    assert_eq!(code, Some(0), "{}", town.house.log());
    town.house.does(&["audit", "verify"]);
}

/// A provider that never answers holds nobody up for more than ten seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_holds_up_the_end_for_long() {
    let town = Neighbourhood::new();
    let slow = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let issuer = format!("http://{}", slow.local_addr().expect("address"));
    town.house.write_resources("slow.json", &[slow_provider(&issuer)]);
    town.house.does(&["apply", "slow.json"]);
    let serving = town.house.serve();
    let url = town.shop().authorize_url(&[("idp", "slow")]);
    let under_way = tokio::spawn(reqwest::get(url));
    let _question = slow.accept().await.expect("the broker asks");
    serving.terminate();
    let (code, took) = serving.ended();
    assert_eq!(code, Some(0), "{}", town.house.log());
    // The promise is ten seconds; the rest is for a machine that has other things to do.
    assert!(took < Duration::from_secs(20), "{took:?}");
    drop(under_way.await);
}

pub fn slow_provider(issuer: &str) -> serde_json::Value {
    json!({ "resourceType": "IdentityProvider", "id": "slow", "type": "oidc", "name": "Slow",
        "organization": { "reference": "Organization/general" },
        "configuration": { "issuer": issuer, "clientId": "medict", "clientSecret": "x", "anyone": true } })
}
