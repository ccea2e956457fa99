//! Reads over kept connections: by `wrk`, or by our own client when it is not there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::client::{Client, get_request};
use crate::machine::{Core, Pinning, answers, output};
use crate::pairs::median;

/// How many connections are kept unless that is what is looked at.
pub(crate) const CONNECTIONS: u32 = 64;

/// What makes the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    Wrk,
    Own,
}

/// A page, and as whom it is read; without a token when that is empty.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) path: String,
    pub(crate) token: String,
}

/// What is read; several take turns.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) address: SocketAddr,
    pub(crate) connections: u32,
    pub(crate) reads: Vec<Read>,
    /// Where files can be written.
    pub(crate) directory: PathBuf,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Generator {
    pub(crate) fn find() -> Self {
        if answers("wrk", &["-v"]) { Self::Wrk } else { Self::Own }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Own => "our own client (wrk is not installed)",
        }
    }

    /// Reads as fast as it goes.
    pub(crate) fn measure(
        self,
        reading: &Reading,
        pinning: Pinning,
        slice: Duration,
    ) -> anyhow::Result<Speed> {
        match self {
            Self::Wrk => wrk(reading, pinning, slice),
            Self::Own => own(reading, slice),
        }
    }
}

fn wrk(reading: &Reading, pinning: Pinning, slice: Duration) -> anyhow::Result<Speed> {
    let script = reading.directory.join("reading.lua");
    std::fs::write(&script, lua(reading)?)?;
    let mut command = pinning.command(Path::new("wrk"), Core::Load);
    command.arg(format!("-c{}", reading.connections)).args(["-t1", "--latency", "-s"]).arg(&script);
    command.arg(format!("-d{}s", slice.as_secs_f64().ceil()));
    let path = reading.reads.first().map_or("/", |read| &read.path);
    command.arg(format!("http://{}{path}", reading.address));
    let said = output(&mut command)?;
    ensure!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "wrk was refused: {said}");
    let value = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(str::trim).with_context(|| format!("wrk does not say {name}: {said}"))
    };
    Ok(Speed {
        per_second: value("Requests/sec:")?.parse()?,
        p50_ms: milliseconds(value("50%")?)?,
        p99_ms: milliseconds(value("99%")?)?,
    })
}

/// The tokens are in a file and not among the arguments, where `ps` shows them.
fn lua(reading: &Reading) -> anyhow::Result<String> {
    match reading.reads.as_slice() {
        [] => Ok(String::new()),
        [read] if read.token.is_empty() => Ok(String::new()),
        [read] => Ok(format!("wrk.headers[\"Authorization\"] = \"Bearer {}\"\n", read.token)),
        several => {
            let list = reading.directory.join("reads.txt");
            let lines: Vec<_> = several.iter().map(|read| format!("{} {}", read.token, read.path)).collect();
            std::fs::write(&list, lines.join("\n"))?;
            Ok(format!(
                "local requests, turn = {{}}, 0\n\
                 init = function()\n  \
                   for line in io.lines(\"{}\") do\n    \
                     local token, path = line:match(\"(%S+) (%S+)\")\n    \
                     requests[#requests + 1] = wrk.format(nil, path, {{ Authorization = \"Bearer \" .. token }})\n  \
                   end\n\
                 end\n\
                 request = function()\n  \
                   turn = turn % #requests + 1\n  \
                   return requests[turn]\n\
                 end\n",
                list.display()
            ))
        }
    }
}

/// What wrk writes as `812.00us`, `1.09ms` or `1.20s`.
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let found = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.with_context(|| format!("{text} is no span of time"))?;
    Ok(number.parse::<f64>()? * factor)
}

fn own(reading: &Reading, slice: Duration) -> anyhow::Result<Speed> {
    let requests: Vec<_> = reading.reads.iter().map(|read| get_request(&read.path, &read.token)).collect();
    let times = Mutex::new(Vec::new());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let (requests, times) = (&requests, &times);
        let reading: Vec<_> = (0..reading.connections as usize)
            .map(|first| scope.spawn(move || one_connection(reading, requests, first, begun, slice, times)))
            .collect();
        reading
            .into_iter()
            .try_for_each(|reading| reading.join().map_err(|_| anyhow::anyhow!("a reader failed"))?)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut times: Vec<f64> = times.into_inner().map_err(|_| anyhow::anyhow!("a reader failed"))?;
    times.sort_by(f64::total_cmp);
    let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or(f64::NAN);
    let count = f64::from(u32::try_from(times.len())?);
    Ok(Speed { per_second: count / seconds, p50_ms: median(times.into_iter()), p99_ms: p99 })
}

fn one_connection(
    reading: &Reading,
    requests: &[Vec<u8>],
    first: usize,
    begun: Instant,
    slice: Duration,
    times: &Mutex<Vec<f64>>,
) -> anyhow::Result<()> {
    let mut client = Client::connect(reading.address)?;
    let mut own = Vec::new();
    for request in requests.iter().cycle().skip(first * 31 % requests.len()) {
        let sent = Instant::now();
        if sent.duration_since(begun) >= slice {
            break;
        }
        let status = client.send(request)?.status;
        ensure!(status == 200, "a page was answered {status}");
        own.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    times.lock().map_err(|_| anyhow::anyhow!("a reader failed"))?.append(&mut own);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_wrk_are_read() {
        for (text, expected) in [("812.00us", 0.812), ("1.09ms", 1.09), ("1.20s", 1200.0)] {
            assert!((milliseconds(text).unwrap() - expected).abs() < 1e-9, "{text}");
        }
        assert!(milliseconds("1.2").is_err());
    }
}
