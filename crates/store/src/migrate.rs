//! Migrations: numbered SQL files, applied in order, in one transaction, forward only.

use sha2::{Digest, Sha256};
use toolfront_token::Timestamp;

use crate::database::Connection;
use crate::error::{OpenError, StoreError};

/// All migrations of the embedded database, the first one first. To add one, write `migrations/sqlite/NNNN_name.sql`
/// and name it here, and its like in `migrations/postgres`; one that was released is never changed.
const SQLITE: &[&str] = &[
    include_str!("../migrations/sqlite/0001_spine.sql"),
    include_str!("../migrations/sqlite/0002_secrets.sql"),
    include_str!("../migrations/sqlite/0003_environment_limits.sql"),
    include_str!("../migrations/sqlite/0004_end_runs_with_token.sql"),
    include_str!("../migrations/sqlite/0005_audit_chain.sql"),
];
const SQLITE_APPLIED: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER PRIMARY KEY, checksum BLOB NOT NULL, applied_at INTEGER NOT NULL
    ) STRICT;";

/// The same for PostgreSQL.
const POSTGRES: &[&str] = &[include_str!("../migrations/postgres/0001_spine.sql")];
/// One gateway migrates at a time.
const POSTGRES_APPLIED: &str =
    "SELECT pg_advisory_xact_lock(hashtext('toolfront schema ' || current_schema()));
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version BIGINT PRIMARY KEY, checksum BYTEA NOT NULL, applied_at BIGINT NOT NULL
    );";

/// Brings the schema to the newest version.
pub(crate) fn migrate(connection: &Connection, now: Timestamp) -> Result<(), OpenError> {
    connection.begin()?;
    let migrated = apply(connection, now).and_then(|()| Ok(connection.commit()?));
    migrated.inspect_err(|_| connection.roll_back())
}

fn apply(connection: &Connection, now: Timestamp) -> Result<(), OpenError> {
    let (migrations, table) = match connection {
        Connection::Sqlite(_) => (SQLITE, SQLITE_APPLIED),
        Connection::Postgres(_) => (POSTGRES, POSTGRES_APPLIED),
    };
    connection.execute_batch(table)?;
    let mut statement =
        connection.prepare_cached("SELECT version, checksum FROM schema_migrations ORDER BY version")?;
    let applied: Vec<(u32, Vec<u8>)> =
        statement.query_all((), |row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?)))?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if let Some((found, _)) = applied.last().filter(|(version, _)| *version > known) {
        return Err(OpenError::Newer { found: *found, known });
    }
    for (version, sql) in (1_u32..).zip(migrations) {
        let checksum = Sha256::digest(sql.as_bytes());
        match applied.iter().find(|(applied, _)| *applied == version) {
            Some((_, stored)) if stored.as_slice() == checksum.as_slice() => {}
            Some(_) => return Err(OpenError::ForeignMigration { version }),
            None => {
                connection.execute_batch(sql)?;
                connection.execute(
                    "INSERT INTO schema_migrations (version, checksum, applied_at) VALUES (?1, ?2, ?3)",
                    (version, checksum.as_slice(), now.micros()),
                )?;
            }
        }
    }
    Ok(())
}
