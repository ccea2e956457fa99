//! `toolfront tokens`.

mod create;
mod get;
mod list;
mod record;
mod revoke;
mod rotate;
mod trace;
mod usage_chart;

use clap::{Args, Subcommand};
pub(super) use record::record_fields;
use toolfront_client::{ApiClient, FoundToken, TokenReference};
use toolfront_token::{Scope, UnknownScope};

use crate::failure::Failure;
use crate::session::Invocation;

/// Create, rotate, list, trace and revoke tokens
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  TOKEN=$(toolfront tokens create ci --env my-app --expires 30d)\n  toolfront tokens list\n  \
                  TOKEN=$(toolfront tokens rotate ci --grace 1h)\n  toolfront tokens revoke ci --reason 'left the team'\n  \
                  toolfront tokens trace < leaked.txt"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Create(create::Arguments),
    Rotate(rotate::Arguments),
    List(list::Arguments),
    Get(get::Arguments),
    Revoke(revoke::Arguments),
    Trace(trace::Arguments),
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    match arguments.action {
        Action::Create(arguments) => create::run(arguments, invocation).await,
        Action::Rotate(arguments) => rotate::run(arguments, invocation).await,
        Action::List(arguments) => list::run(arguments, invocation).await,
        Action::Get(arguments) => get::run(arguments, invocation).await,
        Action::Revoke(arguments) => revoke::run(arguments, invocation).await,
        Action::Trace(arguments) => trace::run(arguments, invocation).await,
    }
}

/// What `--scope` is read with.
fn parse_scope(text: &str) -> Result<Scope, UnknownScope> {
    Scope::parse(text)
}

/// Finds the token that `text` means.
async fn find(client: &ApiClient, text: &str) -> Result<FoundToken, Failure> {
    Ok(TokenReference::parse(text)?.find(client).await?)
}
