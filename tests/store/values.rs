//! Things to store.

use medict::{
    domain::{
        login::{Authentication, Destination, Login},
        trace::Trace,
        words::{Reference, UnixTime},
    },
    store::{
        grants::Grant, keys::StoredKey, sessions::BrowserSession, traces::StoredTrace,
        users::Account,
    },
};
use serde_json::json;

/// When the stories play.
pub const NOW: UnixTime = UnixTime(1_800_000_000);

pub fn login(id: &str, started_at: UnixTime) -> Login {
    Login::new(id.into(), Destination::Own { return_to: "/account".into() }, started_at)
}

/// An account that a provider's answer made: nobody signs in to it with a password.
pub fn person(id: &str) -> Account {
    let (created_at, updated_at) = (NOW.0, NOW.0);
    let name = "[]".to_owned();
    Account {
        id: id.to_owned(),
        version: 1,
        created_at,
        updated_at,
        active: true,
        name,
        ..Account::default()
    }
}

/// An account with a password of ours.
pub fn local(id: &str, name: &str, email: &str) -> Account {
    Account {
        username: Some(name.to_owned()),
        email: Some(email.to_owned()),
        login_name: Some(name.to_lowercase()),
        login_email: Some(email.to_lowercase()),
        ..person(id)
    }
}

pub fn session(id: &str, user: &str) -> BrowserSession {
    BrowserSession {
        id: id.into(),
        authentication: Authentication {
            user: user.into(),
            idp: None,
            auth_time: NOW,
            amr: vec!["pwd".to_owned()],
            acr: None,
        },
        upstream: Default::default(),
        created_at: NOW,
        used_at: NOW,
        expires_at: NOW.plus(3_600),
        ended_at: None,
    }
}

pub fn grant(id: &str, session: &str) -> Grant {
    let request =
        json!({ "client_id": "shop", "redirect_uri": "https://shop.example/", "scope": [] });
    Grant {
        id: id.into(),
        client_id: "shop".into(),
        user_id: "ada".into(),
        session_id: session.into(),
        request: serde_json::from_value(request).expect("a request"),
        code_expires_at: NOW.plus(60),
        redeemed_at: None,
        revoked_at: None,
        expires_at: NOW.plus(3_600),
        offline: None,
        jkt: None,
    }
}

pub fn key(kid: &str, state: &str) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        purpose: "token".to_owned(),
        alg: "ES256".to_owned(),
        state: state.to_owned(),
        sealed: "sealed".to_owned(),
        certificate: None,
        created_at: NOW.0,
        state_since: NOW.0,
    }
}

pub fn trace(reference: &str, at: UnixTime) -> StoredTrace {
    StoredTrace {
        reference: Reference::from(reference),
        login: None,
        at,
        outcome: "signed-in".to_owned(),
        idp: None,
        client: None,
        user: None,
        trace: Trace::default(),
    }
}
