//! `toolfront rollback`.

use clap::Args;

use crate::commands::deploy::EnvironmentName;
use crate::failure::Failure;
use crate::session::Invocation;

/// Make an earlier release of an environment the current one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront releases my-app\n  toolfront rollback my-app 3")]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
    /// The release's number
    release: u32,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let published = session.client.rollback(arguments.environment.as_str(), arguments.release).await?;
    invocation.printer.say(format_args!(
        "{} ({}) is at release {} now.",
        published.name, published.id, published.release.release
    ));
    invocation.printer.either(&published, || published.url.clone())
}
