//! What an environment's commands are confined to, besides what holds for all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The network that an environment's commands have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// The gateway's machine's own.
    #[default]
    Outbound,
    /// None.
    None,
}

impl Network {
    /// As it stands on the wire and in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::None => "none",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Outbound, Self::None].into_iter().find(|network| network.word() == word)
    }
}

/// What can be limited for one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Bytes that are kept of each output stream of a command.
    OutputBytes,
    /// Bytes of memory of each process.
    MemoryBytes,
    /// Processes and threads of a command at once.
    Processes,
    /// Bytes of each file that is written.
    FileBytes,
    /// Open files of each process.
    OpenFiles,
    /// Seconds of processor time of each process.
    CpuSeconds,
    /// Commands at once.
    Runs,
    /// Seconds that a command may take, whatever its tool says.
    TimeoutSeconds,
}

/// The limits that an environment has of its own. Where it has none, the gateway's holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvironmentLimits(BTreeMap<Limit, u64>);

impl EnvironmentLimits {
    /// The environment's own, if it has one.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(&limit).copied()
    }

    /// Sets a limit, or takes it away.
    pub fn set(&mut self, limit: Limit, value: Option<u64>) {
        match value {
            Some(value) => self.0.insert(limit, value),
            None => self.0.remove(&limit),
        };
    }
}
