//! `toolfront secrets list`.

use clap::Args;

use crate::commands::deploy::EnvironmentName;
use crate::failure::Failure;
use crate::layout::{self, moment};
use crate::session::Invocation;

/// List the secrets of an environment by name; their values are shown nowhere
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront secrets list my-app\n  \
                        toolfront secrets list env-k5x2mq7abcde --json | jq -r '.[].name'")]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let secrets = session.client.secrets(arguments.environment.as_str()).await?;
    if secrets.is_empty() && !invocation.printer.is_json() {
        invocation.printer.say("There are no secrets yet; `toolfront secrets set ID NAME` stores one.");
        return Ok(());
    }
    invocation.printer.either(&secrets, || {
        let rows = secrets
            .iter()
            .map(|secret| vec![secret.name.clone(), moment(&secret.created_at), moment(&secret.updated_at)]);
        layout::table(&["NAME", "CREATED", "UPDATED"], rows)
    })
}
