//! Whole exchanges with the sample provider over loopback.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::*;
use crate::{
    broker::outbound::{AllowPrivate, OutboundSettings},
    crypto::{Failure, Random, sha256_base64url},
    rp::{AuthorizationOptions, authorization_url, read_callback},
    samples::oidc_provider::{OAuthError, SampleClient, SampleOp, SamplePerson},
};

const NOW: UnixTime = UnixTime(1_800_000_000);
const REDIRECT_URI: &str = "https://medict.example/oidc/op/callback";

/// The sample provider on a loopback port, and us.
struct World {
    op: Arc<Mutex<SampleOp>>,
    key_fetches: Arc<AtomicUsize>,
    outbound: Outbound,
    cache: UpstreamCache,
    configuration: OidcConfiguration,
    started: Instant,
}

impl World {
    fn start(deviate: impl FnOnce(SampleOp) -> SampleOp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let client = SampleClient {
            client_id: "medict".into(),
            client_secret: Some("s:cr%t".into()),
            redirect_uri: REDIRECT_URI.into(),
        };
        let op = Arc::new(Mutex::new(deviate(SampleOp::new(&issuer, client).expect("a key"))));
        let key_fetches = Arc::new(AtomicUsize::new(0));
        let (shared, fetches) = (Arc::clone(&op), Arc::clone(&key_fetches));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve_one(&stream, &shared, &fetches);
            }
        });
        let configuration = json!({ "issuer": issuer, "clientId": "medict" });
        let settings = OutboundSettings {
            allow_private: AllowPrivate::Everything,
            ..OutboundSettings::default()
        };
        Self {
            op,
            key_fetches,
            outbound: Outbound::new(&settings).expect("usable"),
            cache: UpstreamCache::default(),
            configuration: serde_json::from_value(configuration).expect("configuration"),
            started: Instant::now(),
        }
    }

    /// Ada signs in `seconds` after the start; the whole way from the authorization URL.
    async fn sign_in(&self, seconds: u64) -> (Result<Statement, ExchangeError>, Trace) {
        let instant = self.started + Duration::from_secs(seconds);
        let exchange = Exchange {
            configuration: &self.configuration,
            client_secret: Some("s:cr%t"),
            redirect_uri: REDIRECT_URI,
            nonce: "nonce-1",
            code_verifier: "verifier",
            authenticated_after: Some(NOW),
            now: NOW,
            instant,
        };
        let mut trace = Trace::default();
        let statement = self.exchange(&exchange, &mut trace).await;
        (statement, trace)
    }

    async fn exchange(
        &self,
        exchange: &Exchange<'_>,
        trace: &mut Trace,
    ) -> Result<Statement, ExchangeError> {
        let issuer = &self.configuration.issuer;
        let metadata = self.cache.metadata(&self.outbound, issuer, exchange.instant).await?;
        let url = authorization_url(
            &metadata,
            exchange.configuration,
            REDIRECT_URI,
            "state-1",
            exchange.nonce,
            &sha256_base64url(exchange.code_verifier),
            &AuthorizationOptions::default(),
        );
        let callback = self.browser(&url);
        let callback = read_callback(callback.split_once('?').expect("a query").1)?;
        assert_eq!(callback.state.as_deref(), Some("state-1"));
        let upstreams = Upstreams { outbound: &self.outbound, cache: &self.cache };
        upstreams.redeem(exchange, callback, trace).await
    }

    /// Goes where it is sent, signs in as Ada, and comes back.
    fn browser(&self, url: &str) -> String {
        let ada = SamplePerson::new("ada", "Ada", "Lovelace", "ada@hospital.example");
        let mut op = self.op.lock().expect("alive");
        let request = op.authorize(url.split_once('?').expect("a query").1).expect("good");
        let code = op.code_for(&request, &ada, Random, NOW);
        op.callback_url(&request, &code)
    }

    fn change(&self, change: impl FnOnce(&mut SampleOp) -> Result<(), Failure>) {
        change(&mut self.op.lock().expect("alive")).expect("changed");
    }
}

