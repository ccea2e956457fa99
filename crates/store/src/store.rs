//! The store as a whole: a data directory, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use toolfront_token::{EnvId, Timestamp};

use crate::audit::{self, Attribution, ChainHead, Event, RunBegun, RunEnded};
use crate::blobs::Blobs;
use crate::change::{Change, ChangeSink};
use crate::database_file::DatabaseFile;
use crate::disk::{Disk, DiskRoom};
use crate::error::{OpenError, StoreError};
use crate::lease::Lease;
use crate::lock::DirectoryLock;
use crate::place::StorePlace;
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
    lease: Lease,
    directory: PathBuf,
    file: Arc<DatabaseFile>,
    disk: Disk,
    _lock: DirectoryLock,
}

/// What was found when the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many tokens.
    pub tokens: u64,
    /// How many environments that are not deleted.
    pub environments: u64,
    /// How many commands were under way when the process before ended; their end is on record now.
    pub interrupted_runs: usize,
    /// Whether the audit log ends with the event that was last written to it.
    pub log_ends_well: bool,
}

impl Store {
    /// Opens what is stored at a place, making it when it is not there, and hands everything that is kept in memory
    /// to `sink`. Blocks; call it off the async threads.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way; nothing was changed then.
    pub fn open(
        place: &StorePlace,
        sink: Arc<dyn ChangeSink>,
        now: Timestamp,
    ) -> Result<(Self, Summary), OpenError> {
        let directory = place.directory.as_path();
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
        let file = Arc::new(DatabaseFile::opened(&path).map_err(unusable)?);
        let disk = Disk::open(&directory).map_err(unusable)?;
        // A disk that is full must not keep a gateway from starting: it has tokens to end.
        let recovered = match audit::recover(&mut connection, now) {
            Err(failure) if failure.may_be_for_want_of_room() && disk.give_up() => {
                audit::recover(&mut connection, now)?
            }
            recovered => recovered?,
        };
        let (interrupted_runs, log_ends_well) = (recovered.interrupted_runs, recovered.ends_well);
        let writer = Writer::start(connection, Arc::clone(&file), recovered.tail, sink).map_err(unusable)?;
        let reader = Reader::new(path);
        let shared = Shared {
            reader,
            writer,
            blobs,
            keys,
            lease: Lease::default(),
            directory,
            file,
            disk,
            _lock: lock,
        };
        let summary = Summary { tokens, environments, interrupted_runs, log_ends_well };
        Ok((Self { shared: Arc::new(shared) }, summary))
    }

    /// The blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// Whether what the sink was handed may be relied on at this moment: whoever answers a request by it asks first.
    pub fn lease(&self) -> &Lease {
        &self.shared.lease
    }

    /// Does what waits, and takes no more changes. Blocks.
    pub fn close(&self) {
        self.shared.reader.let_go();
        self.shared.writer.close();
    }

    /// Whether the store can be read and written, its audit log too, by doing so; and whether its files are still
    /// those that are found by their names.
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
        .await?;
        self.shared.file.check()
    }

    /// How much room the disk of the data directory has.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when that can't be found out.
    pub fn disk_room(&self) -> Result<DiskRoom, StoreError> {
        self.shared.disk.room().map_err(|err| StoreError::Unavailable { reason: err.to_string() })
    }

    /// Where the audit log ends, now and after each commit to come.
    pub fn log_heads(&self) -> tokio::sync::watch::Receiver<ChainHead> {
        self.shared.writer.heads()
    }

    /// Records that a command is about to run; it may be started once this has returned. Yields the event's
    /// sequence number. It is being recorded once this has been called, and not only once it is waited for.
    ///
    /// # Errors
    /// [`StoreError`]: the command must not be started then.
    pub fn begin_run(
        &self,
        environment: EnvId,
        run: RunBegun,
        by: Attribution,
        now: Timestamp,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send + use<> {
        let event = Event::RunBegun(run);
        self.write(move |transaction| audit::append(transaction, &by, Some(environment), &event, now))
    }

    /// Records how a command ended; on a full disk in the room that is kept back for it.
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
        let end = Arc::new((Event::RunEnded(run), by));
        self.write_in_reserve(StoreError::may_be_for_want_of_room, move || {
            let end = Arc::clone(&end);
            move |transaction: &mut WriteTransaction<'_>| {
                audit::append(transaction, &end.1, Some(environment), &end.0, now).map(|_| ())
            }
        })
        .await
    }

    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.shared.keys
    }

    pub(crate) fn write<T, E, W>(&self, work: W) -> impl Future<Output = Result<T, E>> + Send + use<T, E, W>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        // What is left of a full disk is for what must not fail.
        let submitted = self.shared.disk.has_reserve().then(|| self.shared.writer.submit(work));
        async move {
            match submitted {
                Some(submitted) => submitted.await,
                None => Err(StoreError::DiskFull.into()),
            }
        }
    }

    /// As [`Store::write`], for what must not fail because the disk is full: it is done again in the room that is
    /// kept back. `is_of_room` tells whether a failure may be for want of it: for a mere refusal nothing is given up.
    pub(crate) async fn write_in_reserve<T, E, W>(
        &self,
        is_of_room: impl Fn(&E) -> bool + Send,
        work: impl Fn() -> W + Send,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let done = self.shared.writer.submit(work()).await;
        let is_full = || self.disk_room().is_ok_and(|room| room.is_nearly_full);
        if done.as_ref().err().is_some_and(is_of_room) && is_full() && self.shared.disk.give_up() {
            return self.shared.writer.submit(work()).await;
        }
        done
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
