//! The other side of the wire: a SAML identity provider, an OpenID Provider and an application's callback,
//! served on one loopback port.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use medict::{
    broker::Clock,
    crypto::Random,
    samples::{
        oidc_provider::{SampleClient, SampleOp, SamplePerson},
        saml_idp::{LogoutHeard, ResponseBuilder, SampleIdp},
    },
};
use serde_json::{Value, json};

use super::free_port;

pub const CLIENT_SECRET: &str = "MARKER-upstream-client-secret";

/// Who sits at both providers; with an empty subject nobody, and a passive request is refused.
#[derive(Clone)]
pub struct Person {
    pub subject: String,
    pub groups: Vec<String>,
}

impl Person {
    pub fn new(subject: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(ToString::to_string).collect();
        Self { subject: subject.to_owned(), groups }
    }
}

/// Status codes, and whether the answer comes by POST.
#[derive(Clone)]
pub struct LogoutAnswer {
    pub statuses: &'static [&'static str],
    pub by_post: bool,
}

type Deviation = Box<dyn Fn(ResponseBuilder) -> ResponseBuilder + Send>;

/// Everything that the broker and a browser meet outside the broker.
#[derive(Clone)]
pub struct Neighbours {
    pub base: String,
    pub person: Arc<Mutex<Person>>,
    pub deviation: Arc<Mutex<Deviation>>,
    pub clock: Clock,
    pub idp: Arc<Mutex<Arc<SampleIdp>>>,
    /// What `/saml/metadata` answers; nothing: 503.
    pub metadata: Arc<Mutex<Option<String>>>,
    /// How often it was asked for.
    pub fetches: Arc<AtomicUsize>,
    pub op: Arc<Mutex<SampleOp>>,
    /// The last SAML response that went out, with its `RelayState`.
    pub last_response: Arc<Mutex<Option<(String, String)>>>,
    /// The last logout message that came.
    pub last_logout: Arc<Mutex<Option<LogoutHeard>>>,
    /// How a logout is answered; never, unless set.
    pub logout_answer: Arc<Mutex<Option<LogoutAnswer>>>,
    /// What `/keys` answers, an application's public keys; nothing: 503.
    pub keys: Arc<Mutex<Option<Value>>>,
    pub keys_asked: Arc<AtomicU32>,
    /// The logout tokens that came to `/told`.
    pub logout_tokens: Arc<Mutex<Vec<String>>>,
    /// With which status `/told` answers.
    pub listening: Arc<Mutex<u16>>,
    /// Show the response page without leading on: the person is an attacker who keeps it.
    pub hold: Arc<Mutex<bool>>,
}

impl Neighbours {
    /// `redirect_uri` is where the broker wants the OpenID Provider's answers.
    pub fn start(redirect_uri: &str) -> Self {
        Self::by(redirect_uri, Clock::default())
    }

