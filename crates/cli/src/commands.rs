//! The commands: one module each, and the one place that starts them.

mod ask;
mod audit;
mod check;
mod completions;
mod config;
mod context;
mod delete;
mod deploy;
mod doctor;
mod gateway;
mod list;
mod login;
mod mcp;
mod mcp_config;
mod releases;
mod rollback;
mod secrets;
mod serve;
mod tokens;
mod up;
mod update;
mod whoami;

use clap::Subcommand;

use crate::failure::Failure;
use crate::session::Invocation;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Arguments),
    Gateway(gateway::Arguments),
    Serve(serve::Arguments),
    Check(check::Arguments),
    Deploy(deploy::Arguments),
    Update(update::Arguments),
    List(list::Arguments),
    Delete(delete::Arguments),
    Releases(releases::Arguments),
    Rollback(rollback::Arguments),
    Secrets(secrets::Arguments),
    Tokens(tokens::Arguments),
    Audit(audit::Arguments),
    Whoami(whoami::Arguments),
    Ask(ask::Arguments),
    Mcp(mcp::Arguments),
    McpConfig(mcp_config::Arguments),
    Login(login::Arguments),
    Context(context::Arguments),
    Config(config::Arguments),
    Doctor(doctor::Arguments),
    Completions(completions::Arguments),
}

/// Runs a command to its end.
pub(crate) fn run(command: Command, invocation: &Invocation) -> Result<(), Failure> {
    let is_server =
        matches!(command, Command::Up(_) | Command::Gateway(_) | Command::Serve(_) | Command::Mcp(_));
    let mut runtime = if is_server {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime can't be started: {error}")))?;
    runtime.block_on(dispatch(command, invocation))
}

async fn dispatch(command: Command, invocation: &Invocation) -> Result<(), Failure> {
    match command {
        Command::Up(arguments) => up::run(arguments, invocation).await,
        Command::Gateway(arguments) => gateway::run(arguments, invocation).await,
        Command::Serve(arguments) => serve::run(arguments, invocation).await,
        Command::Check(arguments) => check::run(&arguments, invocation),
        Command::Deploy(arguments) => deploy::run(arguments, invocation).await,
        Command::Update(arguments) => update::run(arguments, invocation).await,
        Command::List(arguments) => list::run(arguments, invocation).await,
        Command::Delete(arguments) => delete::run(arguments, invocation).await,
        Command::Releases(arguments) => releases::run(arguments, invocation).await,
        Command::Rollback(arguments) => rollback::run(arguments, invocation).await,
        Command::Secrets(arguments) => secrets::run(arguments, invocation).await,
        Command::Tokens(arguments) => tokens::run(arguments, invocation).await,
        Command::Ask(arguments) => ask::run(arguments, invocation).await,
        Command::Audit(arguments) => audit::run(arguments, invocation).await,
        Command::Whoami(arguments) => whoami::run(arguments, invocation).await,
        Command::Mcp(arguments) => mcp::run(arguments, invocation).await,
        Command::McpConfig(arguments) => mcp_config::run(&arguments, invocation),
        Command::Login(arguments) => login::run(arguments, invocation).await,
        Command::Context(arguments) => context::run(arguments, invocation),
        Command::Config(arguments) => config::run(&arguments, invocation),
        Command::Doctor(arguments) => doctor::run(arguments, invocation).await,
        Command::Completions(arguments) => completions::run(&arguments, invocation),
    }
}
