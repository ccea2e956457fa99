//! Requests, by what they were for and how they were answered.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SECONDS;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// Reading an application.
    Read,
    /// Running a tool.
    Run,
    /// An application as an MCP server.
    Mcp,
    /// Everything else: the management API, health, what is nowhere.
    Api,
}

const KINDS: [&str; 4] = ["read", "run", "mcp", "api"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CountLabels {
    kind: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

/// Looked up once, so that a request costs an addition and no search.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    counts: [[Counter; STATUSES.len()]; KINDS.len()],
    seconds: [Histogram; KINDS.len()],
}

impl RequestMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let counts = Family::<CountLabels, Counter>::default();
        let seconds = Family::<KindLabels, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let all = Self {
            counts: KINDS
                .map(|kind| STATUSES.map(|status| counts.get_or_create_owned(&CountLabels { kind, status }))),
            seconds: KINDS.map(|kind| seconds.get_or_create_owned(&KindLabels { kind })),
        };
        registry.register("requests", "Requests, by what they were for and their status", counts);
        let help = "How long requests took, until their answer began";
        registry.register_with_unit("request_duration", help, Unit::Seconds, seconds);
        all
    }

    /// A request was answered with that status.
    pub(crate) fn answered(&self, kind: RequestKind, status: u16, took: Duration) {
        let (kind, class) = (kind as usize, usize::from(status / 100).saturating_sub(1));
        if let Some(counter) = self.counts.get(kind).and_then(|counts| counts.get(class)) {
            counter.inc();
        }
        if let Some(seconds) = self.seconds.get(kind) {
            seconds.observe(took.as_secs_f64());
        }
    }
}
