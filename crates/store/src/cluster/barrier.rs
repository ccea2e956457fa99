//! Waiting until a change holds at every node.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::LEASE;

/// Where calls wait whose change is committed.
#[derive(Debug)]
pub(super) struct Barrier {
    /// How many calls have begun to wait.
    begun: AtomicU64,
    /// What every node has.
    known: watch::Sender<Known>,
    /// Wakes whoever finds that out.
    pub(super) wake: Notify,
}

/// What every node had, when it was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// It was asked for after so many calls had begun to wait: for the calls after them it says nothing.
    pub(super) asked: u64,
    /// The number up to which every node that relies on its memory had all changes in it.
    pub(super) applied: i64,
}

impl Barrier {
    pub(super) fn new() -> Self {
        let known = watch::Sender::new(Known { asked: 0, applied: 0 });
        Self { begun: AtomicU64::new(0), known, wake: Notify::new() }
    }

    /// Returns when the change with that number holds at every node. To be called after its commit.
    pub(super) async fn wait(&self, change: i64) {
        let end = Instant::now() + LEASE;
        let ticket = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let mut known = self.known.subscribe();
        self.wake.notify_one();
        let everywhere = known.wait_for(|known| known.asked >= ticket && known.applied >= change);
        tokio::select! {
            _ = everywhere => {}
            () = sleep_until(end) => {}
        }
    }

    /// How many calls have begun to wait until now; what is asked for from now on holds for them.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether somebody may still wait.
    pub(super) fn is_waited_for(&self) -> bool {
        self.known.receiver_count() > 0
    }

    pub(super) fn tell(&self, known: Known) {
        self.known.send_replace(known);
    }
}
