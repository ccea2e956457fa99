//! `toolfront audit export`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;
use toolfront_api::AuditEvent;
use toolfront_client::{ApiClient, AuditFilter, AuditOrder};

use super::filter::instant;
use crate::clock;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::Invocation;

/// As many as one answer can have.
const PAGE: usize = 1000;

/// Write the log out, the first event first: JSON Lines that `audit verify --file` holds against their hashes, or CSV
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront audit export --output audit.jsonl\n  \
                  toolfront audit export --since 2026-11-01 --until 2026-12-01 | gzip > november.jsonl.gz\n  \
                  toolfront audit export --format csv --since 30d > audit.csv\n  toolfront audit export | toolfront audit verify --file -")]
pub(crate) struct Arguments {
    /// From then on: a span back from now (24h, 30d), an instant (2030-01-31T12:00:00Z) or a date (its beginning, UTC)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Before then, in the same forms
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: Format,
    /// The file to write, readable by its owner alone; there as a whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An event a line, as the chain is made of it, its hash as the last member
    Jsonl,
    /// A row an event below a header; the detail is JSON
    Csv,
}

/// Where the events go.
enum Sink {
    Output(Printer),
    File { file: NamedTempFile, path: PathBuf },
}

pub(super) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let now = clock::now();
    let filter = AuditFilter {
        since: arguments.since.map(|text| instant(text, now)),
        until: arguments.until.map(|text| instant(text, now)),
        ..AuditFilter::default()
    };
    let mut sink = match arguments.output {
        Some(path) => Sink::beside(path)?,
        None => Sink::Output(invocation.printer),
    };
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} events {per_sec}") {
        bar.set_style(style);
    }
    let written = write_all(&session.client, &filter, arguments.format, &mut sink, &bar).await;
    bar.finish_and_clear();
    let events = written?;
    let place = sink.finish()?;
    invocation
        .printer
        .say(format_args!("Exported {}{place}.", crate::layout::count(events, "event", "events")));
    Ok(())
}

async fn write_all(
    client: &ApiClient,
    filter: &AuditFilter,
    format: Format,
    sink: &mut Sink,
    bar: &ProgressBar,
) -> Result<usize, Failure> {
    let (mut cursor, mut events, mut header) = (None, 0, format == Format::Csv);
    loop {
        let page = client.audit_page(filter, AuditOrder::OldestFirst, PAGE, cursor).await?;
        let text = match format {
            Format::Jsonl => lines(&page.data),
            Format::Csv => rows(&page.data, std::mem::take(&mut header)),
        };
        let text = text.map_err(|fault| Failure::failed(format!("an event can't be written: {fault}")))?;
        events += page.data.len();
        bar.inc(u64::try_from(page.data.len()).unwrap_or_default());
        if sink.write(&text)?.is_break() {
            return Ok(events);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(events);
        }
    }
}

/// The members of an event are in the order of the log's one written form, so that its JSON is that form.
fn lines(events: &[AuditEvent]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, event)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn rows(events: &[AuditEvent], header: bool) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    if header {
        rows.write_record([
            "sequence",
            "at",
            "action",
            "outcome",
            "organization_id",
            "token_id",
            "generation",
            "subject_id",
            "environment_id",
            "address",
            "user_agent",
            "request_id",
            "uses",
            "detail",
            "hash",
        ])?;
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    for event in events {
        rows.write_record([
            event.sequence.to_string(),
            event.at.clone(),
            event.action.clone(),
            event.outcome.clone(),
            event.organization_id.clone(),
            text(&event.token_id),
            event.generation.map(|generation| generation.to_string()).unwrap_or_default(),
            text(&event.subject_id),
            text(&event.environment_id),
            text(&event.address),
            text(&event.user_agent),
            text(&event.request_id),
            event.uses.to_string(),
            event.detail.to_string(),
            text(&event.hash),
        ])?;
    }
    Ok(rows.into_inner()?)
}

impl Sink {
    /// A file in the place where `path` will be.
    fn beside(path: PathBuf) -> Result<Self, Failure> {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        let file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")));
        let file = file.map_err(|fault| unwritable(&path, &fault))?;
        Ok(Self::File { file, path })
    }

    fn write(&mut self, text: &[u8]) -> Result<ControlFlow<()>, Failure> {
        match self {
            Self::Output(printer) => printer.piece(text),
            Self::File { file, path } => {
                file.write_all(text).map_err(|fault| unwritable(path, &fault))?;
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Puts the file into its place; says where it is.
    fn finish(self) -> Result<String, Failure> {
        let Self::File { file, path } = self else { return Ok(String::new()) };
        let synced = file.as_file().sync_all();
        synced.map_err(|fault| unwritable(&path, &fault))?;
        file.persist(&path).map_err(|fault| unwritable(&path, &fault.error))?;
        Ok(format!(" to {}", path.display()))
    }
}

fn unwritable(path: &Path, fault: &std::io::Error) -> Failure {
    Failure::failed(format!("{} can't be written: {fault}", path.display()))
}
