//! Migrations: numbered SQL files, applied in order, each in a transaction, forward only.

use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};
use toolfront_token::Timestamp;

use crate::error::OpenError;

/// All migrations, the first one first. To add one, write `migrations/sqlite/NNNN_name.sql` and name it here;
/// one that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/sqlite/0001_spine.sql"),
    include_str!("../migrations/sqlite/0002_secrets.sql"),
    include_str!("../migrations/sqlite/0003_environment_limits.sql"),
    include_str!("../migrations/sqlite/0004_end_runs_with_token.sql"),
    include_str!("../migrations/sqlite/0005_audit_chain.sql"),
];

/// Brings the schema to the newest version.
pub(crate) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            version INTEGER PRIMARY KEY, checksum BLOB NOT NULL, applied_at INTEGER NOT NULL
        ) STRICT;",
    )?;
    let applied: Vec<(u32, Vec<u8>)> = transaction
        .prepare("SELECT version, checksum FROM schema_migrations ORDER BY version")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if let Some((found, _)) = applied.last().filter(|(version, _)| *version > known) {
        return Err(OpenError::Newer { found: *found, known });
    }
    for (version, sql) in (1_u32..).zip(MIGRATIONS) {
        let checksum = Sha256::digest(sql.as_bytes());
        match applied.iter().find(|(applied, _)| *applied == version) {
            Some((_, stored)) if stored.as_slice() == checksum.as_slice() => {}
            Some(_) => return Err(OpenError::ForeignMigration { version }),
            None => {
                transaction.execute_batch(sql)?;
                transaction.execute(
                    "INSERT INTO schema_migrations (version, checksum, applied_at) VALUES (?1, ?2, ?3)",
                    (version, checksum.as_slice(), now.micros()),
                )?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}
