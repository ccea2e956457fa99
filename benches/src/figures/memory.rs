//! The memory that tokens take.

use std::time::Duration;

use anyhow::Context as _;
use toolfront_gateway::measure::ValueCheck;
use toolfront_token::OrgId;

use crate::figure::{Figure, Goal, Line};
use crate::machine::{Core, output, resident_bytes};
use crate::servers::gateway::Home;
use crate::site::Site;
use crate::values;

/// How long a gateway is left alone before it is looked at.
pub(crate) const REST: Duration = Duration::from_millis(1500);
/// What one token may take.
const BYTES_MAX: f64 = 200.0;

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let tokens = site.plan.tokens;
    let mut command = site.pinning.command(&site.own, Core::Any);
    let index = output(command.args(["index-memory", "--tokens", &tokens.to_string()]))?;
    let (crowded, empty) = (site.crowded_home()?, site.home("empty")?);
    let more = resting_bytes(&crowded)? - resting_bytes(&empty)?;
    let lines = vec![
        Line::alone("the index alone, each", "bytes", index.trim().parse()?, Goal::AtMost(BYTES_MAX)),
        Line::alone("a gateway, each", "bytes", more / f64::from(tokens), Goal::AtMost(BYTES_MAX)),
    ];
    Ok(Figure {
        name: "memory",
        what: format!(
            "resident memory for {tokens} tokens: of a process that holds the index alone, and of a gateway more than of one \
             without tokens"
        ),
        lines,
    })
}

/// The resident memory of a gateway that has nothing to do.
pub(super) fn resting_bytes(home: &Home) -> anyhow::Result<f64> {
    let gateway = home.start(Core::Any)?;
    std::thread::sleep(REST);
    gateway.resident_bytes()
}

/// Prints how many bytes each of so many tokens takes in this process.
pub(crate) fn index_memory(tokens: u32) -> anyhow::Result<()> {
    let organization = OrgId::from_bits(1).context("no such id")?;
    let check = ValueCheck::default();
    let before = resident_bytes(None)?;
    for number in 0..tokens {
        check.put(values::record(number, organization)?);
    }
    println!("{}", (resident_bytes(None)? - before) / f64::from(tokens));
    drop(check);
    Ok(())
}
