//! The operations of the main job, as applications, browsers and an identity provider do them.

use std::sync::{Mutex, OnceLock, PoisonError};

use base64::{Engine, prelude::BASE64_STANDARD};
use medict::{
    broker::Clock,
    crypto::{JwkSet, Jws, Random, sha256_base64url},
    domain::resource::SigningAlg,
    samples::saml_idp::SampleIdp,
};
use serde_json::{Value, json};

use crate::{
    Failure,
    load::{Lane, share},
    wire::{Answer, encode, parameter},
};

/// Something that is measured.
pub struct Operation {
    pub name: &'static str,
    /// Requests that one of it takes.
    pub requests: u32,
    /// How often per round.
    pub count: usize,
    /// What has to be there first; not measured.
    pub prepare: fn(&World, &mut [Lane], usize) -> Result<(), Failure>,
    pub run: fn(&World, &mut Lane, usize) -> Result<(), Failure>,
}

pub const OPERATIONS: [Operation; 6] = [
    Operation {
        name: "client_credentials, ES256",
        requests: 1,
        count: 16_000,
        prepare: |_, _, _| Ok(()),
        run: |_, lane, _| client_credentials(lane),
    },
    Operation {
        name: "code + PKCE, ES256 ID token",
        requests: 2,
        count: 6_000,
        prepare: |_, _, _| Ok(()),
        run: |world, lane, at| world.code_flow(lane, ES256, at).map(drop),
    },
    Operation {
        name: "code + PKCE, RS256 ID token",
        requests: 2,
        count: 4_000,
        prepare: |_, _, _| Ok(()),
        run: |world, lane, at| world.code_flow(lane, RS256, at).map(drop),
    },
    Operation {
        name: "userinfo",
        requests: 1,
        count: 16_000,
        prepare: |world, lanes, _| lanes.iter_mut().try_for_each(|lane| world.fresh_token(lane)),
        run: |_, lane, _| userinfo(lane),
    },
    Operation {
        name: "SAML: start of a login",
        requests: 1,
        count: 4_000,
        prepare: |_, _, _| Ok(()),
        run: |world, lane, _| world.begin(lane, ES256).map(drop),
    },
    Operation {
        name: "SAML: ACS to ES256 tokens",
        requests: 3,
        count: 3_000,
        prepare: |world, lanes, count| world.prepare_responses(lanes, count),
        run: |world, lane, at| world.answer(lane, at),
    },
];

/// An application, by the algorithm of its ID tokens.
#[derive(Clone, Copy)]
struct Application {
    client_id: &'static str,
    alg: SigningAlg,
}

const ES256: Application = Application { client_id: "app-es256", alg: SigningAlg::ES256 };
const RS256: Application = Application { client_id: "app-rs256", alg: SigningAlg::RS256 };
const CALLBACK: &str = "https://app.example/callback";
const VERIFIER: &str = "a-verifier-of-the-forty-three-letters-it-needs";
const SECRET: &str = "worker-secret-of-32-characters-0";
/// People who sign in by SAML, each known to the broker before anything is measured.
const PEOPLE: usize = 400;
/// Of so many ID tokens the signature of one is verified; of all the others the shape is looked at.
const VERIFIED_OF: usize = 500;

/// Everyone but the broker.
pub struct World {
    idp: SampleIdp,
    clock: Clock,
    keys: OnceLock<JwkSet>,
    responses: Mutex<Vec<Response>>,
}

/// A login that was sent to the identity provider.
struct Begun {
    asked: medict::samples::saml_idp::AskedFor,
    /// `medict_browser`.
    browser: String,
}

/// What the person's browser is about to post.
struct Response {
    path: String,
    form: String,
    browser: String,
}

impl World {
    pub fn new() -> Result<Self, Failure> {
        let clock = Clock::default();
        let (entity_id, sso) = ("https://idp.example/saml", "https://idp.example/saml/sso");
        let idp = SampleIdp::new(entity_id, sso, clock.now())?;
        Ok(Self { idp, clock, keys: OnceLock::new(), responses: Mutex::default() })
    }

