//! `toolfront audit` itself: events as lines, and as they come.

use std::ops::ControlFlow;

use clap::Args;
use toolfront_api::AuditEvent;
use toolfront_client::{ApiClient, AuditFilter, AuditOrder};

use super::filter::FilterArguments;
use super::line::event_line;
use super::names::Names;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::Invocation;

const LIMIT: u32 = 100;
/// How many are shown before those that come.
const LIMIT_FOLLOWING: u32 = 10;

// No doc comment: clap would take it as what the command is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct ShowArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// At most so many, the latest [default: 100, and 10 with --follow]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on with events as they come, until interrupted
    #[arg(long, short)]
    follow: bool,
}

/// Shows events one after the other.
struct Shown<'c> {
    client: &'c ApiClient,
    printer: Printer,
    names: Names,
}

pub(super) async fn run(arguments: ShowArguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let client = &session.client;
    let filter = arguments.filter.resolve(client).await?;
    let limit = arguments.limit.unwrap_or(if arguments.follow { LIMIT_FOLLOWING } else { LIMIT });
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut shown = Shown { client, printer: invocation.printer, names: Names::default() };
    // Where the log ends comes first: what is behind that is followed, and nothing is missing or told twice.
    let end = if arguments.follow { end_of_log(client).await? } else { i64::MAX };
    if limit > 0 {
        let mut events = client.audit_events(&filter, AuditOrder::NewestFirst, limit).await?;
        events.retain(|event| event.sequence <= end);
        if events.is_empty() && !arguments.follow {
            invocation.printer.say("There are no such events.");
        }
        for event in events.iter().rev() {
            if shown.show(event).await?.is_break() {
                return Ok(());
            }
        }
    }
    if !arguments.follow {
        return Ok(());
    }
    let mut follower = client.follow_audit(filter, end);
    loop {
        let event = follower.next().await?;
        if shown.show(&event).await?.is_break() {
            return Ok(());
        }
    }
}

/// The highest sequence number among the latest events.
async fn end_of_log(client: &ApiClient) -> Result<i64, Failure> {
    let latest = client.audit_events(&AuditFilter::default(), AuditOrder::NewestFirst, 100).await?;
    Ok(latest.iter().map(|event| event.sequence).max().unwrap_or_default())
}

impl Shown<'_> {
    /// Shows one; breaks off when nobody reads any more.
    async fn show(&mut self, event: &AuditEvent) -> Result<ControlFlow<()>, Failure> {
        if self.printer.is_json() {
            return self.printer.json_line(event);
        }
        self.names.learn(self.client, event).await;
        self.printer.line(event_line(event, &self.names))
    }
}
