//! `toolfront update`.

use std::path::PathBuf;

use clap::Args;
use toolfront_client::Deployment;

use crate::commands::deploy::{self, EnvironmentName};
use crate::failure::Failure;
use crate::progress_bar::Bar;
use crate::session::Invocation;

/// Publish a directory as a new release of an environment
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront update my-app ./my-app\n  toolfront update env-k5x2mq7abcde . --verify\n\n\
                  The release holds what is in the directory, and nothing else. `toolfront rollback` goes back to an earlier one."
)]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
    /// The application's directory
    path: PathBuf,
    /// Read everything back from the environment's URL and compare
    #[arg(long)]
    verify: bool,
    /// Send hidden files too
    #[arg(long)]
    hidden: bool,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let printer = invocation.printer;
    let session = invocation.session()?;
    let directory = deploy::read(&arguments.path, arguments.hidden, printer).await?;
    let deployment = Deployment::new(&directory);
    let environment = arguments.environment.as_str();
    let (updated, sent) = deployment.update(&session.client, environment, &mut Bar::default()).await?;
    deploy::report(printer, "Updated", &updated, sent);
    if arguments.verify {
        deploy::verify(&session.client, &updated.url, &directory, printer).await?;
    }
    printer.either(&updated, || updated.url.clone())
}
