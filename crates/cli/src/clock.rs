//! The one place that looks at the clock; everything else gets the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use toolfront_token::Timestamp;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(0).plus(since_epoch)
}
