//! `Idempotency-Key`: a repeat of a create or rotate that had succeeded is told so. No value is stored.

use std::time::Duration;

use toolfront_token::{Timestamp, TokenId};

use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite::Stored;

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);
const KEY_BYTES_MAX: usize = 255;

/// A key that a client sends with a call that it may repeat: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key; `None` when it is empty, too long, has other characters, or a token's value in it.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=KEY_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !toolfront_token::has_token_value(text);
        fits.then(|| Self(text.to_owned()))
    }
}

/// The record that the same call made before, within the time that keys are remembered.
pub(crate) fn earlier(
    connection: &Connection,
    caller: TokenId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<TokenId>, StoreError> {
    let oldest = now.micros().saturating_sub(i64::try_from(REMEMBERED.as_micros()).unwrap_or(i64::MAX));
    connection.execute("DELETE FROM idempotency_keys WHERE created_at <= ?1", [oldest])?;
    let made: Option<i64> = connection
        .prepare_cached("SELECT result_token_id FROM idempotency_keys WHERE token_id = ?1 AND key = ?2")?
        .find_row((caller.to_stored(), &key.0), |row| row.get(0))?;
    made.map(|id| TokenId::from_stored(id, "idempotency_keys", "result_token_id")).transpose()
}

/// Remembers what the call made.
pub(crate) fn remember(
    connection: &Connection,
    caller: TokenId,
    key: &IdempotencyKey,
    made: TokenId,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO idempotency_keys (token_id, key, result_token_id, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((caller.to_stored(), &key.0, made.to_stored(), now.micros()))?;
    Ok(())
}
