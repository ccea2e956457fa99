//! How many tokens there are that somebody should look at.

use toolfront_token::Timestamp;

use crate::error::StoreError;
use crate::store::Store;

/// How many valid tokens there are, and how many of them somebody should look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// All that are valid.
    pub active: i64,
    /// Those that were not used since an instant, and were made before it.
    pub unused: i64,
    /// Those that expire before another.
    pub expiring: i64,
}

impl Store {
    /// Counts the tokens that are valid at `now`. It looks at all of them.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn count_tokens(
        &self,
        now: Timestamp,
        unused_since: Timestamp,
        expiring_before: Timestamp,
    ) -> Result<TokenCounts, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT count(*),
                    count(CASE WHEN t.created_at < ?2 AND NOT EXISTS (
                        SELECT 1 FROM token_generations u WHERE u.token_id = t.id AND u.last_used_at >= ?2) THEN 1 END),
                    count(CASE WHEN g.expires_at < ?3 THEN 1 END)
                 FROM tokens t JOIN token_generations g ON g.token_id = t.id AND g.number = t.generation
                 WHERE t.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ?1)",
            )?;
            statement.query_row((now.micros(), unused_since.micros(), expiring_before.micros()), |row| {
                Ok(TokenCounts { active: row.get(0)?, unused: row.get(1)?, expiring: row.get(2)? })
            })
        })
        .await
    }
}
