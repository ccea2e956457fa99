//! How long what is kept in memory may be relied on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The clock that goes on while the machine sleeps: what was in memory before is not to be relied on after. Of
/// Linux's two monotonic clocks that is this one, and macOS has it as its only one.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Whether what this process keeps in memory of the store may be relied on. Always, for a store that no other process
/// changes; else for as long as the process has heard from the database lately enough to know all that was answered.
///
/// Time is that of the machine since it was started, its sleep included. A virtual machine that its host stopped knows
/// nothing of that.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    /// The lease is held before this moment.
    until: Option<Arc<AtomicU64>>,
}

/// A moment, as nanoseconds since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// This one.
    pub fn now() -> Self {
        let time = clock_gettime(CLOCK);
        let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Lease {
    /// A lease that runs out, and is not held yet. It is for whoever renews it, and for tests of what asks it.
    pub fn not_held() -> Self {
        Self { until: Some(Arc::default()) }
    }

    /// Whether it is held at this moment.
    pub fn is_held(&self) -> bool {
        match &self.until {
            None => true,
            Some(until) => Moment::now().0 < until.load(Ordering::Acquire),
        }
    }

    /// Holds it until that moment, if that is later than what it was held until.
    pub fn extend(&self, until: Moment) {
        if let Some(held) = &self.until {
            held.fetch_max(until.0, Ordering::AcqRel);
        }
    }

    /// Holds it no more, until it is extended again. One that does not run out is held all the same.
    pub fn let_go(&self) {
        if let Some(until) = &self.until {
            until.store(0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_held_until_its_moment_and_not_shortened() {
        let lease = Lease::not_held();
        assert!(!lease.is_held());
        lease.extend(Moment(1));
        assert!(!lease.is_held(), "that was long ago");
        lease.extend(Moment::now().plus(Duration::from_hours(1)));
        lease.extend(Moment::now());
        assert!(lease.is_held());
        lease.let_go();
        assert!(!lease.is_held());
        let own = Lease::default();
        own.let_go();
        assert!(own.is_held(), "of a store that nobody else changes");
    }
}
