//! `apply`, `plan`, `admin create`: all or nothing, said in words.

use medict::samples::browser::Browser;
use serde_json::json;

use super::{House, Outcome};

const WARD: &str = "\
resourceType: Organization
id: ward
name: The Ward
---
resourceType: Role
id: nurse
name: Nurse
permissions: [{ resource: Patient, actions: [read] }]
---
resourceType: ClientApplication
id: kiosk
name: Kiosk
clientType: confidential
redirectUris: [\"https://kiosk.example/callback\"]
organization: { reference: Organization/ward }
---
resourceType: User
email: ada@hospital.example
password: Correct-horse-1
---
resourceType: UserRole
user: { reference: User/ada@hospital.example }
role: { reference: Role/nurse }
organization: { reference: Organization/ward }
";

#[test]
fn apply_makes_it_so_and_then_rests() {
    let house = House::new("");
    house.write("ward.yaml", WARD);
    let planned = house.run(&["plan", "ward.yaml"]);
    assert_eq!(planned.code, Some(2), "{planned:?}");
    assert_eq!(words(&planned.out), ["created"; 5]);
    assert_eq!(house.run(&["plan", "ward.yaml"]).code, Some(2), "a plan changes nothing");

    let applied = house.does(&["apply", "ward.yaml"]);
    assert_eq!(words(&applied), ["created"; 5]);
    assert!(applied.contains("created    Organization/ward"), "{applied}");
    assert!(applied.contains("its client secret, shown only now: "), "{applied}");

    let again = house.does(&["apply", "ward.yaml"]);
    assert_eq!(words(&again), ["unchanged"; 5]);
    assert!(!again.contains("secret"), "{again}");
    assert_eq!(house.run(&["plan", "ward.yaml"]).code, Some(0));

    house.write("ward.yaml", &WARD.replace("The Ward", "Ward 7"));
    assert_eq!(house.run(&["plan", "ward.yaml"]).code, Some(2));
    let changed = house.does(&["apply", "ward.yaml"]);
    assert_eq!(words(&changed), ["updated", "unchanged", "unchanged", "unchanged", "unchanged"]);
}

/// A file without a resource is said, so that nobody believes that it was applied.
#[test]
fn nothing_is_said() {
    let house = House::new("");
    house.write("ward.yaml", WARD);
    for (name, text) in [("empty.yaml", ""), ("remark.yaml", "# later\n"), ("list.json", "[]")] {
        house.write(name, text);
        assert_eq!(house.does(&["apply", name]), format!("nothing in {name}\n"));
    }
    let planned = house.run(&["plan", "empty.yaml", "ward.yaml"]);
    assert_eq!(planned.code, Some(2), "{planned:?}");
    assert!(planned.out.starts_with("nothing in empty.yaml\ncreated"), "{planned:?}");
}

/// Files may come from standard input, and several at once.
#[test]
fn apply_reads_what_it_is_given() {
    let house = House::new("");
    house.write("role.json", r#"[{"resourceType": "Role", "id": "porter", "name": "Porter"}]"#);
    let applied = house.run_with(&["apply", "role.json", "-"], WARD);
    assert_eq!((applied.code, words(&applied.out).len()), (Some(0), 6), "{applied:?}");
    let missing = house.run(&["apply", "role.json", "nowhere.yaml"]);
    assert_refused("no file", &missing, &["nowhere.yaml"]);
}

/// A mistake anywhere writes nothing at all, and is named with its file, its place and its path.
#[test]
fn a_mistake_writes_nothing() {
    let organization = json!({ "resourceType": "Organization", "id": "ward", "name": "Ward" });
    let role = json!({ "resourceType": "Role", "id": "nurse", "name": "Nurse" });
    let saml = |configuration: serde_json::Value| {
        json!({ "resourceType": "IdentityProvider", "id": "idp", "type": "saml", "name": "IdP",
            "configuration": configuration })
    };
    let fields = json!({ "entityId": "https://idp.example/", "ssoUrl": "https://idp.example/sso" });
    let with = |name: &str, value: serde_json::Value| {
        let mut fields = fields.clone();
        fields[name] = value;
        saml(fields)
    };
    let client = |extra: serde_json::Value| {
        let mut client = json!({ "resourceType": "ClientApplication", "id": "app", "name": "App",
            "redirectUris": ["https://app.example/"] });
        client.as_object_mut().expect("an object").extend(extra.as_object().expect("one").clone());
        client
    };
    let user = |role: &str| {
        json!({ "resourceType": "UserRole", "user": { "reference": "User/nobody" },
            "role": { "reference": role } })
    };
    let rule = json!([{ "when": "true", "role": { "reference": "Role/ghost" } }]);
    let mut oidc = json!({ "resourceType": "IdentityProvider", "id": "oidc", "type": "oidc", "name": "O",
        "configuration": { "issuer": "https://op.example", "clientId": "x", "anyone": true } });
    oidc["mapping"] = json!({ "rules": rule });
    for (what, third, named) in [
        ("an unknown field", with("ssoURL", json!("x")), "configuration.ssoURL"),
        ("no certificate", saml(fields.clone()), "configuration"),
        (
            "a stub certificate",
            with("x509Certificate", json!("MIIC...")),
            "configuration.x509Certificate",
        ),
        ("an unknown kind", json!({ "resourceType": "Ward" }), "Ward"),
        ("no kind", json!({ "id": "x" }), "resourceType"),
        ("a number for a name", json!({ "resourceType": "Role", "id": "x", "name": 5 }), "name"),
        (
            "a name that is no slug",
            json!({ "resourceType": "Role", "id": "A b", "name": "x" }),
            "id",
        ),
        (
            "a rule's role that is not there",
            oidc,
            "mapping.rules[0].role: Role/ghost does not exist",
        ),
        (
            "an organization that is not there",
            client(json!({ "organization": { "reference": "Organization/ghost" } })),
            "organization: Organization/ghost does not exist",
        ),
        (
            "a provider that is not there",
            client(json!({ "identityProviders": [{ "reference": "IdentityProvider/ghost" }] })),
            "identityProviders[0]: IdentityProvider/ghost does not exist",
        ),
        (
            "a redirect over http",
            client(json!({ "redirectUris": ["http://app.example/"] })),
            "redirectUris",
        ),
        ("a person who is not there", user("Role/nurse"), "user: User/nobody does not exist"),
        (
            "a built-in role",
            json!({ "resourceType": "Role", "id": "administrator", "name": "A" }),
            "built in",
        ),
    ] {
        let house = House::new("");
        house.write_resources("all.json", &[organization.clone(), role.clone(), third]);
        let refused = house.run(&["apply", "all.json"]);
        assert_refused(what, &refused, &["all.json, document 3", named]);
        house.write_resources("two.json", &[organization.clone(), role.clone()]);
        let planned = house.run(&["plan", "two.json"]);
        assert_eq!(words(&planned.out), ["created", "created"], "{what}: neither is there");
    }
}

#[test]
fn a_role_to_grant_has_to_be_there() {
    let house = House::new("");
    house.write("ward.yaml", &WARD.replace("Role/nurse", "Role/ghost"));
    let refused = house.run(&["apply", "ward.yaml"]);
    assert_refused("a ghost", &refused, &["document 5", "role: Role/ghost does not exist"]);
    house.write("ward.yaml", WARD);
    assert_eq!(words(&house.does(&["apply", "ward.yaml"])), ["created"; 5], "nothing was there");
}

/// A secret in a file counts when the resource is new; later the one in use stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_count_on_creation_only() {
    let house = House::new("");
    let file = |secret: &str, password: &str| {
        house.write_resources("app.json", &[
            json!({ "resourceType": "ClientApplication", "id": "robot", "name": "Robot",
                "clientType": "confidential", "secret": secret, "grantTypes": ["client_credentials"],
                "scopes": ["reports"] }),
            json!({ "resourceType": "User", "email": "ada@hospital.example", "password": password }),
        ]);
    };
    let (first, second) = ("first-secret-of-32-characters-00", "second-secret-of-32-characters-0");
    file(first, "Correct-horse-1");
    house.does(&["apply", "app.json"]);
    file(second, "Correct-horse-2");
    assert_eq!(words(&house.does(&["apply", "app.json"])), ["unchanged", "unchanged"]);

    let _serving = house.serve();
    for (secret, status) in [(first, 200), (second, 401)] {
        let request = reqwest::Client::new()
            .post(format!("{}/oauth2/token", house.url))
            .basic_auth("robot", Some(secret))
            .form(&[("grant_type", "client_credentials")]);
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), status, "{secret}");
    }
    for (password, status) in [("Correct-horse-2", 403), ("Correct-horse-1", 200)] {
        assert_eq!(sign_in(&house, "ada@hospital.example", password).await, status, "{password}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_sets_a_password_by_a_link_that_works_once() {
    let house = House::new("");
    let printed = house.does(&["admin", "create", "--email", "root@hospital.example"]);
    assert!(printed.contains("root@hospital.example is an administrator"), "{printed}");
    let link = printed.lines().last().expect("a link").to_owned();
    assert!(link.starts_with(&format!("{}/account/set-password?link=", house.url)), "{link}");

    let _serving = house.serve();
    let mut browser = Browser::new().expect("a browser");
    browser.open(&link).await.expect("the form");
    let set = |browser: &Browser, password: &str, again: &str| {
        let form = browser.form("/account/set-password").expect("a form");
        form.with("password", password).with("again", again)
    };
    for (password, again) in [("short", "short"), ("Correct-horse-1", "Correct-horse-2")] {
        let page = browser.submit(set(&browser, password, again)).await.expect("a page");
        assert_eq!(page.status, 422, "{password}: {}", page.text);
    }
    let page =
        browser.submit(set(&browser, "Correct-horse-1", "Correct-horse-1")).await.expect("set");
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(browser.open(&link).await.expect("a page").status, 410, "once");
    assert_eq!(sign_in(&house, "root@hospital.example", "Correct-horse-1").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_may_come_with_a_password() {
    let house = House::new("");
    let create = ["admin", "create", "--email", "root@hospital.example", "--password-stdin"];
    for weak in ["", "short", "password1234", "root@hospital.example"] {
        let refused = house.run_with(&create, &format!("{weak}\n"));
        assert_refused(weak, &refused, &["password: "]);
    }
    let odd = house.run(&["admin", "create", "--email", "nobody"]);
    assert_refused("no address", &odd, &["email: ", "is not an e-mail address"]);
    let events = house.does(&["audit", "export"]);
    assert!(!events.contains(r#""action":"create""#), "nobody was made: {events}");

    let created = house.run_with(&create, "Correct-horse-1\n");
    assert_eq!(created.code, Some(0), "{created:?}");
    assert_eq!(created.out.trim(), "root@hospital.example is an administrator.");
    let _serving = house.serve();
    assert_eq!(sign_in(&house, "root@hospital.example", "Correct-horse-1").await, 200);
}

/// Signs in with a password of ours; the status of the page where that ends.
async fn sign_in(house: &House, name: &str, password: &str) -> u16 {
    let mut browser = Browser::new().expect("a browser");
    browser.open(&format!("{}/login?return_to=/account", house.url)).await.expect("a chooser");
    if let Ok(form) = browser.form("/identifier") {
        browser.submit(form.with("identifier", name)).await.expect("a password is asked");
    }
    let form = browser.form("/password").expect("a form").with("password", password);
    let page = browser.submit(form).await.expect("a page");
    assert_eq!(page.status == 200, page.url.path() == "/account", "{}", page.url);
    page.status
}

/// The first word of every line about a resource.
fn words(out: &str) -> Vec<&str> {
    let lines = out.lines().filter(|line| !line.starts_with(' '));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

#[track_caller]
fn assert_refused(what: &str, outcome: &Outcome, named: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{what}: {outcome:?}");
    assert_eq!(outcome.out, "", "{what}");
    assert_eq!(outcome.err.trim_end().lines().count(), 1, "{what}, one paragraph: {}", outcome.err);
    for word in named {
        assert!(outcome.err.contains(word), "{what} names {word}: {}", outcome.err);
    }
}

/// Whoever is locked out gives the account a new password from the machine itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_from_standard_input_replaces_the_one_that_is_there() {
    let house = House::new("");
    let create = |password: &str| {
        let arguments = ["admin", "create", "--email", "root@hospital.example", "--password-stdin"];
        house.run_with(&arguments, &format!("{password}\n"))
    };
    assert_eq!(create("Correct-horse-1").code, Some(0));
    assert_eq!(create("Correct-horse-2").code, Some(0));
    let _server = house.serve();
    for (password, status) in [("Correct-horse-1", 403), ("Correct-horse-2", 200)] {
        assert_eq!(sign_in(&house, "root@hospital.example", password).await, status, "{password}");
    }
}
