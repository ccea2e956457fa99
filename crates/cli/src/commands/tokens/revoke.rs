//! `toolfront tokens revoke`.

use clap::Args;
use toolfront_api::RevokeToken;
use toolfront_token::RevocationReason;

use crate::confirm::{confirm, need_terminal};
use crate::failure::Failure;
use crate::session::Invocation;

/// End a token for good. Once the command has returned, its values are refused
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront tokens revoke ci --reason 'left the team'\n  \
                  toolfront tokens revoke tok-k5x2mq7abcde --kill --yes\n  toolfront tokens revoke self")]
pub(crate) struct Arguments {
    /// Its id, the beginning of its id, its name, or `self`
    #[arg(value_name = "T")]
    token: String,
    /// Why: 1 to 500 characters, kept with the record
    #[arg(long)]
    reason: Option<String>,
    /// End the commands that it runs, too
    #[arg(long)]
    kill: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    if !arguments.yes {
        need_terminal(&format!("Revoke the token {} for good?", arguments.token))?;
    }
    let reason = arguments.reason.as_deref().map(RevocationReason::parse).transpose();
    let reason = reason.map_err(|fault| Failure::wrong_use(format!("the reason {fault}")))?;
    let session = invocation.session()?;
    let found = super::find(&session.client, &arguments.token).await?;
    if !arguments.yes {
        let record = match &found.record {
            Some(record) => (**record).clone(),
            None => session.client.token(found.which).await?,
        };
        let name = crate::layout::line(&record.name);
        let question = format!("Revoke {name} ({}, tf_…{}) for good?", record.id, record.hint);
        confirm(invocation.printer, false, &question)?;
    }
    let how = RevokeToken { reason: reason.map(|reason| reason.as_str().to_owned()), kill: arguments.kill };
    let record = session.client.revoke_token(found.which, &how).await?;
    invocation.printer.say(format_args!("{} ({}) is revoked.", crate::layout::line(&record.name), record.id));
    if invocation.printer.is_json() { invocation.printer.json(&record) } else { Ok(()) }
}
