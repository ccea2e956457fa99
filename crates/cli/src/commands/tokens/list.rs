//! `toolfront tokens list`.

use std::time::Duration;

use clap::Args;
use toolfront_client::TokenFilter;

use super::record::{environments, status};
use crate::commands::deploy::EnvironmentName;
use crate::failure::Failure;
use crate::layout::{self, moment};
use crate::session::Invocation;
use crate::span;

/// List tokens, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront tokens list\n  toolfront tokens list --all --limit 20\n  \
                  toolfront tokens list --expiring 30d\n  toolfront tokens list --unused 90d --exit-code\n  toolfront tokens list --env my-app --json | jq -r '.[].id'")]
pub(crate) struct Arguments {
    /// Expired and revoked ones too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Those that end within a span, such as 30d
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    expiring: Option<Duration>,
    /// Those that were made longer ago than a span, such as 90d, and not used since
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    unused: Option<Duration>,
    /// Exit with 1 when any is listed, for cron
    #[arg(long)]
    exit_code: bool,
    /// Those that may do something in an environment, by its id or name
    #[arg(long = "env", value_name = "E")]
    environment: Option<EnvironmentName>,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let filter = TokenFilter {
        only_active: !arguments.all,
        environment: arguments.environment.map(|environment| environment.as_str().to_owned()),
        expiring_within: arguments.expiring,
        unused_for: arguments.unused,
        limit: usize::try_from(arguments.limit).unwrap_or(usize::MAX),
    };
    let (tokens, more) = session.client.tokens(&filter).await?;
    let printer = invocation.printer;
    if tokens.is_empty() && !printer.is_json() {
        printer.say("There are no such tokens.");
        return Ok(());
    }
    printer.either(&tokens, || {
        let rows = tokens.iter().map(|token| {
            vec![
                token.id.to_string(),
                token.name.clone(),
                token.scope.trim_start_matches("environments:").to_owned(),
                status(token.status).to_owned(),
                environments(token),
                token.expires_at.as_deref().map_or_else(|| "never".to_owned(), moment),
                token.last_used_at.as_deref().map_or_else(|| "never".to_owned(), moment),
                token.usage_count.to_string(),
                format!("…{}", token.hint),
            ]
        });
        let header =
            ["ID", "NAME", "SCOPE", "STATUS", "ENVIRONMENTS", "EXPIRES", "LAST USED", "USES", "VALUE"];
        layout::table(&header, rows)
    })?;
    if more {
        printer.say(format_args!("There are more than {}: raise --limit to see them.", arguments.limit));
    }
    if arguments.exit_code && !tokens.is_empty() { Err(Failure::found()) } else { Ok(()) }
}
