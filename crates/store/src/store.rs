//! The store as a whole: a data directory, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use toolfront_token::{EnvId, Timestamp};

use crate::audit::{self, Attribution, Event, RunBegun, RunEnded};
use crate::blobs::Blobs;
use crate::change::{Change, ChangeSink};
use crate::error::{OpenError, StoreError};
use crate::lock::DirectoryLock;
use crate::reader::Reader;
use crate::secrets::Keys;
use crate::writer::{WriteTransaction, Writer};
use crate::{data_directory, environments, migrate, sqlite, tokens};

/// An opened data directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    // The order matters: the writer is closed after the readers, so that SQLite tidies up behind it, and
    // before the directory is let go.
    reader: Reader,
    writer: Writer,
    blobs: Blobs,
    keys: Arc<Keys>,
    directory: PathBuf,
    _lock: DirectoryLock,
}

/// What was found when the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many tokens.
    pub tokens: u64,
    /// How many environments that are not deleted.
    pub environments: u64,
}

impl Store {
    /// Opens a data directory, making it when it is not there, and hands everything that is kept in memory
    /// to `sink`. Blocks; call it off the async threads.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way; nothing was changed then.
    pub fn open(
        directory: &Path,
        sink: Arc<dyn ChangeSink>,
        now: Timestamp,
    ) -> Result<(Self, Summary), OpenError> {
        let unusable = |source| OpenError::Directory { path: directory.to_owned(), source };
        let directory = data_directory::prepare(directory).map_err(unusable)?;
        let lock = DirectoryLock::acquire(&directory)?;
        let path = data_directory::database(&directory).map_err(unusable)?;
        let mut connection = sqlite::open_writer(&path)?;
        migrate::migrate(&mut connection, now)?;
        let tokens = tokens::load(&connection, &mut |record| sink.apply(&Change::Token(Arc::new(record))))?;
        let environments = environments::load(&connection, &mut |record| {
            sink.apply(&Change::Environment(Arc::new(record)));
        })?;
        let blobs = Blobs::open(&directory).map_err(unusable)?;
        let keys = Arc::new(Keys::open(&directory).map_err(unusable)?);
        let writer = Writer::start(connection, sink).map_err(unusable)?;
        let reader = Reader::new(path);
        let shared = Shared { reader, writer, blobs, keys, directory, _lock: lock };
        Ok((Self { shared: Arc::new(shared) }, Summary { tokens, environments }))
    }

    /// The blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// Does what waits, and takes no more changes. Blocks.
    pub fn close(&self) {
        self.shared.reader.let_go();
        self.shared.writer.close();
    }

    /// Whether the store can be read and written, its audit log too, by doing so.
    ///
    /// # Errors
    /// [`StoreError`] says why not.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            let probe = "PRAGMA user_version = 1;
                SAVEPOINT probe;
                INSERT INTO audit_events (at, action, organization_id, detail) VALUES (0, 'probe', 0, '{}');
                ROLLBACK TO probe;
                RELEASE probe";
            transaction.execute_batch(probe).map_err(StoreError::from)
        })
        .await?;
        self.read(|connection| {
            let read = connection.query_row("SELECT count(*) FROM schema_migrations", [], |_| Ok(()));
            read.map_err(StoreError::from)
        })
        .await
    }

    /// Records that a command is about to run; it may be started once this has returned. Yields the event's
    /// sequence number.
    ///
    /// # Errors
    /// [`StoreError`]: the command must not be started then.
    pub async fn begin_run(
        &self,
        environment: EnvId,
        run: RunBegun,
        by: Attribution,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let event = Event::RunBegun(run);
        self.write(move |transaction| audit::append(transaction, &by, Some(environment), &event, now)).await
    }

    /// Records how a command ended.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be recorded.
    pub async fn end_run(
        &self,
        environment: EnvId,
        run: RunEnded,
        by: Attribution,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = Event::RunEnded(run);
        self.write(move |transaction| {
            audit::append(transaction, &by, Some(environment), &event, now).map(|_| ())
        })
        .await
    }

    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.shared.keys
    }

    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.shared.writer.submit(work).await
    }

    pub(crate) async fn read<T, E>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.shared.reader.read(read).await
    }
}
