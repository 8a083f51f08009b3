//! Guards, tried on a small server of our own.

use std::{
    io::{Read, Write},
    net::TcpListener,
    time::Instant,
};

use super::*;

/// A server on loopback that answers every request by its path; gone with the test process.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || one(stream, &*answer));
        }
    });
    Url::parse(&format!("http://127.0.0.1:{port}/")).expect("url")
}

/// One request; a client that leaves early is no failure of the test.
fn one(mut stream: std::net::TcpStream, answer: &dyn Fn(&str) -> Vec<u8>) {
    let mut request = vec![0; 8_192];
    let length = stream.read(&mut request).unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let _ = stream.write_all(&answer(request.lines().next().unwrap_or_default()));
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn outbound(allow_private: AllowPrivate) -> Outbound {
    let timeout = Duration::from_secs(1);
    let settings = OutboundSettings { allow_private, timeout, ..OutboundSettings::default() };
    Outbound::new(&settings).expect("usable")
}

async fn get(allow: AllowPrivate, url: &str) -> Result<Answer, OutboundError> {
    outbound(allow).get(&Url::parse(url).expect(url), "*/*").await
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let url = serve(|request| {
        assert_eq!(request, "GET /x?y=1 HTTP/1.1");
        http("200 OK\r\nContent-Type: a/b\r\nCache-Control: public, max-age=60", b"body")
    });
    let answer =
        get(AllowPrivate::Everything, url.join("x?y=1").expect("url").as_str()).await.expect("ok");
    let expected = Answer {
        status: 200,
        content_type: Some("a/b".into()),
        body: b"body".to_vec(),
        max_age: Some(60),
        validators: Validators::default(),
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let port = serve(|_| panic!("must not be called")).port().expect("a port");
    let literals = ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]"];
    let more = ["[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "localhost", "a.localhost"];
    for host in literals.iter().chain(&more) {
        for scheme in ["https", "http"] {
            let refused = get(AllowPrivate::Nothing, &format!("{scheme}://{host}:{port}/")).await;
            assert!(matches!(refused, Err(OutboundError::Private { .. })), "{scheme}://{host}");
        }
    }
}

#[tokio::test]
async fn http_is_for_this_machine_and_for_allowed_networks() {
    let some = || AllowPrivate::Networks(vec!["192.0.2.0/24".parse().expect("a network")]);
    let not_https = |host: &str| OutboundError::NotHttps { host: host.into() };
    for (allow, url, expected) in [
        (AllowPrivate::Nothing, "http://op.example/", not_https("op.example")),
        (some(), "http://op.example/", not_https("op.example")),
        (AllowPrivate::Everything, "http://8.8.8.8/", not_https("8.8.8.8")),
        (AllowPrivate::Everything, "ftp://127.0.0.1/", not_https("127.0.0.1")),
        (AllowPrivate::Everything, "file:///etc/passwd", OutboundError::NotAUrl),
        (
            AllowPrivate::Nothing,
            "http://192.0.2.1/",
            OutboundError::Private { host: "192.0.2.1".into(), address: [192, 0, 2, 1].into() },
        ),
        (
            AllowPrivate::Everything,
            "https://ada:secret@op.example/",
            OutboundError::Credentials { host: "op.example".into() },
        ),
    ] {
        assert_eq!(get(allow, url).await, Err(expected), "{url}");
    }
    let url = Url::parse("http://192.0.2.1/").expect("url");
    assert_eq!(outbound(some()).check(&url), Ok(()));
}

#[tokio::test]
async fn a_giant_is_noticed_in_time() {
    let announced = serve(|_| http("200 OK", &vec![b'x'; LARGEST + 1]));
    let fits = serve(|_| http("200 OK", &vec![b'x'; LARGEST]));
    let endless = serve(|_| {
        let chunk = [b"100000\r\n".to_vec(), vec![b'x'; 0x10_0000], b"\r\n".to_vec()].concat();
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), chunk.repeat(4)]
            .concat()
    });
    let too_large = Err(OutboundError::TooLarge { host: "127.0.0.1".into() });
    assert_eq!(get(AllowPrivate::Everything, announced.as_str()).await, too_large);
    assert_eq!(get(AllowPrivate::Everything, endless.as_str()).await, too_large);
    assert_eq!(
        get(AllowPrivate::Everything, fits.as_str()).await.map(|a| a.body.len()),
        Ok(LARGEST)
    );
}

