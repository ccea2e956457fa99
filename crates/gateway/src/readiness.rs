//! Whether the store can be read and written, found out at most once a second: whoever asks needs no token, and
//! must not keep the disk busy.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use toolfront_store::{Store, StoreError};

const FRESH: Duration = Duration::from_secs(1);

/// What was found the last time.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Readiness {
    /// Finds out, or says what was found less than a second ago. Those who ask at once wait for one answer.
    pub(crate) async fn check(&self, store: &Store) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        if let Some((_, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return found.clone();
        }
        let found = store.check().await;
        *last = Some((Instant::now(), found.clone()));
        found
    }
}
