//! POST a tool run, beside a bare spawn.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::figure::{Figure, Goal, Line};
use crate::load::{closed_loop, post_request};
use crate::machine::{Core, Pinning};
use crate::pairs::{Pairs, alternate};
use crate::servers::gateway::{Home, Server, deploy};
use crate::site::Site;

pub(crate) const PROGRAM: &str = "/bin/true";
const CONCURRENCIES: [u32; 3] = [1, 8, 32];
/// Room for one token to run as many at once: by default a quarter of the places is kept for others.
const LIMITS: &str = "[limits]\nruns_max = 64\nruns_per_environment_max = 64\nruns_per_token_max = 64\n";
/// A file system in memory, on every Linux.
const MEMORY: &str = "/dev/shm";
const FEW_TOKENS: u32 = 10;
const AT_ONCE_AMONG_MANY: u32 = 8;

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let home = site.home("run")?;
    let (gateway, request) = start(site, &home)?;
    let mut lines = Vec::new();
    for at_once in CONCURRENCIES {
        let slice = site.plan.slice / 2;
        let pairs = alternate(
            site.plan.pairs,
            site,
            |_| closed_loop(gateway.address, at_once, slice, &request, 200),
            |_| bare_rate(at_once, slice),
        )?;
        lines.push(Line::compared(
            format!("{at_once} at once"),
            "/s",
            &Pairs::of(pairs),
            Goal::RatioAtLeast(0.70),
        ));
    }
    lines.extend(without_flushes(site, &gateway, &request)?);
    drop(gateway);
    lines.push(with_many_tokens(site)?);
    Ok(Figure {
        name: "run",
        what: format!(
            "POST a run of {PROGRAM}, its audit events on the disk; beside a bare posix_spawn that reads both pipes and \
             waits, as many at once"
        ),
        lines,
    })
}

/// A gateway with a page that runs the program, and the request for it.
fn start(site: &Site, home: &Home) -> anyhow::Result<(Server, Vec<u8>)> {
    let gateway = home.start_configured(Core::Any, LIMITS)?;
    let page = format!("---\ntools:\n  - [{PROGRAM}]\n---\n# Runs\n");
    site.runtime
        .block_on(async { deploy(&home.client(gateway.address)?, "runs", &page, "private").await })?;
    let body = format!("{{\"command\":[\"{PROGRAM}\"]}}");
    let request = post_request("/e/runs/README.md", home.admin(), &body);
    Ok((gateway, request))
}

/// The same beside a gateway whose data directory is in memory, where a flush costs nothing: what it costs that the begin
/// and the end of a run are on the disk.
fn without_flushes(site: &mut Site, on_disk: &Server, to_disk: &[u8]) -> anyhow::Result<Vec<Line>> {
    let in_memory = tempfile::Builder::new().prefix("toolfront-bench-").tempdir_in(MEMORY)?;
    let home = site.home_in(in_memory.path())?;
    let (in_memory, to_memory) = start(site, &home)?;
    let mut lines = Vec::new();
    for at_once in CONCURRENCIES {
        let slice = site.plan.slice / 2;
        let pairs = alternate(
            site.plan.pairs.div_ceil(2),
            site,
            |_| closed_loop(on_disk.address, at_once, slice, to_disk, 200),
            |_| closed_loop(in_memory.address, at_once, slice, &to_memory, 200),
        )?;
        let name = format!("data on the disk / in memory, {at_once} at once");
        lines.push(Line::compared(name, "/s", &Pairs::of(pairs), Goal::None));
    }
    Ok(lines)
}

/// The same at a gateway with many tokens and at one with ten: what a process holds is no burden to what it starts.
fn with_many_tokens(site: &mut Site) -> anyhow::Result<Line> {
    let (crowded, few) = (site.crowded_home()?, site.home("few")?);
    few.fill(FEW_TOKENS)?;
    let ((crowded, to_crowded), (few, to_few)) = (start(site, &crowded)?, start(site, &few)?);
    let slice = site.plan.slice;
    let pairs = alternate(
        site.plan.pairs,
        site,
        |_| closed_loop(crowded.address, AT_ONCE_AMONG_MANY, slice, &to_crowded, 200),
        |_| closed_loop(few.address, AT_ONCE_AMONG_MANY, slice, &to_few, 200),
    )?;
    let name = format!("{} tokens / {FEW_TOKENS} tokens, {AT_ONCE_AMONG_MANY} at once", site.plan.tokens);
    Ok(Line::compared(name, "/s", &Pairs::of(pairs), Goal::RatioAtLeast(0.95)))
}

fn bare_rate(at_once: u32, slice: Duration) -> anyhow::Result<f64> {
    let runs = AtomicU32::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    while begun.elapsed() < slice {
                        bare_run()?;
                        runs.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        running
            .into_iter()
            .try_for_each(|running| running.join().map_err(|_| anyhow::anyhow!("a run failed"))?)
    })?;
    Ok(f64::from(runs.into_inner()) / begun.elapsed().as_secs_f64())
}

fn bare_run() -> anyhow::Result<()> {
    let mut command = Pinning::none().command(Path::new(PROGRAM), Core::Any);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut output = Vec::new();
    child.stdout.take().context("no pipe")?.read_to_end(&mut output)?;
    child.stderr.take().context("no pipe")?.read_to_end(&mut output)?;
    ensure!(child.wait()?.success(), "{PROGRAM} failed");
    Ok(())
}
