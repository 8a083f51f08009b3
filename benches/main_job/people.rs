//! The people and their identity provider: logins that the broker leads there, and what comes back.

use std::sync::{Mutex, PoisonError};

use medict::{broker::Clock, domain::words::UnixTime, samples::saml_idp::SampleIdp};
use serde_json::{Value, json};

use crate::{
    Failure,
    load::{Lane, share},
    operations::{
        Application, CALLBACK, ES256, LOCALS, PASSWORD, REFRESH, RS256, SECRET, authorize_path,
        redeem,
    },
    wire::encode,
};

/// Other applications, and other providers, where there is a crowd.
const CROWD: usize = 10_000;
/// People who sign in by SAML, each known to the broker before anything is measured.
const PEOPLE: usize = 400;

/// Everyone but the broker.
pub struct World {
    idp: SampleIdp,
    clock: Clock,
    crowd: bool,
    responses: Mutex<Vec<Response>>,
}

/// A login that was sent to the identity provider.
pub struct Begun {
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
    pub fn new(crowd: bool) -> Result<Self, Failure> {
        let clock = Clock::default();
        let (entity_id, sso) = ("https://idp.example/saml", "https://idp.example/saml/sso");
        let idp = SampleIdp::new(entity_id, sso, clock.now())?;
        Ok(Self { idp, clock, crowd, responses: Mutex::default() })
    }

    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// What `medict apply` is given.
    pub fn resources(&self, issuer: &str) -> Value {
        let general = json!({ "reference": "Organization/general" });
        let application = |application: Application| {
            let mut grants = vec!["authorization_code"];
            grants.extend(application.refreshes.then_some("refresh_token"));
            json!({ "resourceType": "ClientApplication", "id": application.client_id,
                "name": application.client_id, "redirectUris": [CALLBACK], "grantTypes": grants,
                "scopes": ["openid", "profile", "email", "roles"],
                "idTokenSignedResponseAlg": application.alg.name(), "organization": general })
        };
        let mut all = vec![];
        if self.crowd {
            all.extend((0..CROWD).flat_map(|number| self.strangers(number)));
        }
        let own = json!([
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
            application(REFRESH),
            { "resourceType": "ClientApplication", "id": "worker", "name": "Worker",
                "clientType": "confidential", "secret": SECRET, "organization": general,
                "grantTypes": ["client_credentials"], "scopes": ["reports"],
                "audiences": [issuer] },
        ]);
        all.extend((0..LOCALS).map(|number| {
            json!({ "resourceType": "User", "username": format!("local-{number}"), "password": PASSWORD })
        }));
        all.extend(own.as_array().cloned().unwrap_or_default());
        Value::Array(all)
    }

    /// A provider and an application of another hospital; of each hundred the first brings the hospital.
    fn strangers(&self, number: usize) -> Vec<Value> {
        let hospital = format!("hospital-{}", number / 100);
        let home = json!({ "reference": format!("Organization/{hospital}") });
        let entity_id = format!("https://idp-{number}.example/saml");
        let mut all = vec![
            json!({ "resourceType": "IdentityProvider", "id": format!("idp-{number}"), "type": "saml",
                "name": format!("Provider {number}"), "organization": home,
                "configuration": { "entityId": entity_id, "ssoUrl": format!("{entity_id}/sso"),
                    "x509Certificate": self.idp.certificate() } }),
            json!({ "resourceType": "ClientApplication", "id": format!("app-{number}"),
                "name": format!("Application {number}"), "organization": home,
                "redirectUris": [format!("https://app-{number}.example/callback")] }),
        ];
        if number.is_multiple_of(100) {
            let organization =
                json!({ "resourceType": "Organization", "id": hospital, "name": hospital });
            all.insert(0, organization);
        }
        all
    }

    /// Everyone signs in once, so that all accounts are there; on each lane somebody stays signed in.
    pub fn sign_in_everyone(&self, lanes: &mut [Lane]) -> Result<(), Failure> {
        self.prepare_responses(lanes, PEOPLE)?;
        share(lanes, PEOPLE - lanes.len(), |lane, at| self.answer(lane, at))?;
        lanes.iter_mut().try_for_each(|lane| self.answer(lane, 0))
    }

    /// Drops what an operation left over.
    pub fn forget(&self) {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A new browser is sent to the identity provider with a signed `AuthnRequest`.
    pub fn begin(&self, lane: &mut Lane) -> Result<Begun, Failure> {
        let path = authorize_path(lane, ES256, &[("idp", "corporate")]);
        let answer = lane.get(&path, "")?;
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
    pub fn prepare_responses(&self, lanes: &mut [Lane], count: usize) -> Result<(), Failure> {
        share(lanes, count, |lane, at| {
            let begun = self.begin(lane)?;
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
    pub fn answer(&self, lane: &mut Lane, at: usize) -> Result<(), Failure> {
        let response = self.responses.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let response = response.ok_or("no response was prepared")?;
        let answer = lane.post(&response.path, "", &response.form)?;
        let cookie = format!("cookie: medict_browser={}\r\n", response.browser);
        let answer = lane.get(answer.location()?, &cookie)?;
        let session = answer.cookie("medict_session");
        let session = session.ok_or_else(|| answer.unexpected("a session cookie"))?;
        lane.cookies = format!("cookie: medict_session={session}\r\n");
        redeem(lane, ES256, &answer, at)
    }
}
