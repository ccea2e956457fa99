//! `toolfront audit` itself: events as lines, and as they come.

use std::collections::HashSet;
use std::ops::ControlFlow;

use clap::Args;
use toolfront_api::AuditEvent;
use toolfront_client::{ApiClient, AuditOrder};

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
    // What is written from here on is followed, and what is listed besides is not told twice.
    let mut follower = client.follow_audit(filter.clone());
    if arguments.follow {
        follower.begin().await?;
    }
    let mut listed = HashSet::new();
    if limit > 0 {
        let events = client.audit_events(&filter, AuditOrder::NewestFirst, limit).await?;
        listed.extend(events.iter().map(|event| event.sequence));
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
    loop {
        let event = follower.next().await?;
        if listed.remove(&event.sequence) {
            continue;
        }
        if shown.show(&event).await?.is_break() {
            return Ok(());
        }
    }
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
