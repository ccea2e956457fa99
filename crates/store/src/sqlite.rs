//! Connections, and how ids and times stand in SQLite.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use toolfront_token::{EnvId, OrgId, Timestamp, TokenId};

use crate::error::StoreError;

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The connection that writes: WAL, and every commit on the disk before it returns.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if journal != "wal" {
        let reason = format!("its file system allows the journal mode {journal} and not wal");
        return Err(StoreError::Unavailable { reason });
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?; // macOS: fsync alone leaves it in the drive's cache
    connection.pragma_update(None, "foreign_keys", true)?;
    // What was deleted or written over is gone from the pages: an encrypted secret, too, whose key may yet get out.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The same for a database that nobody has open: it is taken for one that never changes, and nothing is left beside it,
/// nor needs to be.
pub(crate) fn open_at_rest(path: &Path) -> Result<Connection, rusqlite::Error> {
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
}

/// An id as the integer that stands for it. 60 bits always fit.
pub(crate) trait Stored: Sized {
    fn to_stored(self) -> i64;
    fn from_stored(stored: i64, table: &'static str, column: &'static str) -> Result<Self, StoreError>;
}

macro_rules! stored_id {
    ($($id:ty),*) => {$(
        impl Stored for $id {
            fn to_stored(self) -> i64 {
                self.bits().cast_signed()
            }

            fn from_stored(stored: i64, table: &'static str, column: &'static str) -> Result<Self, StoreError> {
                Self::from_bits(stored.cast_unsigned()).ok_or(StoreError::Corrupt { table, column, id: stored })
            }
        }
    )*};
}

stored_id!(TokenId, EnvId, OrgId);

pub(crate) fn timestamp(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

pub(crate) fn micros(timestamp: Option<Timestamp>) -> Option<i64> {
    timestamp.map(Timestamp::micros)
}

/// A count as it is stored; beyond what fits, the most that does.
pub(crate) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