#[tokio::test]
async fn redirects_stay_at_home() {
    let url = serve(|request| match request.split(' ').nth(1).unwrap_or_default() {
        "/once" => http("302 Found\r\nLocation: /here", b""),
        "/here" => http("200 OK", b"here"),
        "/port" => http("302 Found\r\nLocation: http://127.0.0.1:1/", b""),
        "/host" => http("307 X\r\nLocation: http://169.254.169.254/latest/meta-data", b""),
        "/scheme" => http("301 X\r\nLocation: file:///etc/passwd", b""),
        "/nowhere" => http("302 Found", b"no location"),
        _ => http("302 Found\r\nLocation: /loop", b""),
    });
    let host = || "127.0.0.1".to_owned();
    let at = |path: &str| url.join(path).expect("url");
    let answer = get(AllowPrivate::Everything, at("once").as_str()).await.expect("followed");
    assert_eq!((answer.status, answer.body), (200, b"here".to_vec()));
    for (path, expected) in [
        ("port", OutboundError::Redirected { host: host() }),
        ("host", OutboundError::Redirected { host: host() }),
        ("scheme", OutboundError::Redirected { host: host() }),
        ("loop", OutboundError::TooManyRedirects { host: host() }),
    ] {
        assert_eq!(get(AllowPrivate::Everything, at(path).as_str()).await, Err(expected), "{path}");
    }
    let nowhere = get(AllowPrivate::Everything, at("nowhere").as_str()).await.expect("an answer");
    assert_eq!(nowhere.status, 302);
    let post = http::Request::post(at("once").as_str()).body(b"code=c".to_vec()).expect("request");
    let answer = outbound(AllowPrivate::Everything).send(post).await.expect("an answer");
    assert_eq!(answer.status, 302, "a POST is not repeated elsewhere");
}

#[tokio::test]
async fn silence_and_half_an_answer_have_their_names() {
    let host = || "127.0.0.1".to_owned();
    let silent = serve(|_| {
        std::thread::sleep(Duration::from_secs(3));
        Vec::new()
    });
    let began = Instant::now();
    let answer = get(AllowPrivate::Everything, silent.as_str()).await;
    assert_eq!(answer, Err(OutboundError::TimedOut { host: host() }));
    assert!(began.elapsed() < Duration::from_secs(2));

    let half = serve(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec());
    let answer = get(AllowPrivate::Everything, half.as_str()).await;
    assert!(matches!(answer, Err(OutboundError::Interrupted { .. })), "{answer:?}");

    let closed = get(AllowPrivate::Everything, "http://127.0.0.1:1/").await;
    assert!(matches!(closed, Err(OutboundError::Unreachable { .. })), "{closed:?}");
    let nobody = get(AllowPrivate::Everything, "https://nobody.invalid/").await;
    assert!(matches!(nobody, Err(OutboundError::Unresolved { .. })), "{nobody:?}");
}

#[tokio::test]
async fn a_proxy_is_used_but_not_to_reach_private_literals() {
    let url = serve(|request| http("200 OK", request.as_bytes()));
    let proxy = Some(url.as_str().replace("127.0.0.1", "localhost"));
    let allow_private = AllowPrivate::Nothing;
    let settings = OutboundSettings { allow_private, proxy, ..OutboundSettings::default() };
    let outbound = Outbound::new(&settings).expect("usable");
    let get = async |url: &str| outbound.get(&Url::parse(url).expect("url"), "*/*").await;
    assert!(matches!(get("https://10.0.0.1/").await, Err(OutboundError::Private { .. })));
    assert!(matches!(get("https://[::1]/").await, Err(OutboundError::Private { .. })));
    assert!(matches!(get("http://localhost/").await, Err(OutboundError::Private { .. })));
    let tunnel = get("https://op.example/").await;
    assert!(matches!(tunnel, Err(OutboundError::Unreachable { .. })), "no TLS inside: {tunnel:?}");
}

