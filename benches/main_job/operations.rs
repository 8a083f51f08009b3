//! The operations of the main job, as applications and browsers do them, at any provider.

use base64::{Engine, prelude::BASE64_STANDARD};
use medict::{
    crypto::{Jws, Random, sha256_base64url},
    domain::resource::SigningAlg,
};
use serde_json::Value;

use crate::{
    Failure,
    load::Lane,
    people::World,
    wire::{Answer, encode, parameter},
};

/// Something that is measured.
pub struct Operation {
    pub name: &'static str,
    /// Requests that one of it takes.
    pub requests: u32,
    /// How often per round.
    pub count: usize,
    /// Whether a provider that is not ours does it too.
    pub common: bool,
    /// What has to be there first; not measured.
    pub prepare: fn(&World, &mut [Lane], usize) -> Result<(), Failure>,
    pub run: fn(&World, &mut Lane, usize) -> Result<(), Failure>,
}

pub const OPERATIONS: [Operation; 9] = [
    Operation {
        name: "client_credentials, ES256",
        requests: 1,
        count: 16_000,
        common: true,
        prepare: |_, _, _| Ok(()),
        run: |_, lane, _| client_credentials(lane),
    },
    Operation {
        name: "code + PKCE, ES256 ID token",
        requests: 2,
        count: 6_000,
        common: true,
        prepare: |_, _, _| Ok(()),
        run: |_, lane, at| code_flow(lane, ES256, at),
    },
    Operation {
        name: "code + PKCE, RS256 ID token",
        requests: 2,
        count: 4_000,
        common: true,
        prepare: |_, _, _| Ok(()),
        run: |_, lane, at| code_flow(lane, RS256, at),
    },
    Operation {
        name: "refresh with rotation",
        requests: 1,
        count: 8_000,
        common: true,
        prepare: |_, lanes, _| lanes.iter_mut().try_for_each(|lane| code_flow(lane, REFRESH, 1)),
        run: |_, lane, at| refresh(lane, at),
    },
    Operation {
        name: "userinfo",
        requests: 1,
        count: 16_000,
        common: true,
        prepare: |_, lanes, _| lanes.iter_mut().try_for_each(|lane| code_flow(lane, ES256, 1)),
        run: |_, lane, _| userinfo(lane),
    },
    Operation {
        name: "introspection",
        requests: 1,
        count: 16_000,
        common: true,
        prepare: |_, lanes, _| lanes.iter_mut().try_for_each(|lane| code_flow(lane, ES256, 1)),
        run: |_, lane, _| introspect(lane),
    },
    Operation {
        name: "SAML: start of a login",
        requests: 1,
        count: 4_000,
        common: false,
        prepare: |_, _, _| Ok(()),
        run: |world, lane, _| world.begin(lane).map(drop),
    },
    Operation {
        name: "SAML: ACS to ES256 tokens",
        requests: 3,
        count: 3_000,
        common: false,
        prepare: |world, lanes, count| world.prepare_responses(lanes, count),
        run: |world, lane, at| world.answer(lane, at),
    },
    Operation {
        name: "password to ES256 tokens",
        requests: 3,
        count: 240,
        common: false,
        prepare: |_, _, _| Ok(()),
        run: |_, lane, at| by_password(lane, at),
    },
];

/// An application, by the algorithm of its ID tokens.
#[derive(Clone, Copy)]
pub struct Application {
    pub client_id: &'static str,
    pub alg: SigningAlg,
    pub refreshes: bool,
}

pub const ES256: Application =
    Application { client_id: "app-es256", alg: SigningAlg::ES256, refreshes: false };
pub const RS256: Application =
    Application { client_id: "app-rs256", alg: SigningAlg::RS256, refreshes: false };
pub const REFRESH: Application =
    Application { client_id: "app-es256-refresh", alg: SigningAlg::ES256, refreshes: true };
pub const CALLBACK: &str = "https://app.example/callback";
/// Of the confidential client, `worker`.
pub const SECRET: &str = "worker-secret-of-32-characters-0";
/// Accounts with a password, so many that no two lanes use one at a time: `local-0` and on.
pub const LOCALS: usize = 64;
/// Of all of them.
pub const PASSWORD: &str = "a password that nobody guesses";
const VERIFIER: &str = "a-verifier-of-the-forty-three-letters-it-needs";
/// Of so many ID tokens the signature of one is verified; of all the others the shape is looked at.
const VERIFIED_OF: usize = 500;

/// The person signs in wherever the provider leads, without being asked anything, and stays signed in.
pub fn follow_sign_in(lane: &mut Lane) -> Result<(), Failure> {
    let mut jar: Vec<String> = Vec::new();
    let mut path = authorize_path(lane, ES256, &[]);
    for _ in 0..8 {
        let cookies = format!("cookie: {}\r\n", jar.join("; "));
        let answer = lane.get(&path, if jar.is_empty() { "" } else { &cookies })?;
        for cookie in answer.cookies() {
            let name = cookie.split('=').next().unwrap_or_default();
            jar.retain(|known| known.split('=').next() != Some(name));
            jar.push(cookie.to_owned());
        }
        let url = answer.location()?;
        if url.starts_with(CALLBACK) {
            jar.retain(|cookie| !cookie.ends_with('='));
            lane.cookies = format!("cookie: {}\r\n", jar.join("; "));
            return Ok(());
        }
        path = url.strip_prefix(lane.site.issuer.as_str()).unwrap_or(url).to_owned();
    }
    Err("signing in leads nowhere".into())
}

