//! Mistakes of operators: one paragraph that names the thing and the mend, exit 1, nothing half-written.

use std::{fs, net::TcpListener};

use super::{House, Outcome};

/// A mistake in the settings, and what the paragraph has to name.
const SETTINGS: [(&str, &str, &[&str]); 17] = [
    ("an unknown setting", "pulic_url = 'x'", &["pulic_url", "public_url"]),
    ("an unknown nested setting", "[outbound]\nallow_privat = true", &["allow_privat"]),
    ("a wrong type", "[sessions]\nidle_seconds = 'soon'", &["sessions.idle_seconds"]),
    ("out of range", "[sessions]\nidle_seconds = 1", &["sessions.idle_seconds", "60 to 604800"]),
    ("no TOML", "listen = ", &["medict.toml, line 2"]),
    ("http abroad", "public_url = 'http://sso.example'", &["public_url", "loopback"]),
    ("a path", "public_url = 'https://sso.example/x'", &["public_url", "without a path"]),
    ("no URL", "public_url = 'sso.example'", &["public_url"]),
    ("another database", "database_url = 'mysql://x'", &["database_url", "postgres://"]),
    (
        "an unreachable database",
        "database_url = 'postgres://u:MARKER-password@127.0.0.1:1/medict'",
        &["127.0.0.1:1/medict", "database_url", "refused"],
    ),
    (
        "a data directory below a file",
        "data_dir = 'medict.toml/data'",
        &["medict.toml/data", "data_dir"],
    ),
    ("a directory as database", "database_url = 'sqlite://../folder'", &["folder", "writable"]),
    ("half of TLS", "[tls]\nkey = 'key.pem'", &["tls.certificate", "tls.key"]),
    (
        "a certificate that is none",
        "[tls]\ncertificate = 'garbage'\nkey = 'garbage'",
        &["tls.certificate", "garbage"],
    ),
    (
        "a certificate that is not there",
        "[tls]\ncertificate = 'nowhere'\nkey = 'garbage'",
        &["tls.certificate", "nowhere"],
    ),
    (
        "a missing key file",
        "master_key_file = 'nowhere'",
        &["master_key_file", "nowhere", "openssl"],
    ),
    ("a key that is none", "master_key_file = 'garbage'", &["garbage", "64 hexadecimal"]),
];

/// Mistakes that show only beside what is there already.
const MORE: [(&str, &str, &[&str]); 4] = [
    ("a listen address that is none", "listen = 'nowhere'", &["nowhere", "listen"]),
    ("a missing CA file", "[outbound]\nca_file = 'nowhere'", &["ca_file", "nowhere"]),
    ("a key in the settings", "master_key = 'x'", &["master_key_file"]),
    ("a file that is no database", "database_url = 'sqlite://../garbage'", &["garbage"]),
];

#[test]
fn mistakes_in_settings_are_named() {
    for (what, settings, named) in SETTINGS.into_iter().chain(MORE) {
        let house = House::new(settings);
        house.write_private(
            "garbage",
            "This is neither a certificate nor a key nor a database. ".repeat(50).as_str(),
        );
        fs::create_dir(house.path("folder")).expect("a folder");
        assert_paragraph(what, &house.run(&["serve"]), named);
        house.set("");
        assert_sound(what, &house);
    }
}

/// Flags are held to the same rules as the file.
#[test]
fn mistakes_in_flags_are_named() {
    let house = House::new("");
    let outcome = house.run(&["serve", "--public-url", "http://sso.example"]);
    assert_paragraph("http abroad", &outcome, &["public_url", "loopback"]);
    assert!(!house.data().exists());
}

#[test]
fn a_port_in_use_is_named() {
    let house = House::new("");
    let address = format!("127.0.0.1:{}", house.port);
    let _taken = TcpListener::bind(&address).expect("still free");
    assert_paragraph("in use", &house.run(&["serve"]), &[address.as_str(), "in use", "listen"]);
}

/// Secrets open with the key that they were sealed with, and with no other.
#[test]
fn another_master_key_opens_nothing() {
    let house = House::new("");
    house.does(&["keys", "list"]);
    house.write_private("second.key", &"5a".repeat(32));
    house.set("master_key_file = 'second.key'");
    for command in [&["serve"][..], &["keys", "rotate"], &["audit", "verify"], &["keys", "list"]] {
        let outcome = house.run(command);
        assert_paragraph("a second key", &outcome, &["master key", "master_key_file"]);
    }
    house.set("");
    assert_sound("with the first key again", &house);
}

#[test]
fn a_lost_master_key_is_not_replaced() {
    let house = House::new("");
    house.does(&["keys", "list"]);
    let (key, elsewhere) = (house.data().join("master.key"), house.path("elsewhere"));
    fs::rename(&key, &elsewhere).expect("moved");
    assert_paragraph("lost", &house.run(&["serve"]), &["master.key", "put the one back"]);
    assert!(!key.exists(), "no new one was made");
    fs::rename(&elsewhere, &key).expect("put back");
    assert_sound("found again", &house);
}

/// The environment counts more than the file, and its mistakes are named as it names them.
#[test]
fn mistakes_in_the_environment_are_named() {
    for (name, value, named) in [
        ("MEDICT_MASTER_KEY", "short", "MEDICT_MASTER_KEY"),
        ("MEDICT_SESSIONS__IDLE_SECONDS", "soon", "MEDICT_SESSIONS__IDLE_SECONDS"),
        ("MEDICT_PUBLIC_URL", "http://sso.example", "public_url"),
        ("MEDICT_CONFIG", "nowhere.toml", "nowhere.toml"),
    ] {
        let house = House::new("");
        let output = house.command(&["serve"]).env(name, value).output().expect("ended");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_paragraph(name, &Outcome { code: output.status.code(), out, err }, &[named]);
    }
}

#[track_caller]
fn assert_paragraph(what: &str, outcome: &Outcome, named: &[&str]) {
    let Outcome { code, out, err } = outcome;
    assert_eq!(*code, Some(1), "{what}: {out}{err}");
    assert_eq!(out, "", "{what}");
    assert!(err.starts_with("medict: ") && err.ends_with('\n'), "{what}: {err}");
    assert_eq!(err.trim_end().lines().count(), 1, "{what}, one paragraph: {err}");
    for word in named {
        assert!(err.contains(word), "{what} names {word}: {err}");
    }
    assert!(!err.contains("MARKER"), "{what} keeps passwords to itself: {err}");
    assert!(!err.contains("panicked"), "{what}: {err}");
}

/// Once mended, everything works, and nothing lies about that was begun and not ended.
#[track_caller]
fn assert_sound(what: &str, house: &House) {
    let listed = house.run(&["keys", "list"]);
    assert_eq!(listed.code, Some(0), "{what}: {listed:?}");
    assert_eq!(listed.out.lines().count(), 7, "{what}: {listed:?}");
    let verified = house.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{what}: {verified:?}");
    let entries = fs::read_dir(house.data()).expect("the data directory");
    for entry in entries {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        let known = ["medict.db", "medict.db-wal", "medict.db-shm", "master.key"];
        assert!(known.contains(&name.as_str()), "{what} leaves {name} behind");
    }
}
