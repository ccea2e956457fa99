//! `toolfront delete`.

use clap::Args;

use crate::commands::deploy::EnvironmentName;
use crate::confirm::{confirm, need_terminal};
use crate::failure::Failure;
use crate::session::Invocation;

/// Delete an environment and all of its releases
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront delete my-app\n  toolfront delete env-k5x2mq7abcde --yes\n\n\
                  Tokens that name the environment live on without it: its id is never used again.")]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let wanted = arguments.environment.as_str();
    if !arguments.yes {
        need_terminal(&format!("Delete the environment {wanted} and all of its releases?"))?;
    }
    let session = invocation.session()?;
    // A name is looked up first, so that what is deleted is what was asked about.
    let id = if arguments.yes {
        wanted.to_owned()
    } else {
        let found = session.client.environment(wanted).await?;
        let question =
            format!("Delete {} ({}, {}) and all of its releases?", found.name, found.id, found.url);
        confirm(invocation.printer, false, &question)?;
        found.id.to_string()
    };
    let deleted = session.client.delete_environment(&id).await?;
    invocation.printer.say(format_args!("{} ({}) is deleted.", deleted.name, deleted.id));
    if invocation.printer.is_json() { invocation.printer.json(&deleted) } else { Ok(()) }
}
