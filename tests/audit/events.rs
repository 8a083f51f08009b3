//! What the log tells: every sign-in, every change by an administrator, every key.

use medict::{
    broker::{Caller, resources::Author},
    domain::audit::{Action, Actor, Event, Outcome},
    store::audit::{self, heads},
};
use serde_json::{Value, json};

use crate::world::{World, stories};

stories! {
    async fn the_first_start_tells_of_chain_keys_and_resources(world: World) {
        let mut log = Log::of(&world).await;
        log.rewind();
        let told = log.news().await;
        assert_eq!(told.len(), 1 + 6 + 7);
        assert_eq!(words(&told[..1]), ["chain-opened success broker"]);
        assert_eq!(words(&told[1..7]), ["key-created success broker"; 6]);
        assert_eq!(words(&told[7..]), ["create success operator"; 7]);
        let made: Vec<_> = told[7..].iter().map(|event| detail(event)["resource"].clone()).collect();
        assert_eq!(made[0], "Organization/general");
        assert_eq!(made[6], "ClientApplication/clinic");
        let everything = json!(told).to_string();
        for secret in ["MARKER-upstream-client-secret", "clinic-secret-of-32-characters-0"] {
            assert!(!everything.contains(secret), "{secret}");
        }
    }

    async fn sign_ins_and_what_came_of_them(world: World) {
        let mut log = Log::of(&world).await;
        let shop = world.shop();
        let mut browser = world.browser();

        let code = shop.sign_in(&mut browser, "corporate").await;
        let told = log.news().await;
        assert_eq!(words(&told), [
            "create success broker", "role-granted success broker", "sign-in success user",
        ]);
        let signed_in = &told[2];
        assert_eq!(signed_in.idp, Some("corporate".into()));
        assert_eq!(signed_in.client, Some("shop".into()));
        assert!(signed_in.user.is_some() && signed_in.session.is_some() && signed_in.login.is_some());
        assert!(signed_in.reference.is_some());
        assert_eq!(signed_in.address.as_deref(), Some("127.0.0.1"));
        let user = signed_in.user.clone().expect("a user");

        let tokens = shop.redeem(&code).await.expect("tokens");
        log.tells(["token-issue success client"]).await;
        shop.redeem(&code).await.unwrap_err();
        log.tells(["code-replayed refused client"]).await;
        shop.redeem("unknown").await.unwrap_err();
        log.tells(["token-refused refused anonymous"]).await;
        let clinic = world.clinic();
        clinic.token(&[("grant_type", "client_credentials")]).await.expect("a token");
        log.tells(["token-issue success client"]).await;
        drop(tokens);

        world.person("ada", &["GG-Nurses"]);
        shop.sign_in(&mut world.browser(), "corporate").await;
        log.tells(["role-granted success broker", "role-revoked success broker", "sign-in success user"]).await;

        world.person("grace", &[]);
        let mut shared = world.browser();
        shop.sign_in(&mut shared, "corporate").await;
        log.tells(["create success broker", "sign-in success user"]).await;
        world.person("ada", &["GG-Nurses"]);
        world.clock.advance(1);
        shop.sign_in_anew(&mut shared, "corporate").await;
        log.tells(["sign-out success broker", "sign-in success user"]).await;

        shop.sign_in(&mut browser, "corporate").await;
        log.tells(["sign-in success user"]).await;
        browser.open(&format!("{}/account", world.url)).await.expect("the account");
        let form = browser.form("/account/sign-out").expect("a form");
        browser.submit(form).await.expect("signed out");
        let told = log.news().await;
        assert_eq!(words(&told), ["sign-out success user"]);
        assert_eq!(told[0].user, Some(user));
    }

    async fn refusals(world: World) {
        let mut log = Log::of(&world).await;
        let shop = world.shop();
        let mut browser = world.browser();
        browser.open(&shop.authorize_url(&[("client_id", "nobody")])).await.expect("a page");
        log.tells(["authorize refused anonymous"]).await;
        browser.open(&shop.authorize_url(&[("redirect_uri", "https://evil.example/")])).await.expect("a page");
        log.tells(["authorize refused anonymous"]).await;

        world.saml_says(|builder| builder.unsigned());
        let page = browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        let reference = page.header("x-request-id").expect("a reference").to_owned();
        let told = log.news().await;
        assert_eq!(words(&told), ["sign-in refused anonymous"]);
        assert_eq!(told[0].reference.as_ref().map(|r| r.as_str()), Some(reference.as_str()));
        assert!(told[0].detail.is_some(), "with its reason");

        world.saml_says(|builder| builder);
        world.person("mallory", &["Blocked"]);
        browser.open(&shop.authorize_url(&[("idp", "corporate")])).await.expect("a page");
        log.tells(["sign-in refused anonymous"]).await;

        let mut liar = world.clinic();
        liar.secret = Some("a-wrong-secret-of-some-length".to_owned());
        liar.token(&[("grant_type", "client_credentials")]).await.unwrap_err();
        log.tells(["token-refused refused anonymous"]).await;
    }

    async fn passwords(world: World) {
        let mut log = Log::of(&world).await;
        let link = world.broker.create_administrator("root@local.example", None).await;
        let link = link.expect("made").expect("a link");
        log.tells(["create success operator", "role-granted success operator"]).await;
        let secret = link.split_once("link=").expect("a secret").1;
        let caller = Caller {
            reference: "R".into(), address: "127.0.0.1".to_owned(), agent: String::new(),
        };
        world.broker.set_password(secret, "Correct-horse-1".into(), &caller).await.expect("set");
        log.tells(["password-set success user"]).await;
        world.broker.set_password(secret, "Correct-horse-2".into(), &caller).await.unwrap_err();

        let mut browser = world.browser();
        browser.open(&format!("{}/login?return_to=/account", world.url)).await.expect("a chooser");
        let form = browser.form("/identifier").expect("a form").with("identifier", "root@local.example");
        browser.submit(form).await.expect("a password is asked");
        let wrong = browser.form("/password").expect("a form").with("password", "wrong-horse-2");
        browser.submit(wrong).await.expect("a page");
        log.tells(["sign-in refused anonymous"]).await;
        let right = browser.form("/password").expect("a form").with("password", "Correct-horse-1");
        browser.submit(right).await.expect("in");
        let told = log.news().await;
        assert_eq!(words(&told), ["sign-in success user"]);
        assert_eq!(told[0].idp, None);

        let another = world.broker.create_administrator("root@local.example", None).await;
        let another = another.expect("there already").expect("a link");
        log.tells([]).await;
        let secret = another.split_once("link=").expect("a secret").1;
        world.broker.set_password(secret, "Correct-horse-2".into(), &caller).await.expect("set");
        log.tells(["sign-out success user", "password-set success user"]).await;
    }

    /// An account that waited for its owner is tied to the first identity with its address.
    async fn an_invited_account_is_tied(world: World) {
        let neighbours = &world.neighbours;
        world.apply(vec![
            json!({ "resourceType": "User", "email": "ada@hospital.example" }),
            json!({ "resourceType": "IdentityProvider", "id": "invited", "type": "saml", "name": "By invitation",
                "organization": { "reference": "Organization/general" },
                "configuration": { "entityId": neighbours.saml_entity_id(), "ssoUrl": neighbours.sso_url(),
                    "x509Certificate": neighbours.certificate() },
                "provisioning": { "create": "invited" } }),
        ]).await;
        let mut log = Log::of(&world).await;
        world.shop().sign_in(&mut world.browser(), "invited").await;
        let told = log.news().await;
        assert_eq!(words(&told), ["update success broker", "sign-in success user"]);
        assert_eq!(detail(&told[0])["provisioning"], "tied to an existing account");
    }

    async fn changes_by_administrators(world: World) {
        let mut log = Log::of(&world).await;
        let shop = world.shop();
        shop.sign_in(&mut world.browser(), "corporate").await;
        let told = log.news().await;
        let user = told.last().and_then(|event| event.user.clone()).expect("a user");

        world.apply(vec![json!({ "resourceType": "Organization", "id": "general", "name": "Renamed",
            "domains": ["hospital.example"] })]).await;
        let told = log.news().await;
        assert_eq!(words(&told), ["update success operator"]);
        assert_eq!(detail(&told[0])["before"]["name"], "General Hospital");
        assert_eq!(detail(&told[0])["after"]["name"], "Renamed");

        world.apply(vec![json!({ "resourceType": "Organization", "id": "general", "name": "Renamed",
            "domains": ["hospital.example"] })]).await;
        log.tells([]).await;

        let reference = format!("User/{user}");
        let written = world.apply(vec![json!({ "resourceType": "UserRole",
            "user": { "reference": reference }, "role": { "reference": "Role/nurse" } })]).await;
        log.tells(["role-granted success operator"]).await;
        world.broker.revoke_role(&written[0].id, Author::operator(), None).await.expect("revoked");
        let told = log.news().await;
        assert_eq!(words(&told), ["role-revoked success operator"]);
        assert_eq!(told[0].user, Some(user.clone()));

        world.apply(vec![json!({ "resourceType": "User", "id": user, "email": "ada@hospital.example",
            "active": false })]).await;
        log.tells(["sign-out success operator", "update success operator"]).await;
    }

    async fn the_life_of_keys(world: World) {
        let mut log = Log::of(&world).await;
        world.broker.rotate_keys().await.expect("rotated");
        let told = log.news().await;
        let mut states: Vec<_> = told.iter().map(|event| {
            let words = words(std::slice::from_ref(event)).remove(0);
            format!("{words}: {}", detail(event)["state"].as_str().expect("a state"))
        }).collect();
        states.sort();
        assert_eq!(states, [
            "key-created success operator: next", "key-created success operator: next",
            "key-rotated success operator: active", "key-rotated success operator: active",
            "key-rotated success operator: retiring", "key-rotated success operator: retiring",
        ]);
        world.clock.advance(3 * 86_400);
        world.broker.move_keys_on().await.expect("retired");
        let told = log.news().await;
        assert_eq!(words(&told), ["key-rotated success broker"; 2]);
        assert!(told.iter().all(|event| detail(event)["state"] == "retired"));
        world.broker.move_keys_on().await.expect("nothing to do");
        log.tells([]).await;
    }

    /// Beyond a rate there are counts, which are written at the latest when the broker ends.
    async fn knocking_is_told_as_a_count(world: World) {
        let client = reqwest::Client::new();
        for _ in 0..80 {
            let url = format!("{}/oauth2/authorize?client_id=nobody", world.url);
            client.get(url).send().await.expect("an answer");
        }
        world.broker.close().await;
        let mut log = Log::of(&world).await;
        log.rewind();
        let told = log.news().await;
        let of = |action: Action| told.iter().filter(move |event| event.action == action);
        let alone = of(Action::Authorize).count() as u64;
        let counts = of(Action::RefusalsCounted).filter_map(|event| detail(event)["authorize"].as_u64());
        assert_eq!(alone + counts.sum::<u64>(), 80, "each knock is told once");
        assert!(alone < 80, "{alone}");
    }
}

