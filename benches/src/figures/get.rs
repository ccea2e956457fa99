//! GET a small page with a token over 64 kept connections, beside a bare hyper that answers the same bytes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bytes::Bytes;

use crate::figure::{Figure, Goal, Line};
use crate::load::{CONNECTIONS, Client, Read, Reading, Speed};
use crate::machine::Core;
use crate::pairs::{Pairs, alternate};
use crate::servers::bare_http::Answer;
use crate::servers::gateway::{Home, Server, deploy};
use crate::site::Site;
use crate::values::{self, Mixed};

/// How many different tokens take turns where many do: more than a cache holds.
pub(crate) const TAKING_TURNS: u32 = 20_000;
/// Few tokens.
const TEN: u32 = 10;

/// A page of a common size.
pub(crate) const PAGE: &str = "---\ntools:\n  - [ls, ;]\n  - [cat, { regex: '^[a-z]+\\.txt$' }, ;]\n---\n# Orders\n\n\
    Answer questions on orders with these tools; do not guess a figure.\n\n\
    | column | what it is |\n|---|---|\n| `id` | the order's number |\n| `placed` | when, in UTC |\n\
    | `customer` | the customer's number |\n| `total` | in euros, with VAT |\n| `state` | open, sent, paid, returned |\n\n\
    Each month is a file of its own, as in `january.txt`. The oldest is of 2019. Orders that were returned within two weeks\n\
    are in the month in which they were placed.\n";

/// How fast it was, and what it cost the server.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) speed: Speed,
    pub(crate) cpu_micros: f64,
}

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let directory = site.directory("get")?;
    let home = site.home("get")?;
    let gateway = home.start(Core::Server)?;
    site.runtime.block_on(async {
        let client = home.client(gateway.address)?;
        deploy(&client, "private", PAGE, "private").await?;
        deploy(&client, "public", PAGE, "public").await
    })?;
    let private = one(&gateway, "/e/private/README.md", home.admin(), &directory);
    let bare = start_bare(site, &private, directory.join("answer"))?;
    let plain = one(&bare, "/e/private/README.md", home.admin(), &directory);
    let pairs = alternate(
        site.plan.pairs,
        site,
        |site| measured(site, &gateway, &private),
        |site| measured(site, &bare, &plain),
    )?;
    let of = |value: fn(&Measured) -> f64| {
        Pairs::of(pairs.iter().map(|(ours, other)| (value(ours), value(other))).collect())
    };
    let mut lines = vec![
        Line::compared("requests", "/s", &of(|one| one.speed.per_second), Goal::RatioAtLeast(0.80)),
        Line::compared("median", "ms", &of(|one| one.speed.p50_ms), Goal::None),
        Line::compared("99th percentile", "ms", &of(|one| one.speed.p99_ms), Goal::RatioAtMost(1.5)),
        Line::compared("CPU time each", "µs", &of(|one| one.cpu_micros), Goal::None),
    ];
    drop(bare);
    let public = one(&gateway, "/e/public/README.md", "", &directory);
    lines.push(compare(
        site,
        "with a token / a public page without",
        (&gateway, &private),
        (&gateway, &public),
    )?);
    drop(gateway);
    lines.push(recorded(site, &directory)?);
    lines.extend(with_many_tokens(site, &directory)?);
    Ok(Figure {
        name: "get",
        what: "GET a small page with a token, 64 kept connections; beside a bare hyper that answers the same bytes on \
               the same core"
            .to_owned(),
        lines,
    })
}

/// The same page over and over.
fn one(server: &Server, path: &str, token: &str, directory: &Path) -> Reading {
    let (address, directory) = (server.address, directory.to_owned());
    let reads = vec![Read { path: path.to_owned(), token: token.to_owned() }];
    Reading { address, connections: CONNECTIONS, reads, directory }
}

/// A bare hyper that answers as the gateway does.
fn start_bare(site: &Site, reading: &Reading, file: PathBuf) -> anyhow::Result<Server> {
    let read = reading.reads.first().context("nothing is read")?;
    let answer = Client::connect(reading.address)?.get(&read.path, &read.token)?;
    ensure!(answer.status == 200 && answer.body == PAGE.as_bytes(), "the page is answered {}", answer.status);
    Answer::new(&answer.headers, Bytes::from(answer.body))?.write(&file)?;
    let mut command = site.pinning.command(&site.own, Core::Server);
    command.args(["bare-http", "--answer"]).arg(file);
    Server::start(command)
}

