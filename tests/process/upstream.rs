//! What the broker asks of others: never what it must not, and never so that somebody else waits.

use medict::{
    samples::browser::Browser,
    store::{Database, Store, traces},
};
use serde_json::json;

use super::{Neighbourhood, eventually, running::slow_provider};

/// Logins at providers that do not answer, many of them, and a login at one that does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_provider_holds_up_only_its_own_people() {
    const WAITING: usize = 40;
    let town = Neighbourhood::new();
    let slow = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", slow.local_addr().expect("address"));
    let saml = json!({ "resourceType": "IdentityProvider", "id": "slow-saml", "type": "saml", "name": "Slow too",
        "organization": { "reference": "Organization/general" },
        "configuration": { "metadataUrl": format!("{base}/metadata") } });
    town.house.write_resources("slow.json", &[slow_provider(&base), saml]);
    town.house.does(&["apply", "slow.json"]);
    let _serving = town.house.serve();
    let shop = town.shop();

    let waiting: Vec<_> = (0..WAITING)
        .map(|number| {
            let idp = if number % 2 == 0 { "slow" } else { "slow-saml" };
            tokio::spawn(reqwest::get(shop.authorize_url(&[("idp", idp)])))
        })
        .collect();
    // Those of the OpenID provider share one question; each of the others asks.
    let mut questions = Vec::new();
    while questions.len() < 2 {
        questions.push(slow.accept().await.expect("the broker asks"));
    }
    for idp in ["corporate", "openid"] {
        let mut browser = Browser::new().expect("a browser");
        let code = shop.sign_in(&mut browser, idp).await;
        shop.redeem(&code).await.expect("tokens");
    }
    let still = waiting.iter().filter(|task| !task.is_finished()).count();
    assert!(still > 0, "the slow ones still waited, so they held up nobody");
    // Nobody waits for ever: the provider's silence has an end, and a bland page.
    for task in waiting {
        let answer = task.await.expect("no panic").expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a page");
        assert!(status >= 400, "{status}");
        assert!(!text.contains(&base), "a bland page: {text}");
    }
}

/// Unless it is allowed, nobody makes the broker call into the private network.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_refused_by_default() {
    let town = Neighbourhood::with("");
    let secret = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = secret.local_addr().expect("address").port();
    let metadata = json!({ "resourceType": "IdentityProvider", "id": "metadata", "type": "saml", "name": "M",
        "organization": { "reference": "Organization/general" },
        "configuration": { "metadataUrl": format!("http://localhost:{port}/metadata") } });
    let issuer = slow_provider(&format!("http://127.0.0.1:{port}"));
    town.house.write_resources("private.json", &[metadata, issuer]);
    town.house.does(&["apply", "private.json"]);
    let serving = town.house.serve();

    for idp in ["slow", "metadata"] {
        let mut browser = Browser::new().expect("a browser");
        let url = town.shop().authorize_url(&[("idp", idp)]);
        let page = browser.open(&url).await.expect("a page");
        assert!(page.status >= 400, "{idp}: {}", page.status);
        for word in ["private", "127.0.0.1", &port.to_string()] {
            assert!(!page.text.contains(word), "{idp}, a bland page: {}", page.text);
        }
        let reference = page.header("x-request-id").expect("a reference").to_owned();
        assert!(page.text.contains(&reference), "{idp}: the page tells the reference");

        let store = Store::open(Database::Sqlite(town.house.data().join("medict.db")), 1);
        let store = store.expect("the same database");
        let trace = store.read(move |conn| traces::find(conn, &reference)).await.expect("read");
        let trace = trace.expect("a trace");
        let failure = trace.trace.failure().expect("a failed check");
        let told = json!(failure).to_string();
        assert!(told.contains("private"), "{idp}: {told}");
    }
    let nobody = tokio::time::timeout(std::time::Duration::ZERO, secret.accept()).await;
    assert!(nobody.is_err(), "not even a connection was made");

    // A provider that the browser alone visits needs no such permission.
    let code = town.shop().sign_in(&mut Browser::new().expect("a browser"), "corporate").await;
    assert!(!code.is_empty());
    serving.terminate();
    eventually("it ends", async || town.house.log().contains("stopping")).await;
    assert_eq!(serving.ended().0, Some(0));
}
