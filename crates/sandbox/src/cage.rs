//! What a command is confined to, as data.

use std::path::PathBuf;

/// What one run is confined to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cage {
    /// The directory of the release: read and executed. [`Run::directory`](crate::Run::directory) is in it.
    pub release: PathBuf,
    /// The release may be written, too. For the development server alone.
    pub writable_release: bool,
    /// The network that the command has.
    pub network: Network,
    /// The limits that the kernel keeps.
    pub limits: CageLimits,
}

impl Cage {
    /// A release that is read only, the network, and the default limits.
    pub fn around(release: impl Into<PathBuf>) -> Self {
        Self {
            release: release.into(),
            writable_release: false,
            network: Network::Outbound,
            limits: CageLimits::default(),
        }
    }
}

/// The network of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The machine's network: TCP and UDP, IPv4 and IPv6.
    Outbound,
    /// No socket can be made.
    None,
}

/// The limits of one command. No command gets more than the gateway itself has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CageLimits {
    /// Bytes of memory that *each process* may fill; it may map four times as much. 4 GiB by default.
    pub memory: u64,
    /// Processes and threads of the run, at once. 256 by default. Where commands have no user of their own (the
    /// gateway does not run as root), all commands that run share this number.
    pub processes: u64,
    /// Open files of each process. 1,024 by default.
    pub open_files: u64,
    /// Bytes of each file that is written. 1 GiB by default.
    pub file_size: u64,
    /// Seconds of processor time of each process. 600 by default.
    pub cpu_seconds: u64,
}

impl Default for CageLimits {
    fn default() -> Self {
        Self { memory: 4 << 30, processes: 256, open_files: 1024, file_size: 1 << 30, cpu_seconds: 600 }
    }
}
