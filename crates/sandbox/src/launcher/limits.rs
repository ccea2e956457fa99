//! The limits of a command, set on its first process and inherited by all others.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::wire::Order;

/// What a process may map in all, against what it may fill: runtimes reserve large ranges that they never touch.
const MAPPED_PER_FILLED: u64 = 4;

/// `processes_taken`: those that the same user has outside the run.
pub(super) fn set(order: &Order, processes_taken: u64) -> Result<(), Errno> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Data, order.memory),
        (Resource::As, order.memory.saturating_mul(MAPPED_PER_FILLED)),
        (Resource::Nproc, order.processes.saturating_add(processes_taken)),
        (Resource::Fsize, order.file_size),
        (Resource::Cpu, order.cpu_seconds),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    limits.into_iter().try_for_each(|(resource, value)| set_one(resource, value))
}

/// Comes after the last step that opens something: a child still has the slot's files open, and may have more of them
/// than its command may.
pub(super) fn set_open_files(order: &Order) -> Result<(), Errno> {
    set_one(Resource::Nofile, order.open_files)
}

/// Never more than this process has itself: that takes privileges, and nobody meant to give more.
fn set_one(resource: Resource, value: u64) -> Result<(), Errno> {
    let value = getrlimit(resource).maximum.map_or(value, |most| value.min(most));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
}
