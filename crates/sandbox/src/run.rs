//! What goes into a run and what comes out of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use toolfront_app::AllowedCommand;

use crate::cage::Cage;

/// One command to run: what, where, with which environment and within which limits.
pub struct Run {
    /// The command, already matched against its page and expanded. Its timeout is the deadline of the run, unless
    /// [`RunLimits::timeout_max`] is shorter.
    pub command: AllowedCommand,
    /// The working directory: the directory of the page.
    pub directory: PathBuf,
    /// Added to the environment of every run. `PATH`, `HOME` and `TMPDIR` cannot be replaced here; `LANG` can.
    pub environment: Vec<(String, String)>,
    /// The limits of this run.
    pub limits: RunLimits,
    /// What it is confined to.
    pub cage: Cage,
}

impl Run {
    /// How long the command may take.
    pub(crate) fn timeout(&self) -> Duration {
        let timeout = self.command.timeout();
        self.limits.timeout_max.map_or(timeout, |most| most.min(timeout))
    }
}

/// Shows neither the arguments nor the environment: both may hold secrets.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("directory", &self.directory)
            .field("limits", &self.limits)
            .field("cage", &self.cage)
            .finish_non_exhaustive()
    }
}

/// The limits of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// How many bytes of each stream are kept. 1 MiB by default.
    pub output_bytes_max: usize,
    /// How long a group has between SIGTERM and SIGKILL. One second by default.
    pub terminate_grace: Duration,
    /// The command may take no longer than this, whatever its own timeout. Nothing by default.
    pub timeout_max: Option<Duration>,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { output_bytes_max: 1 << 20, terminate_grace: Duration::from_secs(1), timeout_max: None }
    }
}

/// How a command ended and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The exit code; 128 + the signal for a command that a signal ended; 124 for one that ran out of time.
    pub returncode: i32,
    /// The deadline passed before the command ended by itself.
    pub timed_out: bool,
    /// What it wrote to standard output.
    pub stdout: Captured,
    /// What it wrote to standard error.
    pub stderr: Captured,
    /// From just before the start to the end of the command.
    pub duration: Duration,
}

/// What was kept of one stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes that were written, never more than [`RunLimits::output_bytes_max`].
    pub bytes: Vec<u8>,
    /// More was written than was kept.
    pub truncated: bool,
}

/// Shows the length alone: output may hold secrets until the caller has masked it.
impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured")
            .field("bytes", &format_args!("[{} bytes]", self.bytes.len()))
            .field("truncated", &self.truncated)
            .finish()
    }
}

/// What a command does while it runs: that it began, and pieces of what it prints, as they come.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// The program runs. Comes once at the most: output may come before it, and when much does, in place of it.
    Begun,
    /// Written to standard output.
    Stdout(Vec<u8>),
    /// Written to standard error.
    Stderr(Vec<u8>),
}

/// Shows the length alone: output may hold secrets until the caller has masked it.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = match self {
            Self::Begun => return f.write_str("Begun"),
            Self::Stdout(bytes) => ("Stdout", bytes),
            Self::Stderr(bytes) => ("Stderr", bytes),
        };
        f.debug_tuple(name).field(&format_args!("[{} bytes]", bytes.len())).finish()
    }
}
