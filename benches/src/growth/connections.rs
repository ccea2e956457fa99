//! From one connection to 256.

use super::series::{Curve, Ratios, Series};
use super::subject::{self, LIMITS, in_turn, of_reads, page, run_request};
use super::tokens;
use crate::figures::get::measured;
use crate::load::{Read, Reading, closed_loop, get_request};
use crate::machine::Core;
use crate::servers::gateway::deploy;
use crate::site::Site;

const SIZES: [u32; 5] = [1, 4, 16, 64, 256];
/// How many tokens there are, and take turns where many do.
const TOKENS: u32 = 10_000;
const PATH: &str = "/e/docs/README.md";

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Series> {
    let sizes = subject::sizes(site, &SIZES)?;
    let home = tokens::filled(site, TOKENS)?;
    let directory = site.directory("reads")?;
    let server = home.start_configured(Core::Server, LIMITS)?;
    let client = home.client(server.address)?;
    site.runtime.block_on(deploy(&client, "docs", &page(1), "private"))?;
    let one = vec![Read { path: PATH.to_owned(), token: home.admin().to_owned() }];
    let many = tokens::reads(TOKENS, PATH)?;
    let (mut curves, mut slowest) = (Vec::new(), Vec::new());
    for (name, reads) in [("one token", one), ("many tokens", many)] {
        let samples = in_turn(site.plan.rounds, &sizes, |connections| {
            let (address, reads, directory) = (server.address, reads.clone(), directory.clone());
            let reading = Reading { address, connections: *connections, reads, directory };
            measured(site, &server, &reading).map(Some)
        })?;
        slowest.push(Curve {
            panel: "99th percentile of a GET",
            unit: "ms",
            name: name.to_owned(),
            ratios: Ratios::LeftOut,
            samples: samples
                .iter()
                .map(|samples| samples.iter().map(|one| one.speed.p99_ms).collect())
                .collect(),
        });
        curves.extend(of_reads(name, &samples));
    }
    curves.sort_by_key(|curve| curve.unit != "requests/s");
    curves.extend(slowest);
    drop(server);

    let server = home.start_configured(Core::Any, LIMITS)?;
    let slice = site.plan.slice;
    for (panel, unit, request) in [
        ("Runs of /bin/true", "runs/s", run_request(PATH, home.admin())),
        ("List: the newest 10 tokens", "lists/s", get_request("/api/v1/tokens?limit=10", home.admin())),
    ] {
        let samples = in_turn(site.plan.rounds, &sizes, |connections| {
            closed_loop(server.address, *connections, slice, &request, 200).map(Some)
        })?;
        curves.push(Curve { panel, unit, name: String::new(), ratios: Ratios::Shown, samples });
    }
    let title = "As connections become more";
    Ok(Series { name: "connections", title, axis: "connections at once", sizes, curves })
}
