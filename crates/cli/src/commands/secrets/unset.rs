//! `toolfront secrets unset`.

use clap::Args;

use crate::commands::deploy::EnvironmentName;
use crate::confirm::{confirm, need_terminal};
use crate::failure::Failure;
use crate::session::Invocation;

/// Delete a secret of an environment: commands that begin from then on are not given it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront secrets unset my-app API_KEY\n  \
                        toolfront secrets unset env-k5x2mq7abcde API_KEY --yes")]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
    /// The secret's name
    name: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let (wanted, name) = (arguments.environment.as_str(), super::set::parse_name(&arguments.name)?);
    let question = |environment: &str| {
        format!("Delete the secret {name} of {environment}? Its value can't be had back.")
    };
    if !arguments.yes {
        need_terminal(&question(wanted))?;
    }
    let session = invocation.session()?;
    // A name is looked up first, so that what is deleted is what was asked about.
    let id = if arguments.yes {
        wanted.to_owned()
    } else {
        let found = session.client.environment(wanted).await?;
        confirm(invocation.printer, false, &question(&format!("{} ({})", found.name, found.id)))?;
        found.id.to_string()
    };
    let deleted = session.client.delete_secret(&id, name.as_str()).await?;
    invocation.printer.say(format_args!("{} of {wanted} is unset.", deleted.name));
    if invocation.printer.is_json() { invocation.printer.json(&deleted) } else { Ok(()) }
}