    /// What `medict apply` is given.
    pub fn resources(&self) -> Value {
        let general = json!({ "reference": "Organization/general" });
        let application = |application: Application| {
            json!({ "resourceType": "ClientApplication", "id": application.client_id,
                "name": application.client_id, "redirectUris": [CALLBACK],
                "scopes": ["openid", "profile", "email", "roles"],
                "idTokenSignedResponseAlg": application.alg.name(), "organization": general })
        };
        json!([
            { "resourceType": "Organization", "id": "general", "name": "General Hospital",
                "domains": ["hospital.example"] },
            { "resourceType": "Role", "id": "physician", "name": "Physician",
                "permissions": [{ "resource": "Patient", "actions": ["read", "write"] }] },
            { "resourceType": "Role", "id": "nurse", "name": "Nurse",
                "permissions": [{ "resource": "Patient", "actions": ["read"] }] },
            { "resourceType": "IdentityProvider", "id": "corporate", "type": "saml",
                "name": "Corporate", "organization": general,
                "configuration": { "entityId": self.idp.entity_id(), "ssoUrl": self.idp.sso_url(),
                    "x509Certificate": self.idp.certificate() },
                "mapping": { "rules": [
                    { "when": "'GG-Physicians' in identity.groups",
                        "role": { "reference": "Role/physician" }, "organization": general },
                    { "when": "'GG-Nurses' in identity.groups",
                        "role": { "reference": "Role/nurse" }, "organization": general } ] } },
            application(ES256),
            application(RS256),
            { "resourceType": "ClientApplication", "id": "worker", "name": "Worker",
                "clientType": "confidential", "secret": SECRET, "organization": general,
                "grantTypes": ["client_credentials"], "scopes": ["reports"] },
        ])
    }

    /// Everyone signs in once, so that all accounts are there; on each lane somebody stays signed in.
    pub fn sign_in_everyone(&self, lanes: &mut [Lane]) -> Result<(), Failure> {
        let keys = lanes[0].get("/.well-known/jwks.json", "")?.json()?;
        self.keys.get_or_init(|| serde_json::from_value(keys).unwrap_or_default());
        self.prepare_responses(lanes, PEOPLE)?;
        share(lanes, PEOPLE - lanes.len(), |lane, at| self.answer(lane, at))?;
        lanes.iter_mut().try_for_each(|lane| self.answer(lane, 0))
    }

