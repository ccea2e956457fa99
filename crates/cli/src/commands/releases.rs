//! `toolfront releases`.

use clap::Args;

use crate::commands::deploy::EnvironmentName;
use crate::failure::Failure;
use crate::layout::{self, moment};
use crate::session::Invocation;

/// List the releases of an environment, the newest first
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront releases my-app\n  toolfront releases env-k5x2mq7abcde --json"
)]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let releases = session.client.releases(arguments.environment.as_str()).await?;
    if releases.is_empty() && !invocation.printer.is_json() {
        invocation.printer.say("There is no release yet; `toolfront update ID PATH` publishes one.");
        return Ok(());
    }
    invocation.printer.either(&releases, || {
        let rows = releases.iter().map(|release| {
            vec![
                if release.current { "*" } else { "" }.to_owned(),
                release.release.to_string(),
                release.files.to_string(),
                release.pages.to_string(),
                layout::bytes(release.bytes),
                moment(&release.created_at),
                release.created_by.clone(),
            ]
        });
        layout::table(&["", "RELEASE", "FILES", "PAGES", "SIZE", "CREATED", "BY"], rows)
    })
}
