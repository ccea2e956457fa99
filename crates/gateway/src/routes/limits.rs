//! The limits that a request sets for an environment.

use toolfront_api::{PatchEnvironment, PatchLimits};
use toolfront_store::Limit;

use super::fields::Fields;
use crate::environment_limits::{least, most};
use crate::settings::Limits;

/// What changes; `null` for the whole takes every limit away. Each that is out of bounds is told by its name.
pub(super) fn changes(
    fields: &mut Fields,
    limits: &Limits,
    request: &PatchEnvironment,
) -> Vec<(Limit, Option<u64>)> {
    let sent = match request.limits {
        None => PatchLimits::default(),
        Some(sent) => sent.unwrap_or(NONE),
    };
    let named = [
        (Limit::OutputBytes, "limits.output_bytes", sent.output_bytes),
        (Limit::MemoryBytes, "limits.memory_bytes", sent.memory_bytes),
        (Limit::Processes, "limits.processes", sent.processes),
        (Limit::FileBytes, "limits.file_bytes", sent.file_bytes),
        (Limit::OpenFiles, "limits.open_files", sent.open_files),
        (Limit::CpuSeconds, "limits.cpu_seconds", sent.cpu_seconds),
        (Limit::Runs, "limits.runs", sent.runs),
        (Limit::TimeoutSeconds, "limits.timeout_seconds", sent.timeout_seconds),
    ];
    let mut changes = Vec::new();
    for (limit, field, value) in named {
        let Some(value) = value else { continue };
        let (least, most) = (least(limit), most(limits, limit));
        if value.is_some_and(|value| value < least || value > most) {
            fields.fault(field, format!("is from {least} to {most}"));
        } else {
            changes.push((limit, value));
        }
    }
    changes
}

/// Every limit is the gateway's again.
const NONE: PatchLimits = PatchLimits {
    output_bytes: Some(None),
    memory_bytes: Some(None),
    processes: Some(None),
    file_bytes: Some(None),
    open_files: Some(None),
    cpu_seconds: Some(None),
    runs: Some(None),
    timeout_seconds: Some(None),
};
