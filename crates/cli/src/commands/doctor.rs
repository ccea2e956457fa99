//! `toolfront doctor`.

use clap::Args;
use serde_json::json;
use toolfront_gateway::Examination;

use crate::confinement::{ConfinementOptions, confinement};
use crate::failure::Failure;
use crate::layout;
use crate::session::Invocation;

/// Tell how this machine confines commands: what it offers, what is enforced, and what a command would see
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront doctor\n  toolfront doctor --json\n\n\
                  Starts the launcher and runs one harmless command in the cage, as a gateway on this machine and with this user would. \
                  Exits with 1 when a gateway would refuse to run applications here, or when a trial did not end as it should.")]
pub(crate) struct Arguments {}

pub(crate) async fn run(_: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let examined = Examination::of(&confinement(ConfinementOptions::default(), &invocation.settings)?).await;
    let Examination { report, findings } = examined.map_err(|error| Failure::of(&error))?;
    let is_sound = report.is_full() && findings.iter().all(|finding| finding.allowed == finding.expected);
    let as_json = json!({
        "sound": is_sound,
        "layers": report.layers.iter().map(|layer| json!({
            "name": layer.name, "required": layer.required, "enforced": layer.enforced, "note": layer.note,
        })).collect::<Vec<_>>(),
        "trials": findings.iter().map(|finding| json!({
            "what": finding.what, "allowed": finding.allowed, "expected": finding.expected,
        })).collect::<Vec<_>>(),
    });
    invocation.printer.either(&as_json, || {
        let layers = report.layers.iter().map(|layer| {
            let state = match (layer.enforced, layer.required) {
                (true, _) => "enforced",
                (false, true) => "MISSING",
                (false, false) => "not offered",
            };
            vec![layer.name.to_owned(), state.to_owned(), layer.note.clone()]
        });
        let trials = findings.iter().map(|finding| {
            let found = if finding.allowed { "can" } else { "can't" };
            let fits =
                if finding.allowed == finding.expected { "as it should" } else { "AND IT SHOULD NOT BE SO" };
            vec![found.to_owned(), finding.what.clone(), fits.to_owned()]
        });
        format!(
            "{}\n\n{}",
            layout::table(&["LAYER", "STATE", "WHAT IT HOLDS"], layers),
            layout::table(&["A COMMAND", "", ""], trials)
        )
    })?;
    if is_sound {
        return Ok(());
    }
    Err(Failure::failed(
        "commands are not confined here as promised: a gateway refuses to run applications unless it is started with \
         --allow-weak-sandbox",
    ))
}
