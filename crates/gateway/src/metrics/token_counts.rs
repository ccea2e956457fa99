//! How many tokens there are that somebody should look at: found out once a minute at most, since it takes looking at
//! all of them.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use toolfront_store::{Store, StoreError, TokenCounts};
use toolfront_token::Timestamp;

const FRESH: Duration = Duration::from_mins(1);
const UNUSED_FOR: Duration = Duration::from_hours(90 * 24);
const EXPIRES_WITHIN: Duration = Duration::from_hours(30 * 24);

/// What was found the last time.
#[derive(Debug, Default)]
pub(crate) struct CountedTokens {
    last: Mutex<Option<(Instant, TokenCounts)>>,
}

impl CountedTokens {
    pub(super) async fn get(&self, store: &Store, now: Timestamp) -> Result<TokenCounts, StoreError> {
        let mut last = self.last.lock().await;
        if let Some((_, counts)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(*counts);
        }
        let unused_since = now.minus(UNUSED_FOR);
        let counts = store.count_tokens(now, unused_since, now.plus(EXPIRES_WITHIN)).await?;
        *last = Some((Instant::now(), counts));
        Ok(counts)
    }
}
