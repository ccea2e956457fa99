//! Who has sent which blobs, for the other gateways of the database: knowing a file's digest is not having the file.
//!
//! A store that no other gateway has open keeps nothing of this.

use std::collections::HashSet;

use toolfront_app::BlobDigest;
use toolfront_token::{Timestamp, TokenId};

use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::store::Store;

impl Store {
    /// Notes that a token has sent a blob.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be noted.
    pub async fn note_upload(
        &self,
        token: TokenId,
        digest: BlobDigest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        self.write(move |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO uploads (token_id, digest, at) VALUES (?1, ?2, ?3)
                     ON CONFLICT (token_id, digest) DO UPDATE SET at = excluded.at",
                )?
                .execute_later((token.to_stored(), digest.to_string(), now.micros()))
        })
        .await
    }

    /// The blobs that a token has sent to any gateway of the database.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn uploads_of(&self, token: TokenId) -> Result<HashSet<BlobDigest>, StoreError> {
        if !self.is_shared() {
            return Ok(HashSet::new());
        }
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT digest FROM uploads WHERE token_id = ?1")?;
            statement.query_all([token.to_stored()], |row| {
                let id = token.to_stored();
                let corrupt = StoreError::Corrupt { table: "uploads", column: "digest", id };
                BlobDigest::parse(row.text(0)?).map_err(|_| corrupt)
            })
        })
        .await
    }

    /// Forgets what was sent before an instant.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be removed.
    pub async fn forget_uploads(&self, before: Timestamp) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        self.write(move |transaction| {
            transaction.execute("DELETE FROM uploads WHERE at < ?1", [before.micros()]).map(|_| ())
        })
        .await
    }
}
