//! A data directory whose blobs are in a directory that other gateways have too.

use std::sync::Arc;

use tempfile::TempDir;
use toolfront_store::{BlobPlace, ChangeSink, OpenError, Store, StorePlace, Summary};
use toolfront_token::Timestamp;

use super::sqlite::{Sqlite, copy, read_all};
use super::{AuditEvent, Backend, Shared};

pub(crate) struct SharedDirectory {
    pub(crate) own: Sqlite,
    pub(crate) shared: Arc<TempDir>,
}

impl Backend for SharedDirectory {
    fn fresh() -> Self {
        Self { own: Sqlite::fresh(), shared: Arc::new(tempfile::tempdir().unwrap()) }
    }

    fn open(&self, sink: Arc<dyn ChangeSink>, now: Timestamp) -> Result<(Store, Summary), OpenError> {
        let blobs = BlobPlace::Directory(self.shared.path().to_owned());
        Store::open(&StorePlace { blobs, ..StorePlace::embedded(self.own.path()) }, sink, now)
    }

    fn events(&self) -> Vec<AuditEvent> {
        self.own.events()
    }

    fn crashed(&self) -> Self {
        let crashed = Self { own: self.own.crashed(), shared: Arc::new(tempfile::tempdir().unwrap()) };
        std::fs::remove_dir(crashed.shared.path()).unwrap();
        copy(self.shared.path(), crashed.shared.path());
        crashed
    }

    fn everything(&self) -> Vec<Vec<u8>> {
        let mut files = self.own.everything();
        read_all(self.shared.path(), &mut files);
        files
    }
}

impl Shared for SharedDirectory {
    fn beside(&self) -> Self {
        Self { own: Sqlite::fresh(), shared: Arc::clone(&self.shared) }
    }
}
