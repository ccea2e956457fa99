//! `toolfront audit`.

mod export;
mod filter;
mod keygen;
mod line;
mod names;
mod show;
mod verify;

use clap::{Args, Subcommand};

pub(super) use self::line::{command_line, event_line};
pub(super) use self::names::Names;
use crate::failure::Failure;
use crate::session::Invocation;

/// Show who did what, with which token, from where; verify and export the log
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront audit --since 24h\n  toolfront audit --token ci --outcome denied\n  \
                  toolfront audit --env my-app --action run --follow\n  toolfront audit --json --limit 1000 | jq -r .address\n  \
                  toolfront audit verify\n  toolfront audit export --output audit.jsonl\n\n\
                  The latest event is the last line. Dates mean their beginning in UTC."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    show: show::ShowArguments,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    Verify(verify::Arguments),
    Export(export::Arguments),
    Keygen(keygen::Arguments),
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let Some(action) = arguments.action else { return show::run(arguments.show, invocation).await };
    if arguments.show != show::ShowArguments::default() {
        return Err(Failure::wrong_use(
            "filters stand behind the command: toolfront audit export --since 24h",
        ));
    }
    match action {
        Action::Verify(arguments) => verify::run(arguments, invocation).await,
        Action::Export(arguments) => export::run(arguments, invocation).await,
        Action::Keygen(arguments) => keygen::run(&arguments, invocation),
    }
}