    /// Drops what an operation left over.
    pub fn forget(&self) {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A signed-in browser comes for a code, the application for its tokens. Answers the access token.
    fn code_flow(&self, lane: &mut Lane, to: Application, at: usize) -> Result<String, Failure> {
        let cookie = format!("cookie: medict_session={}\r\n", lane.session);
        let answer = lane.get(&authorize_path(to, &[]), &cookie)?;
        self.redeem(lane, to, &answer, at)
    }

    fn redeem(
        &self,
        lane: &mut Lane,
        from: Application,
        answer: &Answer,
        at: usize,
    ) -> Result<String, Failure> {
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
        let answer = lane.post("/oauth2/token", "", &form)?;
        let tokens = answer.json()?;
        let text = |name: &str| tokens[name].as_str().ok_or_else(|| answer.unexpected(name));
        self.check_id_token(text("id_token")?, from.alg, at)?;
        Ok(text("access_token")?.to_owned())
    }

    fn check_id_token(&self, token: &str, alg: SigningAlg, at: usize) -> Result<(), Failure> {
        let jws = Jws::parse(token)?;
        if jws.alg() != alg.name() {
            return Err(format!("an ID token with {}", jws.alg()).into());
        }
        if at.is_multiple_of(VERIFIED_OF) {
            let keys = self.keys.get().map(|set| set.keys.as_slice()).unwrap_or_default();
            let key = keys.iter().find(|key| key.kid.as_deref() == jws.kid());
            let key = key.and_then(|key| key.verifying_key(alg)).ok_or("an unpublished key")?;
            let claims: Value = jws.verify(&key)?;
            if claims["nonce"] != "the-nonce" {
                return Err(format!("an ID token with {claims}").into());
            }
        }
        Ok(())
    }

    fn fresh_token(&self, lane: &mut Lane) -> Result<(), Failure> {
        lane.access_token = self.code_flow(lane, ES256, 1)?;
        Ok(())
    }

    /// A new browser is sent to the identity provider with a signed `AuthnRequest`.
    fn begin(&self, lane: &mut Lane, from: Application) -> Result<Begun, Failure> {
        let answer = lane.get(&authorize_path(from, &[("idp", "corporate")]), "")?;
        let location = answer.location()?;
        let query = location.strip_prefix(self.idp.sso_url()).and_then(|url| url.strip_prefix('?'));
        let query = query.ok_or_else(|| answer.unexpected("a redirect to the provider"))?;
        if !query.contains("&Signature=") {
            return Err(answer.unexpected("a signed request"));
        }
        let browser = answer.cookie("medict_browser");
        let browser = browser.ok_or_else(|| answer.unexpected("a binding cookie"))?;
        Ok(Begun { asked: self.idp.read_redirect(query)?, browser })
    }

    /// So many people are sent to the provider, which signs an answer for each.
    fn prepare_responses(&self, lanes: &mut [Lane], count: usize) -> Result<(), Failure> {
        share(lanes, count, |lane, at| {
            let begun = self.begin(lane, ES256)?;
            let response = self.sign(&begun, at % PEOPLE)?;
            self.responses.lock().unwrap_or_else(PoisonError::into_inner).push(response);
            Ok(())
        })
    }

    fn sign(&self, begun: &Begun, person: usize) -> Result<Response, Failure> {
        let asked = &begun.asked;
        let (subject, mail) = (format!("p{person:05}"), format!("p{person:05}@hospital.example"));
        let groups = if person.is_multiple_of(2) { "GG-Physicians" } else { "GG-Nurses" };
        let others = ["GG-Staff", "GG-VPN", "GG-Ward-3", "GG-Mail"];
        let groups: Vec<&str> = [groups].into_iter().chain(others).collect();
        let attributes: [(&str, &[&str]); 5] = [
            ("givenName", &["Ada"]),
            ("sn", &["Lovelace"]),
            ("mail", &[&mail]),
            ("uid", &[&subject]),
            ("groups", &groups),
        ];
        let now = self.clock.now();
        let response = self.idp.respond_to(&asked.id, &asked.acs_url, &asked.issuer, now);
        let response = response.person(&subject, &attributes).build();
        let state = asked.relay_state.clone().ok_or("no RelayState")?;
        let url = url::Url::parse(&asked.acs_url)?;
        let form = encode(&[("SAMLResponse", &response), ("RelayState", &state)]);
        Ok(Response { path: url.path().to_owned(), form, browser: begun.browser.clone() })
    }

    /// The browser posts the response, comes back by GET, and takes the code to the application.
    fn answer(&self, lane: &mut Lane, at: usize) -> Result<(), Failure> {
        let response = self.responses.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let response = response.ok_or("no response was prepared")?;
        let answer = lane.post(&response.path, "", &response.form)?;
        let cookie = format!("cookie: medict_browser={}\r\n", response.browser);
        let answer = lane.get(answer.location()?, &cookie)?;
        let session = answer.cookie("medict_session");
        lane.session = session.ok_or_else(|| answer.unexpected("a session cookie"))?;
        self.redeem(lane, ES256, &answer, at).map(drop)
    }
}

fn authorize_path(from: Application, more: &[(&str, &str)]) -> String {
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
    format!("/oauth2/authorize?{}", encode(&pairs))
}

fn client_credentials(lane: &mut Lane) -> Result<(), Failure> {
    let basic = BASE64_STANDARD.encode(format!("worker:{SECRET}"));
    let headers = format!("authorization: Basic {basic}\r\n");
    let answer = lane.post("/oauth2/token", &headers, "grant_type=client_credentials")?;
    let tokens = answer.json()?;
    let token = tokens["access_token"].as_str().ok_or_else(|| answer.unexpected("a token"))?;
    if Jws::parse(token)?.alg() == "ES256" { Ok(()) } else { Err(answer.unexpected("ES256")) }
}

fn userinfo(lane: &mut Lane) -> Result<(), Failure> {
    let headers = format!("authorization: Bearer {}\r\n", lane.access_token);
    let answer = lane.get("/oauth2/userinfo", &headers)?;
    let claims = answer.json()?;
    if claims["family_name"] == "Lovelace" { Ok(()) } else { Err(answer.unexpected("a person")) }
}
