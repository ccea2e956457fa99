//! `toolfront list`.

use clap::Args;

use crate::failure::Failure;
use crate::layout::{self, moment};
use crate::session::Invocation;

/// List the environments that the token may see
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront list\n  toolfront list --json | jq -r '.[].url'")]
pub(crate) struct Arguments {}

pub(crate) async fn run(_arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let environments = session.client.environments().await?;
    let printer = invocation.printer;
    if environments.is_empty() && !printer.is_json() {
        printer.say("There are no environments yet; `toolfront deploy PATH` makes one.");
        return Ok(());
    }
    printer.either(&environments, || {
        let rows = environments.iter().map(|environment| {
            vec![
                environment.id.to_string(),
                environment.name.clone(),
                environment.visibility.clone(),
                environment.release.map_or_else(|| "-".to_owned(), |release| release.to_string()),
                environment.files.to_string(),
                layout::bytes(environment.bytes),
                moment(&environment.updated_at),
                environment.url.clone(),
            ]
        });
        let header = ["ID", "NAME", "VISIBILITY", "RELEASE", "FILES", "SIZE", "UPDATED", "URL"];
        layout::table(&header, rows)
    })
}