#[test]
fn bad_settings_are_named() {
    let with = |proxy: Option<&str>, ca_file: Option<&str>| OutboundSettings {
        proxy: proxy.map(str::to_owned),
        ca_file: ca_file.map(PathBuf::from),
        ..OutboundSettings::default()
    };
    for (settings, word) in [
        (with(Some("proxy:3128"), None), "outbound.proxy"),
        (with(Some("socks5://proxy:3128"), None), "outbound.proxy"),
        (with(None, Some("/nowhere/ca.pem")), "/nowhere/ca.pem"),
        (with(None, Some("Cargo.toml")), "Cargo.toml"),
    ] {
        let error = Outbound::new(&settings).map(drop).expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn how_long_an_answer_may_be_kept() {
    for (text, expected) in [
        ("max-age=60", Some(60)),
        ("public, Max-Age=\"7\", must-revalidate", Some(7)),
        ("no-store, max-age=60", Some(0)),
        ("No-Cache", Some(0)),
        ("s-maxage=5", None),
        ("max-age=-1", None),
        ("max-age", None),
        ("", None),
    ] {
        assert_eq!(max_age(text), expected, "{text}");
    }
}

/// A certificate for 127.0.0.1 that signed itself.
fn self_signed() -> (openssl::x509::X509, openssl::pkey::PKey<openssl::pkey::Private>) {
    use openssl::{
        asn1::Asn1Time,
        ec::{EcGroup, EcKey},
        hash::MessageDigest,
        nid::Nid,
        pkey::PKey,
        x509::{X509, extension::SubjectAlternativeName},
    };
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
    let mut builder = X509::builder().expect("builder");
    builder.set_version(2).expect("version");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("time")).expect("set");
    builder.set_not_after(&Asn1Time::days_from_now(1).expect("time")).expect("set");
    builder.set_pubkey(&key).expect("set");
    let names =
        SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("names")).expect("set");
    builder.sign(&key, MessageDigest::sha256()).expect("signed");
    (builder.build(), key)
}

/// A TLS server on loopback; answers every request with `ok`.
fn serve_tls() -> (Url, openssl::x509::X509) {
    use openssl::ssl::{SslAcceptor, SslMethod};
    let (certificate, key) = self_signed();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).expect("TLS");
    acceptor.set_certificate(&certificate).expect("set");
    acceptor.set_private_key(&key).expect("set");
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(mut stream) = acceptor.accept(stream) else { continue };
            let _ = stream.read(&mut [0; 8_192]);
            let _ = stream.write_all(&http("200 OK", b"ok"));
            let _ = stream.shutdown();
        }
    });
    (Url::parse(&format!("https://127.0.0.1:{port}/")).expect("url"), certificate)
}

#[tokio::test]
async fn a_hospitals_own_authority_is_trusted_when_it_is_named() {
    let (url, certificate) = serve_tls();
    let stranger = get(AllowPrivate::Everything, url.as_str()).await;
    let Err(OutboundError::Unreachable { reason, .. }) = stranger else { panic!("{stranger:?}") };
    assert!(reason.contains("certificate"), "{reason}");

    let file = std::env::temp_dir().join(format!("medict-ca-{}.pem", std::process::id()));
    std::fs::write(&file, certificate.to_pem().expect("pem")).expect("written");
    let settings = OutboundSettings {
        allow_private: AllowPrivate::Everything,
        ca_file: Some(file.clone()),
        ..OutboundSettings::default()
    };
    let outbound = Outbound::new(&settings);
    std::fs::remove_file(&file).expect("removed");
    let answer = outbound.expect("usable").get(&url, "*/*").await.expect("trusted");
    assert_eq!(answer.body, b"ok");
}

#[tokio::test]
async fn a_connection_that_lay_idle_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || patient(stream, number));
        }
    });
    let (outbound, url) = (outbound(AllowPrivate::Everything), Url::parse(&url).expect("url"));
    let mut connections = Vec::new();
    for idle in [Duration::ZERO, Duration::ZERO, IDLE + Duration::from_millis(500)] {
        tokio::time::sleep(idle).await;
        connections.push(outbound.get(&url, "*/*").await.expect("an answer").body);
    }
    assert_ne!(connections[2], connections[1], "{connections:?}");
}

/// Answers every request of a connection with the connection's number.
fn patient(mut stream: std::net::TcpStream, number: usize) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{number:04}");
    while stream.read(&mut [0; 8_192]).is_ok_and(|length| length > 0) {
        let _ = stream.write_all(answer.as_bytes());
    }
}
