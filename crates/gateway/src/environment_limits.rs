//! What one environment's commands are held to: its own limits, within the gateway's.

use std::time::Duration;

use toolfront_app::MAX_TIMEOUT;
use toolfront_sandbox::{Cage, CageLimits, Network as CageNetwork, RunLimits};
use toolfront_store::{EnvironmentLimits, EnvironmentRecord, Limit, Network};

use crate::settings::Limits;

/// No program starts in less memory, or with fewer files open.
const MEMORY_BYTES_MIN: u64 = 16 << 20;
const OPEN_FILES_MIN: u64 = 16;

/// A limit of the gateway with which no command could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} has to be {least} at least: no command runs with less")]
pub struct LimitTooLow {
    /// Its name in the configuration.
    pub name: &'static str,
    /// The least that it can be.
    pub least: u64,
}

/// Holds the gateway's own limits to be such that commands can run.
pub(crate) fn check(limits: &Limits) -> Result<(), LimitTooLow> {
    for (name, limit) in [
        ("run_memory_bytes_max", Limit::MemoryBytes),
        ("run_processes_max", Limit::Processes),
        ("run_open_files_max", Limit::OpenFiles),
        ("run_file_bytes_max", Limit::FileBytes),
        ("run_cpu_time_max (in seconds)", Limit::CpuSeconds),
    ] {
        let least = least(limit);
        if most(limits, limit) < least {
            return Err(LimitTooLow { name, least });
        }
    }
    Ok(())
}

/// The gateway's own: what holds where an environment has none, and the most that it can have.
pub(crate) fn most(limits: &Limits, limit: Limit) -> u64 {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match limit {
        Limit::OutputBytes => count(limits.output_bytes_max),
        Limit::MemoryBytes => limits.run_memory_bytes_max,
        Limit::Processes => limits.run_processes_max,
        Limit::FileBytes => limits.run_file_bytes_max,
        Limit::OpenFiles => limits.run_open_files_max,
        Limit::CpuSeconds => limits.run_cpu_time_max.as_secs(),
        Limit::Runs => count(limits.runs_per_environment_max),
        Limit::TimeoutSeconds => MAX_TIMEOUT.as_secs(),
    }
}

/// The least that an environment can have.
pub(crate) fn least(limit: Limit) -> u64 {
    match limit {
        Limit::MemoryBytes => MEMORY_BYTES_MIN,
        Limit::OpenFiles => OPEN_FILES_MIN,
        Limit::OutputBytes
        | Limit::Processes
        | Limit::FileBytes
        | Limit::CpuSeconds
        | Limit::Runs
        | Limit::TimeoutSeconds => 1,
    }
}

/// What holds: the environment's own, unless the gateway's was lowered since it was set.
fn effective(limits: &Limits, own: &EnvironmentLimits, limit: Limit) -> u64 {
    let most = most(limits, limit);
    own.get(limit).map_or(most, |own| own.min(most))
}

/// How many commands the environment may run at once.
pub(crate) fn runs_max(limits: &Limits, own: &EnvironmentLimits) -> usize {
    usize::try_from(effective(limits, own, Limit::Runs)).unwrap_or(usize::MAX)
}

/// The limits that the gateway keeps of one run.
pub(crate) fn run_limits(limits: &Limits, own: &EnvironmentLimits) -> RunLimits {
    RunLimits {
        output_bytes_max: usize::try_from(effective(limits, own, Limit::OutputBytes)).unwrap_or(usize::MAX),
        timeout_max: own.get(Limit::TimeoutSeconds).map(Duration::from_secs),
        ..RunLimits::default()
    }
}

/// Narrows a cage to what the environment has.
pub(crate) fn confine(cage: &mut Cage, limits: &Limits, environment: &EnvironmentRecord) {
    let own = |limit| effective(limits, &environment.limits, limit);
    cage.network = match environment.network {
        Network::Outbound => CageNetwork::Outbound,
        Network::None => CageNetwork::None,
    };
    cage.limits = CageLimits {
        memory: own(Limit::MemoryBytes),
        processes: own(Limit::Processes),
        open_files: own(Limit::OpenFiles),
        file_size: own(Limit::FileBytes),
        cpu_seconds: own(Limit::CpuSeconds),
    };
}