    /// The same, living by another's clock.
    pub fn by(redirect_uri: &str, clock: Clock) -> Self {
        let base = format!("http://127.0.0.1:{}", free_port());
        let now = clock.now();
        let (entity_id, sso) = (format!("{base}/saml"), format!("{base}/saml/sso"));
        let idp = SampleIdp::new(&entity_id, &sso, now).expect("keys");
        let client = SampleClient {
            client_id: "medict".to_owned(),
            client_secret: Some(CLIENT_SECRET.to_owned()),
            redirect_uri: redirect_uri.to_owned(),
        };
        let op = SampleOp::new(&format!("{base}/op"), client).expect("keys");
        let neighbours = Self {
            person: Arc::new(Mutex::new(Person::new("ada", &["GG-Physicians"]))),
            deviation: Arc::new(Mutex::new(Box::new(|builder| builder))),
            clock,
            metadata: Arc::new(Mutex::new(Some(idp.metadata()))),
            idp: Arc::new(Mutex::new(Arc::new(idp))),
            fetches: Arc::default(),
            op: Arc::new(Mutex::new(op)),
            last_response: Arc::new(Mutex::new(None)),
            last_logout: Arc::new(Mutex::new(None)),
            logout_answer: Arc::new(Mutex::new(None)),
            keys: Arc::new(Mutex::new(None)),
            keys_asked: Arc::default(),
            logout_tokens: Arc::default(),
            listening: Arc::new(Mutex::new(200)),
            hold: Arc::new(Mutex::new(false)),
            base,
        };
        neighbours.clone().serve();
        neighbours
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn saml_entity_id(&self) -> String {
        self.at("/saml")
    }

    pub fn sso_url(&self) -> String {
        self.at("/saml/sso")
    }

    pub fn slo_url(&self) -> String {
        self.at("/saml/slo")
    }

    pub fn issuer(&self) -> String {
        self.at("/op")
    }

    pub fn callback(&self) -> String {
        self.at("/callback")
    }

    /// Who answers at `/saml/sso` now.
    pub fn idp(&self) -> Arc<SampleIdp> {
        Arc::clone(&self.idp.lock().expect("lock"))
    }

    /// What the metadata address answers from now on; nothing: it is down.
    pub fn publishes(&self, metadata: Option<String>) {
        *self.metadata.lock().expect("lock") = metadata;
    }

    /// What an application publishes at `/keys` from now on.
    pub fn publishes_keys(&self, jwks: Value) {
        *self.keys.lock().expect("lock") = Some(jwks);
    }

    /// How often somebody looked there.
    pub fn keys_asked(&self) -> u32 {
        self.keys_asked.load(Ordering::Relaxed)
    }

    /// The application answers logout tokens so from now on.
    pub fn listens(&self, status: u16) {
        *self.listening.lock().expect("lock") = status;
    }

    /// How often the metadata address was asked so far.
    pub fn metadata_fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub fn metadata_url(&self) -> String {
        self.at("/saml/metadata")
    }

    pub fn certificate(&self) -> String {
        self.idp().certificate()
    }

    /// A broker's configuration that fits these neighbours: two providers, two applications, two roles.
    pub fn resources(&self) -> Vec<Value> {
        let rules = json!([
            { "when": "'GG-Physicians' in identity.groups", "role": { "reference": "Role/physician" },
              "organization": { "reference": "Organization/general" } },
            { "when": "'GG-Nurses' in identity.groups", "role": { "reference": "Role/nurse" },
              "organization": { "reference": "Organization/general" } },
        ]);
        let general = json!({ "reference": "Organization/general" });
        vec![
            json!({ "resourceType": "Organization", "id": "general", "name": "General Hospital",
                "domains": ["hospital.example"] }),
            json!({ "resourceType": "Role", "id": "physician", "name": "Physician",
                "permissions": [{ "resource": "Patient", "actions": ["read", "write"] }] }),
            json!({ "resourceType": "Role", "id": "nurse", "name": "Nurse",
                "permissions": [{ "resource": "Patient", "actions": ["read"] }] }),
            json!({ "resourceType": "IdentityProvider", "id": "corporate", "type": "saml",
                "name": "Corporate SAML", "organization": general,
                "configuration": { "entityId": self.saml_entity_id(),
                    "ssoUrl": self.sso_url(), "x509Certificate": self.certificate() },
                "mapping": { "rules": rules, "deny": ["'Blocked' in identity.groups"] } }),
            json!({ "resourceType": "IdentityProvider", "id": "openid", "type": "oidc",
                "name": "OpenID", "organization": general,
                "configuration": { "issuer": self.issuer(), "clientId": "medict",
                    "clientSecret": CLIENT_SECRET, "anyone": true },
                "mapping": { "rules": rules } }),
            json!({ "resourceType": "ClientApplication", "id": "shop", "name": "Shop",
                "redirectUris": [self.callback()],
                "postLogoutRedirectUris": [self.at("/bye")],
                "scopes": ["openid", "profile", "email", "roles"], "organization": general }),
            json!({ "resourceType": "ClientApplication", "id": "clinic", "name": "Clinic",
                "clientType": "confidential", "secret": "clinic-secret-of-32-characters-0",
                "redirectUris": [self.callback()], "organization": general,
                "grantTypes": ["authorization_code", "client_credentials"],
                "scopes": ["openid", "profile", "email", "reports"] }),
        ]
    }

    fn serve(self) {
        let address = self.base.trim_start_matches("http://").to_owned();
        let data = web::Data::new(self);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/saml/sso", web::get().to(sso))
                .route("/saml/metadata", web::get().to(metadata))
                .route("/saml/slo", web::get().to(slo_by_redirect))
                .route("/saml/slo", web::post().to(slo_by_post))
                .route("/keys", web::get().to(keys))
                .route("/told", web::post().to(told))
                .route("/forged", web::get().to(forged))
                .route("/posting", web::get().to(posting_page))
                .route("/onward", web::to(lead_on))
                .route("/op/.well-known/openid-configuration", web::get().to(discovery))
                .route("/op/jwks", web::get().to(jwks))
                .route("/op/authorize", web::get().to(authorize))
                .route("/op/token", web::post().to(token))
                .route("/op/userinfo", web::get().to(userinfo))
                .default_service(web::to(async || HttpResponse::Ok().body("the application")))
        });
        let server = server.workers(1).disable_signals().bind(address).expect("a port").run();
        tokio::spawn(server);
    }

    /// A page of an application that sends the query of `url` by POST.
    pub fn posting_page(&self, url: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("url", url);
        self.at(&format!("/posting?{}", query.finish()))
    }

    fn claims(&self) -> SamplePerson {
        let person = self.person.lock().expect("lock").clone();
        let email = format!("{}@hospital.example", person.subject);
        SamplePerson::new(&person.subject, "Ada", "Lovelace", &email)
            .with("groups", json!(person.groups))
    }
}

