//! What the log says: a line per request with its reference, and nothing about people.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Temporary, World};

/// Everything that this process logs from now on.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<u8>>>);

impl Write for Book {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lock").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Book {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_person_and_no_secret_is_in_the_log() {
    let book = Book::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(book.clone())
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one of this process");

    let world = World::on(Temporary::sqlite()).await;
    let shop = world.shop();
    world.person("marked-person", &["Marked-Group", "GG-Physicians"]);
    let mut secrets = vec!["marked-person".to_owned(), "Marked-Group".to_owned()];
    for idp in ["corporate", "openid"] {
        let code = shop.sign_in(&mut world.browser(), idp).await;
        let tokens = shop.redeem(&code).await.expect("tokens");
        shop.userinfo(&tokens).await;
        secrets.extend([code, tokens.access_token, tokens.id_token]);
    }
    let mut browser = world.browser();
    browser.open(&format!("{}/login", world.url)).await.expect("a chooser");
    let form = browser.form("/identifier").expect("a form").with("identifier", "marked-name");
    browser.submit(form).await.expect("a password is asked");
    let wrong = browser.form("/password").expect("a form").with("password", "marked-password");
    let reference = browser.submit(wrong).await.expect("a page").header("x-request-id");
    let reference = reference.expect("a reference").to_owned();
    secrets.extend(["marked-name".to_owned(), "marked-password".to_owned()]);
    world.saml_says(|builder| builder.for_audience("https://other.example/"));
    world.browser().open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");

    let log = String::from_utf8_lossy(&book.0.lock().expect("lock")).into_owned();
    for secret in &secrets {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
    let line = log.lines().find(|line| line.contains(&reference) && line.contains("POST"));
    assert!(line.is_some_and(|line| line.contains("/login/{login}/password")), "{log}");
}
