//! Where the server's log goes: standard error, one line an event.

use clap::ValueEnum;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, FilterFn, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::telemetry::Telemetry;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends the server's events to standard error. `filter` is what `TOOLFRONT_LOG` says, in the syntax of `tracing`'s
/// `EnvFilter`; `otherwise` counts when it says nothing.
pub(crate) fn start(format: LogFormat, filter: Option<&str>, otherwise: &str) -> Result<(), String> {
    start_with(format, filter, otherwise, None)
}

/// The same, with spans going to a collector besides.
pub(crate) fn start_with(
    format: LogFormat,
    filter: Option<&str>,
    otherwise: &str,
    telemetry: Option<&Telemetry>,
) -> Result<(), String> {
    let filter =
        EnvFilter::builder().parse(filter.unwrap_or(otherwise)).map_err(|error| error.to_string())?;
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let (text, json) = match format {
        LogFormat::Text => (Some(lines.with_ansi(colours).with_target(false)), None),
        LogFormat::Json => (None, Some(lines.json().flatten_event(true))),
    };
    let lines = text.map(Layer::boxed).or(json.map(Layer::boxed));
    let spans = telemetry.map(Telemetry::layer);
    // A layer without a filter of its own would have every span made, also those that nobody collects.
    let all = tracing_subscriber::registry().with(lines.with_filter(filter.and(quiet()))).with(spans);
    // Somebody who uses this crate as a library may have a subscriber already; then theirs counts.
    let _ = all.try_init();
    Ok(())
}

/// Whatever is asked for, nothing is told by the library that speaks MCP: it tells whole messages, with what commands
/// are given and what they print.
fn quiet() -> FilterFn {
    filter_fn(|event| event.target().split("::").next() != Some("rmcp"))
}