async fn sso(request: HttpRequest, it: web::Data<Neighbours>) -> HttpResponse {
    let asked = it.idp().read_redirect(request.query_string()).expect("an AuthnRequest");
    let person = it.person.lock().expect("lock").clone();
    let groups: Vec<&str> = person.groups.iter().map(String::as_str).collect();
    let email = format!("{}@hospital.example", person.subject);
    let builder =
        it.idp().respond_to(&asked.id, &asked.acs_url, &asked.issuer, it.clock.now()).person(
            &person.subject,
            &[
                ("givenName", &["Ada"]),
                ("sn", &["Lovelace"]),
                ("mail", &[&email]),
                ("uid", &[&person.subject]),
                ("groups", &groups),
            ],
        );
    let response = if asked.is_passive && person.subject.is_empty() {
        builder.status(&["Responder", "NoPassive"]).build_without_assertion()
    } else {
        (it.deviation.lock().expect("lock"))(builder).build()
    };
    let relay_state = asked.relay_state.unwrap_or_default();
    *it.last_response.lock().expect("lock") = Some((response.clone(), relay_state.clone()));
    if *it.hold.lock().expect("lock") {
        return HttpResponse::Ok().body("kept");
    }
    posting(&asked.acs_url, &response, &relay_state)
}

async fn metadata(request: HttpRequest, it: web::Data<Neighbours>) -> HttpResponse {
    it.fetches.fetch_add(1, Ordering::SeqCst);
    let Some(metadata) = it.metadata.lock().expect("lock").clone() else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    let etag = format!("\"{}\"", medict::crypto::sha256_base64url(&metadata));
    let known = request.headers().get("if-none-match").and_then(|value| value.to_str().ok());
    if known == Some(&etag) {
        return HttpResponse::NotModified().finish();
    }
    HttpResponse::Ok().insert_header(("etag", etag)).body(metadata)
}

