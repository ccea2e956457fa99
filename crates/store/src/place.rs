//! Where a store is kept.

use std::path::{Path, PathBuf};

use crate::database_url::DatabaseUrl;
use crate::s3_place::S3Place;

/// Where a store is kept.
#[derive(Clone, Debug)]
pub struct StorePlace {
    /// The data directory of this process. An embedded store is in it as a whole; of one that several gateways share
    /// it has what is this gateway's alone, and what can be had again.
    pub directory: PathBuf,
    /// Where the database is.
    pub database: DatabasePlace,
    /// Where the blobs are.
    pub blobs: BlobPlace,
    /// The file of the keys that secrets are encrypted under; `secrets.key` in the data directory when it is not given.
    pub key_file: Option<PathBuf>,
}

/// Where the database is.
#[derive(Clone, Debug, Default)]
pub enum DatabasePlace {
    /// In the data directory, for one gateway alone: SQLite.
    #[default]
    Embedded,
    /// On a PostgreSQL server, for any number of gateways.
    Postgres(DatabaseUrl),
}

/// Where the blobs are.
#[derive(Clone, Debug, Default)]
pub enum BlobPlace {
    /// In the data directory.
    #[default]
    DataDirectory,
    /// In a directory that all gateways of the database have.
    Directory(PathBuf),
    /// In an object store that all gateways of the database have; `blobs/` in the data directory has copies.
    S3(S3Place),
}

impl StorePlace {
    /// A data directory that has everything in it.
    pub fn embedded(directory: impl AsRef<Path>) -> Self {
        Self {
            directory: directory.as_ref().to_owned(),
            database: DatabasePlace::default(),
            blobs: BlobPlace::default(),
            key_file: None,
        }
    }
}