/// Reads as fast as it goes.
pub(crate) fn measured(site: &Site, server: &Server, reading: &Reading) -> anyhow::Result<Measured> {
    let before = server.cpu_seconds()?;
    let begun = std::time::Instant::now();
    let speed = site.generator.measure(reading, site.pinning, site.plan.slice)?;
    let requests = speed.per_second * begun.elapsed().as_secs_f64();
    Ok(Measured { speed, cpu_micros: (server.cpu_seconds()? - before) * 1e6 / requests })
}

fn compare(
    site: &mut Site,
    name: &str,
    ours: (&Server, &Reading),
    other: (&Server, &Reading),
) -> anyhow::Result<Line> {
    let pairs = alternate(
        site.plan.pairs,
        site,
        |site| Ok(measured(site, ours.0, ours.1)?.speed.per_second),
        |site| Ok(measured(site, other.0, other.1)?.speed.per_second),
    )?;
    Ok(Line::compared(name, "/s", &Pairs::of(pairs), Goal::RatioAtLeast(0.95)))
}

/// The same with a record of each read, as it is by default, and without.
fn recorded(site: &mut Site, directory: &Path) -> anyhow::Result<Line> {
    let start = |site: &mut Site, name: &str, reads: &str| -> anyhow::Result<(Server, Reading)> {
        let home = site.home(name)?;
        let server = home.start_configured(Core::Server, &format!("[audit]\nreads = \"{reads}\"\n"))?;
        let client = home.client(server.address)?;
        site.runtime.block_on(deploy(&client, "private", PAGE, "private"))?;
        let reading = one(&server, "/e/private/README.md", home.admin(), directory);
        Ok((server, reading))
    };
    let (with, without) = (start(site, "recorded", "batched")?, start(site, "unrecorded", "off")?);
    compare(site, "reads recorded / counted only", (&with.0, &with.1), (&without.0, &without.1))
}

/// The same at a gateway with many tokens and at one with ten: when ten of them are used, and when very many are.
fn with_many_tokens(site: &mut Site, directory: &Path) -> anyhow::Result<[Line; 2]> {
    let (crowded, few) = (site.crowded_home()?, site.home("few")?);
    few.fill(TEN)?;
    let (many, mut mixed) = (site.plan.tokens, Mixed(1));
    let numbers: Vec<u32> = (0..TAKING_TURNS).map(|_| mixed.below(many)).collect();
    let of_few: Vec<u32> = (0..TEN).collect();
    let ten: Vec<u32> = numbers.iter().copied().take(of_few.len()).collect();
    let start = |site: &Site, home: &Home| -> anyhow::Result<Server> {
        let server = home.start(Core::Server)?;
        let client = home.client(server.address)?;
        site.runtime.block_on(deploy(&client, "turns", PAGE, "public"))?;
        Ok(server)
    };
    let reading = |server: &Server, numbers: &[u32]| -> anyhow::Result<Reading> {
        let read = |number: &u32| {
            let token = values::secret(*number)?.reveal().to_owned();
            Ok(Read { path: "/e/turns/README.md".to_owned(), token })
        };
        let reads = numbers.iter().map(read).collect::<anyhow::Result<_>>()?;
        let (address, directory) = (server.address, directory.to_owned());
        Ok(Reading { address, connections: CONNECTIONS, reads, directory })
    };
    let (crowded, few) = (start(site, &crowded)?, start(site, &few)?);
    let other = reading(&few, &of_few)?;
    let (name, ours) = (format!("{many} tokens, 10 in use / 10 tokens"), reading(&crowded, &ten)?);
    let in_memory = compare(site, &name, (&crowded, &ours), (&few, &other))?;
    let (name, ours) =
        (format!("{many} tokens, {TAKING_TURNS} in use / 10 tokens"), reading(&crowded, &numbers)?);
    let in_use = compare(site, &name, (&crowded, &ours), (&few, &other))?;
    // How many are in use at the same time is another thing than how many there are.
    Ok([in_memory, Line { goal: Goal::None, ..in_use }])
}
