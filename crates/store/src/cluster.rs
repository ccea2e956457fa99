//! Several gateways on one database: which of them there are, what each has in memory, and when a change holds at all
//! of them.
//!
//! Each gateway is a *node*: a row that says up to which change it has everything in memory. It relies on its memory for
//! [`TRUST`] from a moment on at which it had not yet read the changes that it then took over, by its own monotonic
//! clock, and no longer: what a gateway's lease is. A change is answered when every node has it, or when [`LEASE`] is
//! over since its commit, so that a node that has not taken it over does not rely on its memory any more. No clock of
//! one machine is ever compared with that of another. `tests/barrier_model` checks this in all orders of events.

mod barrier;
mod changes;
mod feed;
mod member;
mod seat;

use std::time::Duration;

pub(crate) use self::changes::{ahead_of_head, lock_head};
pub(crate) use self::member::{Joined, Member};

/// How long a change waits for a node that does not take it over.
const LEASE: Duration = Duration::from_secs(5);
/// How long a node relies on its memory. Shorter than the lease, for clocks that do not run equally fast.
const TRUST: Duration = Duration::from_secs(4);
/// How often a node renews its lease.
const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// After how long without a sign of life a node is taken for dead, and its chain of the audit log for free.
const DEAD_AFTER: Duration = Duration::from_mins(1);
/// What stands in a node's row while it relies on nothing.
const RELIES_ON_NOTHING: i64 = i64::MAX;
