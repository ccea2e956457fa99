//! The promises that are checked, how often each was, and where one was broken.

use std::collections::BTreeMap;
use std::fmt;

use parking_lot::Mutex;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// After a kill the gateway starts on the same data directory.
    StartsAgain,
    /// Nothing but what was asked for happens to a request: no 5xx, no refusal without a reason.
    Answers,
    /// A token whose creation was acknowledged is there, and its value works.
    CreatedWorks,
    /// After an acknowledged rotation the new value works, and what the rotation ended is refused.
    RotatedHolds,
    /// A value whose revocation was acknowledged is refused, and the record says why.
    RevokedIsRefused,
    /// An acknowledged deploy or rollback serves exactly its bytes.
    DeployedServes,
    /// An environment whose deletion was acknowledged is gone.
    DeletedIsGone,
    /// A command that ran has its event in the audit log.
    RunIsAudited,
    /// A command whose request was refused did not run.
    RefusedDidNotRun,
    /// The database is intact.
    DatabaseIntact,
    /// The blobs of the releases are there, with the right bytes.
    BlobsIntact,
    /// The audit log's chain verifies.
    LogIsWhole,
    /// Usage counts are what the log's events tell.
    CountersAreTheLogs,
    /// A command that was under way when the gateway was killed is recorded as interrupted at the next start.
    RunsHaveEnds,
    /// Usage counts do not exceed what was sent.
    UsageNotInvented,
    /// Nothing is there that nobody asked for.
    NothingInvented,
}

/// All of them.
pub(crate) const PROMISES: [Promise; 16] = [
    Promise::StartsAgain,
    Promise::Answers,
    Promise::CreatedWorks,
    Promise::RotatedHolds,
    Promise::RevokedIsRefused,
    Promise::DeployedServes,
    Promise::DeletedIsGone,
    Promise::RunIsAudited,
    Promise::RefusedDidNotRun,
    Promise::DatabaseIntact,
    Promise::BlobsIntact,
    Promise::LogIsWhole,
    Promise::CountersAreTheLogs,
    Promise::RunsHaveEnds,
    Promise::UsageNotInvented,
    Promise::NothingInvented,
];

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// What was seen, in one line.
    pub seen: String,
    /// In which round.
    pub round: u32,
}

/// What was found so far. Shared by all who check.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    round: u32,
    checks: BTreeMap<Promise, u64>,
    violations: Vec<Violation>,
}

impl Findings {
    /// From here on what is found belongs to this round.
    pub(crate) fn begin_round(&self, round: u32) {
        self.inner.lock().round = round;
    }

    /// Counts a check; `seen` tells of the violation when the promise does not hold.
    pub(crate) fn check(&self, promise: Promise, holds: bool, seen: impl FnOnce() -> String) {
        let mut inner = self.inner.lock();
        *inner.checks.entry(promise).or_default() += 1;
        if !holds {
            let round = inner.round;
            inner.violations.push(Violation { promise, seen: seen(), round });
        }
    }

    /// A promise that was seen broken.
    pub(crate) fn violated(&self, promise: Promise, seen: impl Into<String>) {
        self.check(promise, false, || seen.into());
    }

    /// How often a promise was checked.
    pub(crate) fn checks(&self, promise: Promise) -> u64 {
        self.inner.lock().checks.get(&promise).copied().unwrap_or_default()
    }

    /// How often all of them were checked.
    pub(crate) fn checks_in_all(&self) -> u64 {
        self.inner.lock().checks.values().sum()
    }

    /// What was broken.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.inner.lock().violations.clone()
    }

    /// Whether anything was.
    pub(crate) fn is_violated(&self) -> bool {
        !self.inner.lock().violations.is_empty()
    }
}

impl Promise {
    /// Its name in JSON.
    pub fn slug(self) -> &'static str {
        match self {
            Self::StartsAgain => "starts_again",
            Self::Answers => "answers",
            Self::CreatedWorks => "created_works",
            Self::RotatedHolds => "rotated_holds",
            Self::RevokedIsRefused => "revoked_is_refused",
            Self::DeployedServes => "deployed_serves",
            Self::DeletedIsGone => "deleted_is_gone",
            Self::RunIsAudited => "run_is_audited",
            Self::RefusedDidNotRun => "refused_did_not_run",
            Self::DatabaseIntact => "database_intact",
            Self::BlobsIntact => "blobs_intact",
            Self::LogIsWhole => "log_is_whole",
            Self::CountersAreTheLogs => "counters_are_the_logs",
            Self::RunsHaveEnds => "runs_have_ends",
            Self::UsageNotInvented => "usage_not_invented",
            Self::NothingInvented => "nothing_invented",
        }
    }
}

/// As a sentence.
impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartsAgain => "after a kill the gateway starts again",
            Self::Answers => "requests are answered as they should be",
            Self::CreatedWorks => "an acknowledged token is there, and its value works",
            Self::RotatedHolds => {
                "an acknowledged rotation holds: the new value works, what it ended is refused"
            }
            Self::RevokedIsRefused => "a revoked value is refused, and the record says why",
            Self::DeployedServes => "an acknowledged deploy or rollback serves exactly its bytes",
            Self::DeletedIsGone => "a deleted environment is gone",
            Self::RunIsAudited => "a command that ran has its audit event on the disk",
            Self::RefusedDidNotRun => "a command that was refused did not run",
            Self::DatabaseIntact => "the database is intact",
            Self::BlobsIntact => "the blobs of the releases are there with the right bytes",
            Self::LogIsWhole => "the chain of the audit log verifies",
            Self::CountersAreTheLogs => "the counters are what the audit log tells",
            Self::RunsHaveEnds => "a command that was interrupted has its end in the audit log",
            Self::UsageNotInvented => "usage counts do not exceed what was sent",
            Self::NothingInvented => "nothing is there that nobody asked for",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "violated in round {}: {}: {}", self.round, self.promise, self.seen)
    }
}
