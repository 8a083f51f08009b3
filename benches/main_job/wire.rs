//! As much of HTTP/1.1 as a load driver needs: one connection kept alive, bodies of a told length.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::Failure;

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, and the bytes that came in. It is asked again and again whether there are any: whoever sleeps
/// has to be woken, and that would be on the server's account.
pub struct Connection {
    stream: TcpStream,
    port: u16,
    input: Vec<u8>,
}

/// An answer, whole.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Connection {
    pub fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, port, input: Vec::with_capacity(16 * 1024) })
    }

    /// `headers` are whole lines, each with its end.
    pub fn get(&mut self, path: &str, headers: &str) -> Result<Answer, Failure> {
        let port = self.port;
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{headers}\r\n"))
    }

    pub fn post(&mut self, path: &str, headers: &str, form: &str) -> Result<Answer, Failure> {
        let (port, length) = (self.port, form.len());
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{headers}content-length: {length}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{form}"
        ))
    }

    fn send(&mut self, request: &str) -> Result<Answer, Failure> {
        self.stream.write_all(request.as_bytes())?;
        self.input.clear();
        let end = loop {
            self.receive()?;
            let end = self.input.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
        };
        let head = String::from_utf8(self.input[..end].to_vec())?;
        let mut answer = Answer { status: 0, head, body: String::new() };
        let status = answer.head.split(' ').nth(1).and_then(|text| text.parse().ok());
        answer.status = status.ok_or("an answer without a status")?;
        let length = answer.header("content-length").ok_or("an answer without a length")?;
        let length: usize = length.parse()?;
        while self.input.len() < end + length {
            self.receive()?;
        }
        answer.body = String::from_utf8(self.input[end..].to_vec())?;
        Ok(answer)
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let mut chunk = [0; 16 * 1024];
        let deadline = Instant::now() + PATIENCE;
        let read = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => break read?,
            }
            if Instant::now() > deadline {
                return Err("no answer came".into());
            }
            thread::yield_now();
        };
        if read == 0 {
            return Err("the broker closed the connection".into());
        }
        self.input.extend_from_slice(&chunk[..read]);
        Ok(())
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every cookie that the answer sets, as `name=value`.
    pub fn cookies(&self) -> impl Iterator<Item = &str> {
        self.headers("set-cookie").filter_map(|cookie| cookie.split(';').next())
    }

    /// The value of a cookie that the answer sets.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let pairs = self.headers("set-cookie").filter_map(|cookie| cookie.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
        Some(values.next()?.split(';').next().unwrap_or_default().to_owned())
    }

    /// Where the answer leads, which has to be somewhere.
    pub fn location(&self) -> Result<&str, Failure> {
        match (self.status, self.header("location")) {
            (303, Some(location)) => Ok(location),
            _ => Err(self.unexpected("a redirect")),
        }
    }

    /// The JSON of a 200.
    pub fn json(&self) -> Result<serde_json::Value, Failure> {
        if self.status == 200 {
            Ok(serde_json::from_str(&self.body)?)
        } else {
            Err(self.unexpected("200"))
        }
    }

    pub fn unexpected(&self, wanted: &str) -> Failure {
        format!("wanted {wanted}, got:\n{}{}", self.head, self.body).into()
    }
}

/// A parameter of the query of `url`.
pub fn parameter(url: &str, name: &str) -> Result<String, Failure> {
    let (_, query) = url.split_once('?').ok_or_else(|| format!("no query in {url}"))?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    found.ok_or_else(|| format!("no {name} in {url}").into())
}

/// `application/x-www-form-urlencoded`.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
