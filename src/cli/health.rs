//! `medict healthcheck`: asks the broker of these settings, on this machine, whether it is ready.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use super::{Failure, settings::Settings};

const PATIENCE: Duration = Duration::from_secs(3);
const QUESTION: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

pub fn check(settings: &Settings) -> Result<ExitCode, Failure> {
    let address = address(settings)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .map_err(|error| format!("nothing answers at {address}: {error}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let answer = if settings.tls_files().is_some() {
        // The name on the certificate is the public one; here only readiness is asked.
        let mut connector = SslConnector::builder(SslMethod::tls_client())?;
        connector.set_verify(SslVerifyMode::NONE);
        ask(connector.build().connect("localhost", stream)?)?
    } else {
        ask(stream)?
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200") {
        println!("ready");
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("not ready: {}", body.trim()).into())
}

/// Where it listens; every address means this machine.
fn address(settings: &Settings) -> Result<SocketAddr, Failure> {
    let address: SocketAddr = settings
        .listen
        .parse()
        .map_err(|_| format!("listen: `{}` is not an address and a port", settings.listen))?;
    let ip =
        if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    Ok(SocketAddr::new(ip, address.port()))
}

fn ask(mut stream: impl Read + Write) -> Result<String, Failure> {
    stream.write_all(QUESTION)?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
