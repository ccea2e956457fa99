//! The least that an HTTP server in Rust can be: hyper, tokio, and one answer, the same for every request.

use std::convert::Infallible;
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What it says once it has its port, as the gateway does.
pub(crate) const LISTENING: &str = "Listening at ";

/// An answer as it is kept in a file: header lines, an empty line, the body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// The answer with these headers, without those that hyper writes by itself.
    pub(crate) fn new(headers: &[(String, String)], body: Bytes) -> anyhow::Result<Self> {
        let own = ["content-length", "connection", "date", "transfer-encoding"];
        let mut kept = HeaderMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
            kept.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        Ok(Self { headers: kept, body })
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = Vec::new();
        for (name, value) in &self.headers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(&self.body);
        Ok(std::fs::write(path, text)?)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)?;
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").context("no end of the headers")?;
        let (headers, body) = bytes.split_at(end);
        let lines = std::str::from_utf8(headers)?.lines();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::new(&pairs, Bytes::copy_from_slice(body.get(2..).unwrap_or_default()))
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// Answers every request so, until it is killed.
pub(crate) fn serve(answer: &Path) -> anyhow::Result<()> {
    let answer = Answer::read(answer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        eprintln!("{LISTENING}{},", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |_| {
                    let response = answer.response();
                    async move { Ok::<_, Infallible>(response) }
                });
                // A connection that ends early is the other side's own affair.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
