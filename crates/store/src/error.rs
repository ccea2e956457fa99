//! What can go wrong with the store itself.

use std::path::PathBuf;

use crate::blobs::BlobError;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory can't be made or used.
    #[error("the data directory {path} can't be used")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error(
        "the data directory {path} is in use by another gateway: stop that one, or name another --data-dir"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory that gateways share for their blobs can't be used.
    #[error(
        "the directory of blobs {path} can't be used: it has to be there, and its files have to be ones that can be locked"
    )]
    Blobs {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The object store that has the blobs can't be used.
    #[error("the blobs at {place} can't be used")]
    Objects {
        /// The bucket and the prefix.
        place: String,
        /// Why.
        source: BlobError,
    },
    /// It was written by a newer version.
    #[error(
        "the data directory was written by a newer toolfront (schema {found}, this one knows {known}): use that version"
    )]
    Newer {
        /// The schema's version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A migration that was applied is not the one known here.
    #[error("migration {version} of the database is not the one that this version knows")]
    ForeignMigration {
        /// The migration's number.
        version: u32,
    },
    /// Anything else.
    #[error("the database can't be opened")]
    Store(#[source] StoreError),
}

/// Why the store could not do something; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room for the change.
    #[error("the disk of the data directory is full")]
    DiskFull,
    /// The database refused, for a reason that is not the caller's.
    #[error("the database can't be used: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// Stored data that breaks its own rules.
    #[error("corrupt data in {table}.{column}, row {id}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: i64,
    },
    /// The database's file, or the log in front of it, is not the one that was opened.
    #[error("{path} was removed or replaced while it was in use: put it back, or start the gateway again")]
    Displaced {
        /// The file.
        path: PathBuf,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether it may be that there is no room; SQLite does not say so in each case.
    pub(crate) fn may_be_for_want_of_room(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Unavailable { .. })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(err: rusqlite::Error) -> Self {
        match err.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Unavailable { reason: err.to_string() },
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(err: StoreError) -> Self {
        Self::Store(err)
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(err: rusqlite::Error) -> Self {
        Self::Store(err.into())
    }
}