/// The one chain of a world, read on from where it was read last.
struct Log<'w> {
    world: &'w World,
    node: String,
    sequence: i64,
}

impl<'w> Log<'w> {
    async fn of(world: &'w World) -> Self {
        let mut heads = world.broker.store().read(heads).await.expect("heads");
        let head = heads.pop().expect("a chain");
        Self { world, node: head.node, sequence: head.sequence }
    }

    const fn rewind(&mut self) {
        self.sequence = 0;
    }

    async fn news(&mut self) -> Vec<Event> {
        let (node, sequence) = (self.node.clone(), self.sequence);
        let read = move |conn: &mut medict::store::Conn| audit::after(conn, &node, sequence, 1_000);
        let records = self.world.broker.store().read(read).await.expect("records");
        self.sequence += records.len() as i64;
        let parse = |record: &audit::Record| serde_json::from_str(&record.body).expect("an event");
        records.iter().map(parse).collect()
    }

    /// Exactly these events are new.
    async fn tells<const N: usize>(&mut self, expected: [&str; N]) {
        let told = self.news().await;
        assert_eq!(words(&told), expected);
    }
}

/// Each event as action, outcome and the kind of its actor.
fn words(events: &[Event]) -> Vec<String> {
    let word = |value: Value| value.as_str().expect("a word").to_owned();
    let one = |event: &Event| {
        let actor = match event.actor {
            Actor::Anonymous => "anonymous",
            Actor::User(_) => "user",
            Actor::Client(_) => "client",
            Actor::Operator => "operator",
            Actor::Broker => "broker",
        };
        let outcome = if event.outcome == Outcome::Success { "success" } else { "refused" };
        format!("{} {outcome} {actor}", word(json!(event.action)))
    };
    events.iter().map(one).collect()
}

fn detail(event: &Event) -> &Value {
    event.detail.as_ref().expect("a detail")
}
