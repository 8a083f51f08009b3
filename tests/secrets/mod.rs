//! What whoever gets hold of the database files can read: no secret in plain text.

use std::{fs, path::Path};

use medict::{broker::Caller, samples::browser::Browser};
use serde_json::json;

use crate::world::{Temporary, World};

/// A value that would open a door, and what it is.
type Secret = (&'static str, String);

/// Every secret that a login, an administrator's work and a token request meet, looked for in the raw bytes
/// of every file of SQLite's, the log that is not yet folded in included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_hold_no_secret_in_plain_text() {
    let world = World::on(Temporary::sqlite()).await;
    let mut secrets = Vec::new();
    configuration(&world, &mut secrets).await;
    passwords(&world, &mut secrets).await;
    logins(&world, &mut secrets).await;
    login_under_way(&world, &mut secrets).await;
    secrets.push(("the master key", world.master.to_hex()));
    secrets.push(("a private key", "PRIVATE KEY".to_owned()));

    let files = files(world.database.folder());
    for (what, secret) in &secrets {
        assert!(secret.len() >= 8, "{what} is too short to look for: {secret}");
        assert!(!found(&files, secret), "{what} is in plain text: {secret}");
    }
    assert!(secrets.len() > 20, "{}", secrets.len());
    // The search itself finds what is there.
    for stored in ["ada@hospital.example", "General Hospital", "root@local.example", "sign-in"] {
        assert!(found(&files, stored), "{stored} should be there");
    }
    assert!(files.iter().any(|(name, _)| name.ends_with("-wal")), "the log is part of the search");
}

async fn configuration(world: &World, secrets: &mut Vec<Secret>) {
    secrets.push(("the upstream client secret", "MARKER-upstream-client-secret".to_owned()));
    secrets.push(("an application's secret", "clinic-secret-of-32-characters-0".to_owned()));
    let written = world
        .apply(vec![json!({ "resourceType": "ClientApplication", "id": "kiosk", "name": "Kiosk",
            "clientType": "confidential", "redirectUris": [world.neighbours.callback()],
            "organization": { "reference": "Organization/general" } })])
        .await;
    let made = written[0].secret.clone().expect("shown once");
    secrets.push(("a secret that we made", made));
    world.broker.rotate_keys().await.expect("rotated");
}

async fn passwords(world: &World, secrets: &mut Vec<Secret>) {
    world
        .apply(vec![json!({ "resourceType": "User", "email": "grace@local.example",
            "username": "grace", "password": "MARKER-applied-Password-1" })])
        .await;
    secrets.push(("a password from a file", "MARKER-applied-Password-1".to_owned()));
    let link = world.broker.create_administrator("root@local.example", None).await;
    let link = link.expect("made").expect("a link");
    let secret = link.split_once("link=").expect("a secret").1;
    secrets.push(("the secret of a link", secret.to_owned()));
    let mut browser = world.browser();
    browser.open(&link).await.expect("the form");
    let form = browser.form("/account/set-password").expect("a form");
    let form = form.with("password", "MARKER-chosen-Password-1");
    let page = browser.submit(form.with("again", "MARKER-chosen-Password-1")).await.expect("set");
    assert_eq!(page.status, 200, "{}", page.text);
    secrets.push(("a password that was chosen", "MARKER-chosen-Password-1".to_owned()));

    browser.open(&format!("{}/login?return_to=/account", world.url)).await.expect("a chooser");
    let form =
        browser.form("/identifier").expect("a form").with("identifier", "root@local.example");
    browser.submit(form).await.expect("a password is asked");
    let wrong = browser.form("/password").expect("a form");
    browser.submit(wrong.with("password", "MARKER-wrong-Password-1")).await.expect("a page");
    secrets.push(("a password that was wrong", "MARKER-wrong-Password-1".to_owned()));
    let right = browser.form("/password").expect("a form");
    browser.submit(right.with("password", "MARKER-chosen-Password-1")).await.expect("in");
    assert_eq!(browser.page().url.path(), "/account");
    cookies(&mut browser, secrets);

    // A link that still waits is worth more than one that was used.
    let waiting = world.broker.create_administrator("second@local.example", None).await;
    let waiting = waiting.expect("made").expect("a link");
    secrets.push(("a waiting link", waiting.split_once("link=").expect("a secret").1.to_owned()));
    let unused = Caller { reference: "R".into(), address: String::new(), agent: String::new() };
    let weak = world.broker.set_password("MARKER-guessed-link", "x".into(), &unused).await;
    assert!(weak.is_err());
    secrets.push(("a guessed link", "MARKER-guessed-link".to_owned()));
}

