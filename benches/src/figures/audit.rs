//! Pages of a long audit log, beside the same of a short one; and walking the chain.

use std::time::Instant;

use anyhow::ensure;

use crate::figure::{Figure, Goal, Line};
use crate::load::{Client, get_request};
use crate::machine::Core;
use crate::pairs::{Pairs, alternate};
use crate::servers::gateway::{Home, Server};
use crate::site::Site;

/// How often a page is asked for in one measurement.
const REQUESTS: u32 = 40;
const SHORT: u32 = 10_000;
/// How many tokens, and how many environments, the events are of.
pub(crate) const TOKENS: u32 = 100;
pub(crate) const ENVIRONMENTS: u32 = 100;

/// A gateway whose log is asked for.
struct Log {
    // Killed when it is dropped.
    _server: Server,
    client: Client,
    token: String,
}

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let (long, short) = (site.home("long-log")?, site.home("short-log")?);
    let events = site.plan.tokens;
    long.fill_log(0..events)?;
    short.fill_log(0..SHORT)?;
    let (mut long, mut short) = (Log::of(&long)?, Log::of(&short)?);
    let mut lines = Vec::new();
    for (name, path) in [
        ("the newest 100", "/api/v1/audit?limit=100".to_owned()),
        ("100 of one token", format!("/api/v1/audit?limit=100&token={}", crate::values::log_token(7)?)),
        (
            "100 of one environment",
            format!("/api/v1/audit?limit=100&environment={}", crate::values::log_environment(7)?),
        ),
        (
            "100 before an instant",
            format!(
                "/api/v1/audit?limit=100&until={}",
                crate::values::MADE_AT.plus(std::time::Duration::from_millis(u64::from(SHORT / 2)))
            ),
        ),
    ] {
        let pairs = alternate(
            site.plan.pairs,
            &mut (&mut long, &mut short),
            |both| both.0.time(&path),
            |both| both.1.time(&path),
        )?;
        lines.push(Line::compared(name, "ms", &Pairs::of(pairs), Goal::RatioAtMost(1.5)));
    }
    let begun = Instant::now();
    long.get("/api/v1/audit/verification")?;
    let took = begun.elapsed().as_secs_f64();
    lines.push(Line::alone(format!("walking the chain of {events}"), "s", took, Goal::None));
    Ok(Figure {
        name: "audit",
        what: format!("GET a page of an audit log of {events} events; beside one of {SHORT}"),
        lines,
    })
}

impl Log {
    fn of(home: &Home) -> anyhow::Result<Self> {
        let server = home.start(Core::Any)?;
        let client = Client::connect(server.address)?;
        Ok(Self { _server: server, client, token: home.admin().to_owned() })
    }

    fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.client.get(path, &self.token)?;
        ensure!(answer.status == 200, "{path} is answered {}", answer.status);
        Ok(answer.body)
    }

    /// The median time of a page in milliseconds.
    fn time(&mut self, path: &str) -> anyhow::Result<f64> {
        self.client.median_ms(&get_request(path, &self.token), REQUESTS)
    }
}
