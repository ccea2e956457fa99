//! From the start of the process to the first answer.

use crate::figure::{Figure, Goal, Line};
use crate::machine::Core;
use crate::pairs::median;
use crate::servers::gateway::Home;
use crate::site::Site;

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let (tokens, starts) = (site.plan.tokens, site.plan.starts);
    let (crowded, empty) = (site.crowded_home()?, site.home("empty")?);
    let lines = vec![
        Line::alone("empty", "ms", 1e3 * seconds(&empty, starts)?, Goal::AtMost(50.0)),
        Line::alone(format!("with {tokens} tokens"), "s", seconds(&crowded, starts)?, Goal::AtMost(2.0)),
    ];
    Ok(Figure {
        name: "start",
        what: "from the start of the process to the answer of GET /healthz".to_owned(),
        lines,
    })
}

fn seconds(home: &Home, starts: u32) -> anyhow::Result<f64> {
    let start = |_| Ok(home.start(Core::Any)?.first_answer.as_secs_f64());
    let times = (0..starts).map(start).collect::<anyhow::Result<Vec<f64>>>()?;
    Ok(median(times.into_iter()))
}
