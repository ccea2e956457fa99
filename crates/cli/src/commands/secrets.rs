//! `toolfront secrets`.

mod list;
mod set;
mod unset;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::session::Invocation;

/// Set, list and unset what an environment's commands are given and nobody is shown
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  toolfront secrets set my-app API_KEY                      # asks for the value\n  \
                  pass show orders-api | toolfront secrets set my-app API_KEY\n  toolfront secrets list my-app\n  \
                  toolfront secrets unset my-app API_KEY\n\n\
                  Commands of the environment get each secret as a variable of its name, and a $NAME in a tool stands for it. \
                  Where a command prints the value as it is, the answer has ***."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Set(set::Arguments),
    List(list::Arguments),
    Unset(unset::Arguments),
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    match arguments.action {
        Action::Set(arguments) => set::run(arguments, invocation).await,
        Action::List(arguments) => list::run(arguments, invocation).await,
        Action::Unset(arguments) => unset::run(arguments, invocation).await,
    }
}