/// One request to the sample provider.
fn serve_one(stream: &TcpStream, op: &Mutex<SampleOp>, key_fetches: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    };
    let first = line();
    let (mut authorization, mut length) = (None, 0);
    while let Some((name, value)) = line().split_once(": ") {
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().expect("a number"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let form = String::from_utf8(body).expect("text");
    let mut op = op.lock().expect("alive");
    let answer = match first.split(' ').nth(1).unwrap_or_default() {
        "/.well-known/openid-configuration" => Ok(op.discovery()),
        "/jwks" => {
            key_fetches.fetch_add(1, Ordering::SeqCst);
            Ok(op.jwks().expect("keys"))
        }
        "/token" => op.token(&form, authorization.as_deref(), Random, NOW),
        "/userinfo" => op.userinfo(authorization.as_deref()),
        _ => Err(OAuthError("not_found")),
    };
    drop(op);
    respond(stream, answer);
}

fn respond(mut stream: &TcpStream, answer: Result<Value, OAuthError>) {
    let (status, body) = match answer {
        Ok(body) => ("200 OK", body.to_string()),
        Err(OAuthError(error)) => ("400 Bad Request", json!({ "error": error }).to_string()),
    };
    let length = body.len();
    let head = "Content-Type: application/json\r\nConnection: close";
    write!(stream, "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
        .expect("written");
}

#[tokio::test]
async fn ada_signs_in() {
    let world = World::start(|op| op);
    let (statement, trace) = world.sign_in(0).await;
    let statement = statement.expect("signed in");
    assert_eq!(statement.subject.as_deref(), Some("ada"));
    assert_eq!(statement.attributes["email"], "ada@hospital.example");
    assert_eq!(statement.auth_time, Some(NOW));
    assert_eq!(trace.failure(), None);
    assert!(trace.steps.iter().any(|step| step.check == "callback issuer"));
    assert!(trace.steps.iter().any(|step| step.check == "UserInfo subject"));
}

#[tokio::test]
async fn every_deviation_is_refused_by_its_name() {
    type Verb = fn(SampleOp) -> SampleOp;
    let other = |alg: &str| Rejection::OtherAlgorithm(alg.into());
    let evil = || "https://evil.example".to_owned();
    let rows: [(Verb, Rejection); 13] = [
        (SampleOp::wrong_nonce, Rejection::OtherNonce),
        (SampleOp::other_issuer, Rejection::OtherIssuer(evil())),
        (SampleOp::other_audience, Rejection::OtherAudience),
        (SampleOp::other_authorized_party, Rejection::OtherParty),
        (SampleOp::expired, Rejection::Expired),
        (SampleOp::other_access_token_hash, Rejection::OtherAccessToken),
        (SampleOp::other_userinfo_subject, Rejection::OtherUserInfo),
        (SampleOp::alg_none, other("none")),
        (SampleOp::hmac_with_public_key, other("HS256")),
        (SampleOp::forged_signature, Rejection::BadSignature),
        (SampleOp::unknown_kid, Rejection::UnknownKey),
        (|op| op.without("sub"), Rejection::NoSubject),
        (|op| op.without("iat"), Rejection::NoIssuedAt),
    ];
    for (deviate, expected) in rows {
        let (verdict, trace) = World::start(deviate).sign_in(0).await;
        let error = verdict.expect_err(&expected.to_string());
        let ExchangeError::Rejected(rejection) = error else { panic!("{expected}: {error}") };
        assert_eq!(rejection, expected);
        assert!(trace.failure().is_some_and(|step| step.mend.is_some()), "{expected}");
    }
}

#[tokio::test]
async fn a_key_without_a_name_is_fine() {
    assert!(World::start(SampleOp::nameless_key).sign_in(0).await.0.is_ok());
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let (verdict, _) = World::start(SampleOp::other_discovered_issuer).sign_in(0).await;
    let rejected = matches!(
        verdict,
        Err(ExchangeError::Upstream(UpstreamError::Rejected(Rejection::ForeignMetadata { .. })))
    );
    assert!(rejected);
}

#[tokio::test]
async fn a_key_rotated_just_before_signing_costs_no_login() {
    let world = World::start(|op| op);
    assert!(world.sign_in(0).await.0.is_ok());
    world.change(SampleOp::rotate_key);
    let (statement, trace) = world.sign_in(1).await;
    assert!(statement.is_ok(), "{trace:?}");
    assert_eq!(trace.failure(), None);
    assert_eq!(world.key_fetches.load(Ordering::SeqCst), 2);

    world.change(SampleOp::rotate_key);
    let (verdict, _) = world.sign_in(2).await;
    let refused = matches!(verdict, Err(ExchangeError::Rejected(Rejection::UnknownKey)));
    assert!(refused, "one fetch a minute");
    assert_eq!(world.key_fetches.load(Ordering::SeqCst), 2);
    assert!(world.sign_in(61).await.0.is_ok());
}

#[tokio::test]
async fn a_wrong_secret_is_told_in_the_trace() {
    let world = World::start(|op| op);
    let exchange = Exchange {
        configuration: &world.configuration,
        client_secret: Some("wrong"),
        redirect_uri: REDIRECT_URI,
        nonce: "n",
        code_verifier: "v",
        authenticated_after: None,
        now: NOW,
        instant: world.started,
    };
    let mut trace = Trace::default();
    let error = world.exchange(&exchange, &mut trace).await.expect_err("refused");
    let refused = Rejection::TokenRefused("invalid_client".into());
    assert!(matches!(error, ExchangeError::Rejected(rejection) if rejection == refused));
    assert!(trace.failure().and_then(|step| step.mend.as_ref()).is_some());
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_in_the_trace() {
    let mut world = World::start(|op| op);
    world.configuration.issuer = "http://127.0.0.1:1".into();
    let exchange = Exchange {
        configuration: &world.configuration,
        client_secret: None,
        redirect_uri: REDIRECT_URI,
        nonce: "n",
        code_verifier: "v",
        authenticated_after: None,
        now: NOW,
        instant: world.started,
    };
    let upstreams = Upstreams { outbound: &world.outbound, cache: &world.cache };
    let mut trace = Trace::default();
    let callback = read_callback("code=c&state=s").expect("each once");
    let error = upstreams.redeem(&exchange, callback, &mut trace).await.expect_err("away");
    assert!(matches!(error, ExchangeError::Upstream(UpstreamError::Outbound(_))), "{error}");
    assert!(trace.failure().is_some());
}

#[tokio::test]
async fn logins_of_one_provider_share_a_fetch() {
    let world = World::start(|op| op);
    let issuer = &world.configuration.issuer;
    let metadata = world.cache.metadata(&world.outbound, issuer, world.started).await;
    let metadata = metadata.expect("published");
    let keys = || world.cache.keys(&world.outbound, &metadata, world.started);
    let (first, second, third) = tokio::join!(keys(), keys(), keys());
    assert!(first.is_ok() && first == second && second == third);
    assert_eq!(world.key_fetches.load(Ordering::SeqCst), 1);
}
