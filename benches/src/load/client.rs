//! A client that costs little: one thread a connection, requests made beforehand, one answer after the other.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::pairs::median;

/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn get(&mut self, path: &str, token: &str) -> anyhow::Result<Answer> {
        self.send(&get_request(path, token))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).context("no status in an answer")?.parse()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.context("an answer without its length")?.1.parse()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    /// The median time of an answer in milliseconds, over so many requests one after the other. Each has to be answered 200.
    pub(crate) fn median_ms(&mut self, request: &[u8], requests: u32) -> anyhow::Result<f64> {
        let mut times = Vec::new();
        for _ in 0..requests {
            let begun = Instant::now();
            let answer = self.send(request)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            let told = String::from_utf8_lossy(&answer.body);
            ensure!(answer.status == 200, "answered {}: {told}", answer.status);
        }
        Ok(median(times.into_iter()))
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the connection ended");
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

/// A GET, as it goes over the wire.
pub(crate) fn get_request(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", authorization(token)).into_bytes()
}

/// A POST of JSON, as it goes over the wire.
pub(crate) fn post_request(path: &str, token: &str, body: &str) -> Vec<u8> {
    post_request_with(path, token, "Content-Type: application/json\r\n", body)
}

/// A POST with these header lines.
pub(crate) fn post_request_with(path: &str, token: &str, headers: &str, body: &str) -> Vec<u8> {
    let (authorization, length) = (authorization(token), body.len());
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A DELETE of a path.
pub(crate) fn delete_request(path: &str, token: &str) -> Vec<u8> {
    format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", authorization(token)).into_bytes()
}

fn authorization(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") }
}

/// Has so many callers send the same request one after the other, and yields the answers a second. Every answer has to have
/// the status that is expected.
pub(crate) fn closed_loop(
    address: SocketAddr,
    callers: u32,
    slice: Duration,
    request: &[u8],
    status: u16,
) -> anyhow::Result<f64> {
    let answers = AtomicU64::new(0);
    let mut clients = (0..callers).map(|_| Client::connect(address)).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let calling: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                let answers = &answers;
                scope.spawn(move || -> anyhow::Result<()> {
                    while begun.elapsed() < slice {
                        let answer = client.send(request)?;
                        let told = String::from_utf8_lossy(&answer.body);
                        ensure!(answer.status == status, "answered {}: {told}", answer.status);
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        calling
            .into_iter()
            .try_for_each(|calling| calling.join().map_err(|_| anyhow::anyhow!("a caller failed"))?)
    })?;
    let answers = u32::try_from(answers.into_inner())?;
    Ok(f64::from(answers) / begun.elapsed().as_secs_f64())
}
