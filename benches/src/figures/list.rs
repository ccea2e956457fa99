//! Listing a page of tokens out of many, beside one out of a hundred.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::figure::{Figure, Goal, Line};
use crate::load::{Client, get_request};
use crate::machine::Core;
use crate::pairs::{Pairs, alternate};
use crate::servers::gateway::{Home, Server};
use crate::site::Site;

/// How often a page is asked for in one measurement.
const REQUESTS: u32 = 40;

/// A gateway, and the page that is asked for.
struct Listing {
    // Killed when it is dropped.
    _server: Server,
    client: Client,
    path: String,
    token: String,
}

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let crowded = site.crowded_home()?;
    let few = site.home("hundred")?;
    few.fill(99)?;
    let mut many = Listing::of(&crowded)?;
    let mut few = Listing::of(&few)?;
    let mut lines = Vec::new();
    for (name, path) in many.pages(site.plan.tokens)? {
        many.path = path;
        let pairs = alternate(
            site.plan.pairs,
            &mut (&mut many, &mut few),
            |both| both.0.time(),
            |both| both.1.time(),
        )?;
        lines.push(Line::compared(name, "ms", &Pairs::of(pairs), Goal::RatioAtMost(1.5)));
    }
    Ok(Figure {
        name: "list",
        what: format!("GET a page of 100 out of {} tokens; beside the page of all of 100", site.plan.tokens),
        lines,
    })
}

impl Listing {
    fn of(home: &Home) -> anyhow::Result<Self> {
        let server = home.start(Core::Any)?;
        let client = Client::connect(server.address)?;
        let path = "/api/v1/tokens?limit=100".to_owned();
        Ok(Self { _server: server, client, path, token: home.admin().to_owned() })
    }

    fn get(&mut self) -> anyhow::Result<Value> {
        let answer = self.client.get(&self.path, &self.token)?;
        ensure!(answer.status == 200, "a list is answered {}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// The first page, and the one behind the middle.
    fn pages(&mut self, tokens: u32) -> anyhow::Result<[(&'static str, String); 2]> {
        let first = self.path.clone();
        self.path = format!("/api/v1/tokens?limit=1&offset={}", tokens / 2);
        let middle = self.get()?;
        let cursor = middle.get("next_cursor").and_then(Value::as_str).context("no cursor")?.to_owned();
        Ok([
            ("the first page", first),
            ("behind the middle", format!("/api/v1/tokens?limit=100&cursor={cursor}")),
        ])
    }

    /// The median time of a page in milliseconds.
    fn time(&mut self) -> anyhow::Result<f64> {
        self.client.median_ms(&get_request(&self.path, &self.token), REQUESTS)
    }
}