async fn keys(it: web::Data<Neighbours>) -> HttpResponse {
    it.keys_asked.fetch_add(1, Ordering::Relaxed);
    match &*it.keys.lock().expect("lock") {
        Some(jwks) => HttpResponse::Ok().json(jwks),
        None => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn slo_by_redirect(request: HttpRequest, it: web::Data<Neighbours>) -> HttpResponse {
    slo(it.idp().read_logout_redirect(request.query_string()).expect("a message"), &it)
}

async fn slo_by_post(form: String, it: web::Data<Neighbours>) -> HttpResponse {
    slo(it.idp().read_logout_form(&form).expect("a message"), &it)
}

/// Answers a request; an answer has arrived.
fn slo(heard: LogoutHeard, it: &Neighbours) -> HttpResponse {
    *it.last_logout.lock().expect("lock") = Some(heard.clone());
    let answer = it.logout_answer.lock().expect("lock").clone();
    let Some(answer) = answer.filter(|_| heard.root == "LogoutRequest") else {
        return HttpResponse::Ok().body("the provider");
    };
    let slo_url = heard.issuer.replace("/metadata", "/slo");
    let now = it.clock.now();
    let response = it.idp().logged_out(&heard.id, answer.statuses, &slo_url, now);
    if answer.by_post {
        return posting(&slo_url, &response.by_post(), "");
    }
    let url = format!("{slo_url}?{}", response.by_redirect(None));
    HttpResponse::Found().insert_header(("location", url)).finish()
}

/// A page of the attacker's that posts a response which he kept.
async fn forged(request: HttpRequest) -> HttpResponse {
    let pairs: std::collections::HashMap<_, _> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    posting(&pairs["action"], &pairs["response"], &pairs["state"])
}

/// A callback that leads on to another origin.
async fn lead_on(it: web::Data<Neighbours>) -> HttpResponse {
    let onward = it.base.replace("127.0.0.1", "localhost");
    HttpResponse::Found().insert_header(("location", onward)).finish()
}

async fn posting_page(request: HttpRequest) -> HttpResponse {
    let mut pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let url = url::Url::parse(&pairs.next().expect("a target").1).expect("a URL");
    let field =
        |(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
    let fields: String = url.query_pairs().map(field).collect();
    HttpResponse::Ok().content_type("text/html").body(format!(
        "<form method=\"post\" action=\"{}{}\">{fields}<button>Go</button></form>",
        url.origin().ascii_serialization(),
        url.path()
    ))
}

fn posting(action: &str, response: &str, relay_state: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body(format!(
        "<form method=\"post\" action=\"{action}\">\
         <input type=\"hidden\" name=\"SAMLResponse\" value=\"{response}\">\
         <input type=\"hidden\" name=\"RelayState\" value=\"{relay_state}\"><button>Go</button></form>"
    ))
}

/// The application's back channel.
async fn told(form: web::Form<Vec<(String, String)>>, it: web::Data<Neighbours>) -> HttpResponse {
    let [(name, token)] = form.0.as_slice() else { return HttpResponse::BadRequest().finish() };
    assert_eq!(name, "logout_token");
    it.logout_tokens.lock().expect("lock").push(token.clone());
    let status = *it.listening.lock().expect("lock");
    HttpResponse::build(status.try_into().expect("a status")).finish()
}

async fn discovery(it: web::Data<Neighbours>) -> HttpResponse {
    HttpResponse::Ok().json(it.op.lock().expect("lock").discovery())
}

async fn jwks(it: web::Data<Neighbours>) -> HttpResponse {
    HttpResponse::Ok().json(it.op.lock().expect("lock").jwks().expect("keys"))
}

async fn authorize(request: HttpRequest, it: web::Data<Neighbours>) -> HttpResponse {
    let query = request.query_string();
    let mut op = it.op.lock().expect("lock");
    let asked = op.authorize(query).expect("a request");
    let now = Clock::default().now();
    let code = op.code_for(&asked, &it.claims(), Random, now);
    let url = op.callback_url(&asked, &code);
    HttpResponse::Found().insert_header(("location", url)).finish()
}

async fn token(request: HttpRequest, body: String, it: web::Data<Neighbours>) -> HttpResponse {
    let authorization = request.headers().get("authorization").map(|v| v.to_str().expect("text"));
    let mut op = it.op.lock().expect("lock");
    match op.token(&body, authorization, Random, Clock::default().now()) {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(error) => HttpResponse::BadRequest().json(json!({ "error": error.0 })),
    }
}

async fn userinfo(request: HttpRequest, it: web::Data<Neighbours>) -> HttpResponse {
    let authorization = request.headers().get("authorization").map(|v| v.to_str().expect("text"));
    let op = it.op.lock().expect("lock");
    match op.userinfo(authorization) {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(error) => HttpResponse::Unauthorized().json(json!({ "error": error.0 })),
    }
}
