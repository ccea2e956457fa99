//! `toolfront tokens get`.

use clap::Args;

use super::record::record_fields;
use crate::failure::Failure;
use crate::layout;
use crate::session::Invocation;

/// Show the record of a token, with its use
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront tokens get ci\n  toolfront tokens get tok-k5x2\n  \
                            toolfront tokens get self --json")]
pub(crate) struct Arguments {
    /// Its id, the beginning of its id, its name, or `self`
    #[arg(value_name = "T")]
    token: String,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let found = super::find(&session.client, &arguments.token).await?;
    let record = session.client.token(found.which).await?;
    invocation.printer.either(&record, || layout::fields(&record_fields(&record)))
}
