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
    let lines = match format {
        LogFormat::Text => lines.with_ansi(colours).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Each has a filter of its own: one that had none, or an absent one, would have every span made that somebody
    // could collect.
    let lines = lines.with_filter(filter.and(quiet())).boxed();
    let layers: Vec<_> = std::iter::once(lines).chain(telemetry.map(|to| to.layer().boxed())).collect();
    // Somebody who uses this crate as a library may have a subscriber already; then theirs counts.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(())
}

/// Whatever is asked for, nothing is told by the library that speaks MCP: it tells whole messages, with what commands
/// are given and what they print.
fn quiet() -> FilterFn {
    filter_fn(|event| event.target().split("::").next() != Some("rmcp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_is_not_even_made() {
        start_with(LogFormat::Text, Some("info,rmcp=trace"), "warn", None).unwrap();
        assert!(tracing::debug_span!(target: "toolfront_gateway::routes", "request").is_disabled());
        assert!(tracing::enabled!(target: "toolfront_gateway::routes", tracing::Level::INFO));
        assert!(!tracing::enabled!(target: "rmcp::service", tracing::Level::ERROR));
    }
}
