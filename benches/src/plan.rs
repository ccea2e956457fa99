//! How long and how often things are measured.

use std::time::Duration;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Whether it is only to be seen that everything works.
    pub(crate) is_quick: bool,
    /// How many tokens "many" are.
    pub(crate) tokens: u32,
    /// How many files are deployed.
    pub(crate) files: u32,
    /// How many pairs a comparison has.
    pub(crate) pairs: u32,
    /// How long one side of a pair is measured.
    pub(crate) slice: Duration,
    /// How often a start is measured.
    pub(crate) starts: u32,
    /// Whether the time of a clean build is measured.
    pub(crate) builds: bool,
    /// How often each size of something that grows is measured.
    pub(crate) rounds: u32,
    /// The greatest such size.
    pub(crate) size_max: u32,
}

impl Plan {
    /// Everything, in less than 10 minutes.
    pub(crate) fn full() -> Self {
        Self {
            is_quick: false,
            tokens: 1_000_000,
            files: 10_000,
            pairs: 15,
            slice: Duration::from_secs(1),
            starts: 7,
            builds: false,
            rounds: 7,
            size_max: 10_000_000,
        }
    }

    /// Everything, in about a minute.
    pub(crate) fn quick() -> Self {
        Self {
            is_quick: true,
            tokens: 100_000,
            files: 1_000,
            pairs: 3,
            slice: Duration::from_millis(600),
            starts: 3,
            builds: false,
            rounds: 3,
            size_max: 10_000,
        }
    }
}
