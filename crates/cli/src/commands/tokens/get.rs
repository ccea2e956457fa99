//! `toolfront tokens get`.

use clap::Args;
use serde::Serialize;
use toolfront_api::{Token, TokenUsage};

use super::record::record_fields;
use super::usage_chart::{DAYS, usage_fields};
use crate::clock;
use crate::failure::Failure;
use crate::layout;
use crate::session::Invocation;

/// Show the record of a token, with its use by day and by address
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront tokens get ci\n  toolfront tokens get tok-k5x2\n  \
                            toolfront tokens get self --json")]
pub(crate) struct Arguments {
    /// Its id, the beginning of its id, its name, or `self`
    #[arg(value_name = "T")]
    token: String,
}

#[derive(Serialize)]
struct Shown<'t> {
    #[serde(flatten)]
    record: &'t Token,
    /// Of the last 30 days; absent for a token that does not administer tokens and asks for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'t TokenUsage>,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let found = super::find(&session.client, &arguments.token).await?;
    let record = session.client.token(found.which).await?;
    // Any token may see its own record, and an administrator's alone what it did in detail.
    let usage = match session.client.token_usage(record.id, DAYS).await {
        Ok(usage) => Some(usage),
        Err(error) if matches!(error.status(), Some(403 | 404)) => None,
        Err(error) => return Err(error.into()),
    };
    let shown = Shown { record: &record, usage: usage.as_ref() };
    invocation.printer.either(&shown, || {
        let mut fields = record_fields(&record);
        fields.extend(usage.as_ref().map(|usage| usage_fields(usage, clock::now())).into_iter().flatten());
        layout::fields(&fields)
    })
}