/// A signed-in browser comes for a code, the application for its tokens.
fn code_flow(lane: &mut Lane, to: Application, at: usize) -> Result<(), Failure> {
    let (path, cookies) = (authorize_path(lane, to, &[]), lane.cookies.clone());
    let answer = lane.get(&path, &cookies)?;
    redeem(lane, to, &answer, at)
}

/// The application redeems the code that `answer` leads to it with; the lane keeps the tokens.
pub fn redeem(
    lane: &mut Lane,
    from: Application,
    answer: &Answer,
    at: usize,
) -> Result<(), Failure> {
    let url = answer.location()?;
    if !url.starts_with(CALLBACK) {
        return Err(answer.unexpected("a code for the application"));
    }
    let code = parameter(url, "code")?;
    let form = encode(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("client_id", from.client_id),
        ("code_verifier", VERIFIER),
    ]);
    take_tokens(lane, from, &form, at, true)
}

fn refresh(lane: &mut Lane, at: usize) -> Result<(), Failure> {
    let form = encode(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &lane.refresh_token),
        ("client_id", REFRESH.client_id),
    ]);
    take_tokens(lane, REFRESH, &form, at, false)
}

fn take_tokens(
    lane: &mut Lane,
    from: Application,
    form: &str,
    at: usize,
    first: bool,
) -> Result<(), Failure> {
    let path = lane.site.token.clone();
    let answer = lane.post(&path, "", form)?;
    let tokens = answer.json()?;
    let text = |name: &str| tokens[name].as_str().ok_or_else(|| answer.unexpected(name));
    check_id_token(lane, text("id_token")?, from.alg, at, first)?;
    text("access_token")?.clone_into(&mut lane.access_token);
    if from.refreshes {
        text("refresh_token")?.clone_into(&mut lane.refresh_token);
    }
    Ok(())
}

fn check_id_token(
    lane: &Lane,
    token: &str,
    alg: SigningAlg,
    at: usize,
    first: bool,
) -> Result<(), Failure> {
    let jws = Jws::parse(token)?;
    if jws.alg() != alg.name() {
        return Err(format!("an ID token with {}", jws.alg()).into());
    }
    if at.is_multiple_of(VERIFIED_OF) {
        let key = lane.site.keys.keys.iter().find(|key| key.kid.as_deref() == jws.kid());
        let key = key.and_then(|key| key.verifying_key(alg)).ok_or("an unpublished key")?;
        let claims: Value = jws.verify(&key)?;
        // A refreshed one may leave it out (OIDC Core §12.2).
        if first && claims["nonce"] != "the-nonce" {
            return Err(format!("an ID token with {claims}").into());
        }
    }
    Ok(())
}

pub fn authorize_path(lane: &Lane, from: Application, more: &[(&str, &str)]) -> String {
    let challenge = sha256_base64url(VERIFIER);
    let state = Random.token();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", from.client_id),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile email roles"),
        ("state", &state),
        ("nonce", "the-nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend_from_slice(more);
    format!("{}?{}", lane.site.authorization, encode(&pairs))
}

/// A new browser signs in with a password of ours, and the application redeems the code.
fn by_password(lane: &mut Lane, at: usize) -> Result<(), Failure> {
    let path = authorize_path(lane, ES256, &[("prompt", "select_account")]);
    let answer = lane.get(&path, "")?;
    let browser = answer.cookie("medict_browser");
    let browser = browser.ok_or_else(|| answer.unexpected("a binding cookie"))?;
    let cookie = format!("cookie: medict_browser={browser}\r\n");
    let name = format!("local-{}", at % LOCALS);
    let form = encode(&[("identifier", &name), ("password", PASSWORD)]);
    let answer = lane.post(&format!("{}/password", answer.location()?), &cookie, &form)?;
    redeem(lane, ES256, &answer, at)
}

fn by_worker() -> String {
    format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("worker:{SECRET}")))
}

fn client_credentials(lane: &mut Lane) -> Result<(), Failure> {
    let path = lane.site.token.clone();
    let form = "grant_type=client_credentials&scope=reports";
    let answer = lane.post(&path, &by_worker(), form)?;
    let tokens = answer.json()?;
    let token = tokens["access_token"].as_str().ok_or_else(|| answer.unexpected("a token"))?;
    if Jws::parse(token)?.alg() == "ES256" { Ok(()) } else { Err(answer.unexpected("ES256")) }
}

fn userinfo(lane: &mut Lane) -> Result<(), Failure> {
    let headers = format!("authorization: Bearer {}\r\n", lane.access_token);
    let path = lane.site.userinfo.clone();
    let answer = lane.get(&path, &headers)?;
    let claims = answer.json()?;
    if claims["family_name"] == "Lovelace" { Ok(()) } else { Err(answer.unexpected("a person")) }
}

fn introspect(lane: &mut Lane) -> Result<(), Failure> {
    let path = lane.site.introspection.clone();
    let form = encode(&[("token", &lane.access_token)]);
    let answer = lane.post(&path, &by_worker(), &form)?;
    if answer.json()?["active"] == true { Ok(()) } else { Err(answer.unexpected("a live token")) }
}
