//! The runs: each has a number, and leaves a mark of that name when its command runs.

use std::collections::BTreeSet;

/// What became of the runs.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    sent: u64,
    /// Those that were answered with the command's exit code 0.
    pub(crate) acknowledged: BTreeSet<u64>,
    /// Those that were answered with a refusal.
    pub(crate) refused: BTreeSet<u64>,
    /// The last begin event that was there at the kill before: by now every run up to it has its end.
    pub(crate) seen_through: i64,
}

impl Runs {
    /// The number of a run that is about to be sent.
    pub(crate) fn begin(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// How many were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}
