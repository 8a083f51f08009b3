//! The world that a story plays in: a real broker on a free port with a database of its own, and its
//! neighbours, a SAML identity provider, an OpenID Provider and an application.
//!
//! The neighbours live on `127.0.0.1`, the broker on `localhost`: other sites, as in life.

mod application;
mod databases;
mod dice;
mod neighbours;
mod signer;

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use medict::{
    broker::{
        Broker, Clock, SamlKeys, Sessions, Settings,
        outbound::{AllowPrivate, OutboundSettings},
        records::{Filter, Start},
        resources::Written,
    },
    crypto::{MasterKey, Random},
    domain::{audit::Event, resource},
    http::{self, Running},
    samples::{browser::Browser, saml_idp::ResponseBuilder},
    store::Store,
};
use serde_json::Value;

pub use application::{Application, Tokens};
pub use databases::Temporary;
pub use dice::Dice;
pub use neighbours::{LogoutAnswer, Neighbours, Person};
pub use signer::{Signer, by_assertion};

/// Runs a story on SQLite, and on PostgreSQL where its binaries are installed. It plays in a [`World`], or
/// in anything else that is made `on` a database.
macro_rules! stories {
    ($($(#[$doc:meta])* async fn $name:ident($world:ident: $kind:ident) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn story($world: $kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                story($kind::on(crate::world::Temporary::sqlite()).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = crate::world::Temporary::postgres() {
                    story($kind::on(database).await).await;
                }
            }
        }
    )*};
}
pub(crate) use stories;

/// A broker with its neighbours.
pub struct World {
    pub broker: Arc<Broker>,
    pub clock: Clock,
    pub neighbours: Neighbours,
    pub database: Temporary,
    pub master: MasterKey,
    pub url: String,
    _running: Running,
}

impl World {
    pub async fn on(database: Temporary) -> Self {
        Self::with(database, |_| {}).await
    }

    /// The same with other settings.
    pub async fn with(database: Temporary, change: impl FnOnce(&mut Settings)) -> Self {
        let master = MasterKey::generate(Random);
        let mut settings = settings(free_port());
        change(&mut settings);
        let redirect_uri = format!("{}/oidc/openid/callback", settings.public_url);
        let clock = Clock::default();
        let neighbours = Neighbours::by(&redirect_uri, clock.clone());
        let port = settings.public_url.rsplit(':').next().expect("a port").to_owned();
        let (broker, running) = serve(&database, &master, settings, &clock, &port).await;
        let url = broker.issuer().to_owned();
        let world = Self { broker, clock, neighbours, database, master, url, _running: running };
        world.apply(world.neighbours.resources()).await;
        world
    }

    /// A second process on the same database, under another address.
    pub async fn second_broker(&self) -> (Arc<Broker>, Running) {
        // Its public URL is the first one's; whatever port is free is its own.
        let settings = Settings { public_url: self.url.clone(), ..settings(0) };
        serve(&self.database, &self.master, settings, &self.clock, "0").await
    }

    pub fn browser(&self) -> Browser {
        Browser::new().expect("a browser")
    }

    pub fn shop(&self) -> Application {
        Application::new(self, "shop", None)
    }

    pub fn clinic(&self) -> Application {
        Application::new(self, "clinic", Some("clinic-secret-of-32-characters-0"))
    }

    /// Who sits at the provider from now on.
    pub fn person(&self, subject: &str, groups: &[&str]) {
        *self.neighbours.person.lock().expect("lock") = Person::new(subject, groups);
    }

    /// What is odd about the SAML provider's responses from now on.
    pub fn saml_says(
        &self,
        deviation: impl Fn(ResponseBuilder) -> ResponseBuilder + Send + 'static,
    ) {
        *self.neighbours.deviation.lock().expect("lock") = Box::new(deviation);
    }

    /// The SAML provider with other settings.
    pub async fn saml_with(&self, settings: Value) {
        let mut all = self.neighbours.resources().into_iter();
        let mut corporate = all.find(|one| one["id"] == "corporate").expect("the provider");
        for (name, setting) in settings.as_object().expect("settings") {
            corporate["configuration"][name] = setting.clone();
        }
        self.apply(vec![corporate]).await;
    }

    /// What the audit log tells, the newest first.
    pub async fn events(&self) -> Vec<Event> {
        self.broker.audit_page(Start::Newest, Filter::default()).await.expect("a page").events
    }

    /// Switches the SAML provider of the neighbours on or off.
    pub async fn saml_enabled(&self, enabled: bool) {
        let mut all = self.neighbours.resources().into_iter();
        let mut provider = all.find(|one| one["id"] == "corporate").expect("the provider");
        provider["enabled"] = Value::from(enabled);
        self.apply(vec![provider]).await;
    }

    /// An application of the neighbours' with other settings.
    pub async fn client_with(&self, id: &str, settings: Value) {
        let mut all = self.neighbours.resources().into_iter();
        let mut client = all.find(|one| one["id"] == id).expect("the application");
        for (name, setting) in settings.as_object().expect("settings") {
            client[name] = setting.clone();
        }
        self.apply(vec![client]).await;
    }

    /// The provider answers logouts so from now on.
    pub fn logouts_end(&self, statuses: &'static [&'static str], by_post: bool) {
        let answer = LogoutAnswer { statuses, by_post };
        *self.neighbours.logout_answer.lock().expect("lock") = Some(answer);
    }

    pub async fn apply(&self, resources: Vec<Value>) -> Vec<Written> {
        let parse = |value: Value| resource::parse(value).expect("a valid resource");
        let resources = resources.into_iter().map(parse).collect();
        self.broker.apply(resources).await.expect("applied")
    }

    /// Waits until a change is seen by every process: at most a second is promised.
    pub async fn a_second(&self) {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
    }
}

fn settings(port: u16) -> Settings {
    Settings {
        public_url: format!("http://localhost:{port}"),
        sessions: Sessions { idle: 3_600, absolute: 43_200 },
        tokens: medict::broker::Tokens::default(),
        outbound: OutboundSettings {
            allow_private: AllowPrivate::Everything,
            timeout: Duration::from_secs(3),
            ..OutboundSettings::default()
        },
        saml_keys: SamlKeys::default(),
        spool: std::env::temp_dir(),
        capture: false,
    }
}

async fn serve(
    database: &Temporary,
    master: &MasterKey,
    settings: Settings,
    clock: &Clock,
    port: &str,
) -> (Arc<Broker>, Running) {
    let store = Store::open(database.database().clone(), 4).expect("store");
    let broker =
        Broker::open(settings, store, master.clone(), clock.clone()).await.expect("broker");
    let options = http::Options { workers: 1, ..http::Options::new(&format!("127.0.0.1:{port}")) };
    let running = http::start(Arc::clone(&broker), options).expect("listening");
    (broker, running)
}

/// A port that nobody has, and nobody gets by chance before it is used: below those that the system gives
/// to outgoing connections, and each only once.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Another run of the tests at the same time begins elsewhere.
        let number = std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (number % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
