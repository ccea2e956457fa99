//! Whether the gateway can do all of its work, found out at most once a second: whoever asks needs no token, and must
//! not keep the disk busy.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use toolfront_store::StoreError;

use crate::gateway::Gateway;

const FRESH: Duration = Duration::from_secs(1);

/// What is in the way, in words for everybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    #[error(
        "the lease is not held: the database that is shared with other gateways was not heard from lately"
    )]
    Lease,
    #[error("the disk of the data directory is full")]
    DiskFull,
    #[error("the disk of the data directory is nearly full")]
    DiskNearlyFull,
    #[error("the database's file was removed or replaced while it was in use")]
    Displaced,
    #[error("requests can't be recorded in the audit log")]
    Unrecorded,
    #[error("the store can't be used; the log says why")]
    Store,
}

/// What was found the last time.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

impl Readiness {
    /// Finds out, or says what was found less than a second ago. Those who ask at once wait for one answer.
    pub(crate) async fn check(&self, gateway: &Gateway) -> Result<(), NotReady> {
        // Known at once, and not to be told a moment longer than it is so.
        if !gateway.memory().is_trusted() {
            return Err(NotReady::Lease);
        }
        let mut last = self.last.lock().await;
        if let Some((_, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return found.clone();
        }
        let found = look(gateway).await;
        if let Err(cause) = &found {
            tracing::warn!(%cause, "not ready");
        }
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

async fn look(gateway: &Gateway) -> Result<(), NotReady> {
    let store = gateway.store();
    store.check().await.map_err(|cause| {
        tracing::error!(%cause, "the store failed");
        match cause {
            StoreError::DiskFull => NotReady::DiskFull,
            StoreError::Displaced { .. } => NotReady::Displaced,
            StoreError::Unavailable { .. } | StoreError::Corrupt { .. } | StoreError::Closed => {
                NotReady::Store
            }
        }
    })?;
    if store.disk_room().is_ok_and(|room| room.is_nearly_full) {
        return Err(NotReady::DiskNearlyFull);
    }
    gateway.access_log().flush(store).await.map_err(|_| NotReady::Unrecorded)
}
