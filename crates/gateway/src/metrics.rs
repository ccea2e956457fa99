//! What is counted and measured, for Prometheus. Labels are from closed sets: never an id, a name or a path.

mod exposition;
mod requests;
mod token_counts;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use toolfront_store::{CommitReport, Decision, Outcome};

pub(crate) use self::exposition::expose;
pub(crate) use self::requests::RequestKind;
use self::requests::RequestMetrics;
use self::token_counts::CountedTokens;

type FloatGauge = Gauge<f64, AtomicU64>;

/// Up to how many seconds each bucket of a duration takes.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// Up to how many calls each bucket of a commit takes.
const CALLS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// All that is measured.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: RequestMetrics,
    decisions: [Counter; Decision::ALL.len()],
    runs: Family<OutcomeLabels, Counter>,
    run_seconds: Histogram,
    begin_seconds: Histogram,
    runs_refused: Counter,
    commits: Counter,
    commits_failed: Counter,
    commit_seconds: Histogram,
    commit_calls: Histogram,
    gauges: Gauges,
    tokens: CountedTokens,
}

/// What is looked at when somebody asks.
#[derive(Debug, Default)]
struct Gauges {
    ready: Gauge,
    runs_active: Gauge,
    audit_waiting: Gauge,
    audit_sequence: Gauge,
    audit_ends_well: Gauge,
    disk_free: FloatGauge,
    disk_nearly_full: Gauge,
    environments: Gauge,
    tokens_active: Gauge,
    tokens_unused: Gauge,
    tokens_expiring: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("toolfront");
        let seconds = || Histogram::new(SECONDS);
        let requests = RequestMetrics::register(&mut registry);
        let decisions = Family::<OutcomeLabels, Counter>::default();
        let by_decision = Decision::ALL
            .map(|decision| decisions.get_or_create_owned(&OutcomeLabels { outcome: decision.word() }));
        registry.register(
            "decisions",
            "Requests to applications and the API, by what was decided",
            decisions,
        );
        let runs = Family::<OutcomeLabels, Counter>::default();
        registry.register("runs", "Commands that have ended, by how", runs.clone());
        let (run_seconds, begin_seconds) = (seconds(), seconds());
        let run_help = "How long commands ran";
        registry.register_with_unit("run_duration", run_help, Unit::Seconds, run_seconds.clone());
        let begin_help = "How long commands waited until their begin was on the disk";
        registry.register_with_unit("run_begin_wait", begin_help, Unit::Seconds, begin_seconds.clone());
        let runs_refused = Counter::default();
        registry.register("runs_refused", "Commands for which there was no place", runs_refused.clone());
        let (commits, commits_failed) = (Counter::default(), Counter::default());
        registry.register("store_commits", "Transactions of the store", commits.clone());
        registry.register("store_commits_failed", "Those that were not kept", commits_failed.clone());
        let (commit_seconds, commit_calls) = (seconds(), Histogram::new(CALLS));
        let commit_help = "How long transactions took, until all was on the disk";
        registry.register_with_unit(
            "store_commit_duration",
            commit_help,
            Unit::Seconds,
            commit_seconds.clone(),
        );
        registry.register("store_commit_calls", "How many calls a transaction carried", commit_calls.clone());
        let gauges = Gauges::register(&mut registry);
        Self {
            registry,
            requests,
            decisions: by_decision,
            runs,
            run_seconds,
            begin_seconds,
            runs_refused,
            commits,
            commits_failed,
            commit_seconds,
            commit_calls,
            gauges,
            tokens: CountedTokens::default(),
        }
    }

    /// A request was decided upon.
    pub(crate) fn decided(&self, decision: Decision) {
        let place = Decision::ALL.iter().position(|known| *known == decision);
        if let Some(counter) = place.and_then(|place| self.decisions.get(place)) {
            counter.inc();
        }
    }

    /// A command's begin was on the disk so long after it was asked for.
    pub(crate) fn begun(&self, waited: Duration) {
        self.begin_seconds.observe(waited.as_secs_f64());
    }

    /// A command has ended.
    pub(crate) fn ended(&self, outcome: &Outcome, duration_ms: u64) {
        let word = match outcome {
            Outcome::Exited(0) => "succeeded",
            Outcome::Exited(_) => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::NotStarted => "not_started",
            Outcome::EndedWithToken => "ended_with_token",
            Outcome::Ended | Outcome::Interrupted => "ended",
        };
        self.runs.get_or_create(&OutcomeLabels { outcome: word }).inc();
        self.run_seconds.observe(Duration::from_millis(duration_ms).as_secs_f64());
    }

    /// There was no place for a command.
    pub(crate) fn refused_run(&self) {
        self.runs_refused.inc();
    }

    /// The store has done a transaction.
    pub(crate) fn committed(&self, report: CommitReport) {
        self.commits.inc();
        if !report.is_kept {
            self.commits_failed.inc();
        }
        self.commit_seconds.observe(report.took.as_secs_f64());
        self.commit_calls.observe(f64::from(u32::try_from(report.calls).unwrap_or(u32::MAX)));
    }
}

impl Gauges {
    fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        for (name, help, gauge) in [
            ("ready", "Whether the gateway can do all of its work", &gauges.ready),
            ("runs_active", "Commands under way", &gauges.runs_active),
            ("audit_waiting", "Groups of requests that are not in the audit log yet", &gauges.audit_waiting),
            ("audit_sequence", "The number of the audit log's last event", &gauges.audit_sequence),
            (
                "audit_ends_well",
                "Whether the audit log ended with its last event when the gateway was started",
                &gauges.audit_ends_well,
            ),
            (
                "disk_nearly_full",
                "Whether the data directory's disk is nearly full",
                &gauges.disk_nearly_full,
            ),
            ("environments", "Environments", &gauges.environments),
            ("tokens_active", "Tokens that are valid", &gauges.tokens_active),
            ("tokens_unused_90_days", "Valid tokens that were not used for 90 days", &gauges.tokens_unused),
            ("tokens_expiring_30_days", "Valid tokens that expire within 30 days", &gauges.tokens_expiring),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let free = "What the data directory's disk has left";
        registry.register_with_unit("disk_free", free, Unit::Bytes, gauges.disk_free.clone());
        gauges
    }
}
