//! How long what is kept in memory may be relied on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Whether what this process keeps in memory of the store may be relied on. Always, for a store that no other process
/// changes; else for as long as the process has heard from the database lately enough to know all that was answered.
///
/// Time is the process's own monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    shared: Option<Arc<Term>>,
}

#[derive(Debug)]
struct Term {
    begun: Instant,
    /// Nanoseconds after `begun`; the lease is held before that instant.
    until: AtomicU64,
}

impl Lease {
    /// A lease that runs out, and is not held yet. It is for whoever renews it, and for tests of what asks it.
    pub fn not_held() -> Self {
        Self { shared: Some(Arc::new(Term { begun: Instant::now(), until: AtomicU64::new(0) })) }
    }

    /// Whether it is held at this moment.
    pub fn is_held(&self) -> bool {
        match &self.shared {
            None => true,
            Some(term) => nanos(term.begun, Instant::now()) < term.until.load(Ordering::Acquire),
        }
    }

    /// Holds it until that instant, if that is later than what it was held until.
    pub fn extend(&self, until: Instant) {
        if let Some(term) = &self.shared {
            term.until.fetch_max(nanos(term.begun, until), Ordering::AcqRel);
        }
    }

    /// Holds it no more, until it is extended again. One that does not run out is held all the same.
    pub fn let_go(&self) {
        if let Some(term) = &self.shared {
            term.until.store(0, Ordering::Release);
        }
    }
}

fn nanos(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}
