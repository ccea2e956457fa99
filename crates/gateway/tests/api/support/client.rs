//! HTTP/1.1 by hand: a client that mends nothing of what it sends.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) address: SocketAddr,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case; a header that comes twice is joined by commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer` and the value.
    pub(crate) fn token(self, value: &str) -> Self {
        self.header("authorization", &format!("Bearer {value}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    pub(crate) fn bytes(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", content_type)
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            write!(head, "host: {}\r\n", self.address).unwrap();
        }
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            write!(head, "content-length: {}\r\n", self.body.len()).unwrap();
        }
        head.push_str("\r\n");
        // At once: a server that refuses a body may close before it has taken it in, and what comes after that resets the
        // connection, with the answer on it.
        let _ = stream.write_all(&[head.as_bytes(), &self.body].concat()).await;
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        Answer::parse(&received, self.method == "HEAD")
    }
}

impl Answer {
    fn parse(received: &[u8], is_head: bool) -> Self {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(received)));
        let head = std::str::from_utf8(&received[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let value = value.trim().to_owned();
            headers
                .entry(name.to_ascii_lowercase())
                .and_modify(|all: &mut String| *all = format!("{all}, {value}"))
                .or_insert(value);
        }
        let mut body = received[end + 4..].to_vec();
        if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") && !is_head {
            body = dechunked(&body);
        }
        Self { status, headers, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|err| panic!("not JSON ({err}): {} {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Holds the answer to be success, and yields its `data`.
    #[track_caller]
    pub(crate) fn data(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self.json()["data"].clone()
    }

    /// Holds the answer to be that problem, in the form that every problem has.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, slug: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert!(!self.header("x-request-id").is_empty());
        self
    }

    /// Holds the answer to be 422 and to name that field; yields what is said of it.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, field: &str) -> String {
        self.assert_problem(422, "invalid");
        let problem = self.json();
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
        let fault = errors.iter().find(|fault| fault["field"] == field);
        let fault = fault.unwrap_or_else(|| panic!("{field} is not named: {problem}"));
        fault["message"].as_str().unwrap().to_owned()
    }

    /// What must be the same when nothing may be learnt from the difference: all but the request's id and the
    /// time.
    pub(crate) fn without_request_id(&self) -> Self {
        let mut same = self.clone();
        same.headers.remove("x-request-id");
        same.headers.remove("date");
        same
    }
}

fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}