async fn logins(world: &World, secrets: &mut Vec<Secret>) {
    let grants = json!({ "grantTypes": ["authorization_code", "refresh_token"] });
    world.client_with("shop", grants).await;
    for (idp, app) in
        [("corporate", world.shop()), ("openid", world.shop()), ("openid", world.clinic())]
    {
        let mut browser = world.browser();
        let code = app.sign_in(&mut browser, idp).await;
        cookies(&mut browser, secrets);
        for hop in browser.hops() {
            let handle = hop.url.query_pairs().find(|(name, _)| name == "handle");
            secrets.extend(handle.map(|(_, value)| ("a handle", value.into_owned())));
        }
        secrets.push(("a code", code.clone()));
        if idp == "openid" {
            continue;
        }
        let tokens = app.redeem(&code).await.expect("tokens");
        let signature = |token: &str| token.rsplit('.').next().expect("a signature").to_owned();
        secrets.push(("an access token", tokens.access_token.clone()));
        secrets.push(("its signature", signature(&tokens.access_token)));
        secrets.push(("an ID token", tokens.id_token.clone()));
        secrets.push(("its signature", signature(&tokens.id_token)));
        secrets.push(("a verifier", app.verifier.clone()));
        // Within the grace the successor lies there sealed.
        let successor = app.refresh(&tokens.refresh_token).await.expect("refreshed").refresh_token;
        secrets.push(("a refresh token", tokens.refresh_token));
        secrets.push(("its successor", successor));
    }
    let tokens = world.clinic().token(&[("grant_type", "client_credentials")]).await;
    secrets.push(("an application's token", tokens.expect("a token").access_token));
    let (response, _) =
        world.neighbours.last_response.lock().expect("lock").clone().expect("a response");
    secrets.push(("a SAML response", response[..200].to_owned()));
}

/// A login that was proven and waits for its browser.
async fn login_under_way(world: &World, secrets: &mut Vec<Secret>) {
    let mut browser = world.browser();
    *world.neighbours.hold.lock().expect("lock") = true;
    browser.open(&world.shop().authorize_url(&[("idp", "corporate")])).await.expect("held");
    cookies(&mut browser, secrets);
    let (response, state) =
        world.neighbours.last_response.lock().expect("lock").clone().expect("a response");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let answer = client
        .expect("a client")
        .post(format!("{}/saml/corporate/acs", world.url))
        .form(&[("SAMLResponse", response), ("RelayState", state)])
        .send()
        .await
        .expect("an answer");
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    let handle = location.split_once("handle=").expect("a handle").1.to_owned();
    secrets.push(("a handle that waits", handle));
}

fn cookies(browser: &mut Browser, secrets: &mut Vec<Secret>) {
    let ours: Vec<_> = browser.jar().of("localhost").cloned().collect();
    assert!(!ours.is_empty());
    for cookie in ours {
        let what = if cookie.name == "medict_session" { "a session" } else { "a binding" };
        secrets.push((what, cookie.value));
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file"));
    let read =
        |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).expect("readable"));
    entries.map(|entry| read(entry.path())).collect()
}

fn found(files: &[(String, Vec<u8>)], wanted: &str) -> bool {
    let wanted = wanted.as_bytes();
    files.iter().any(|(_, bytes)| bytes.windows(wanted.len()).any(|window| window == wanted))
}
