//! The store as a whole: a data directory, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toolfront_token::{EnvId, Timestamp};

use crate::audit::{self, Attribution, ChainHead, Event, Recovered, RunBegun, RunEnded};
use crate::blobs::Blobs;
use crate::change::{self, ChangeSink, Loaded};
use crate::cluster::{Joined, Member};
use crate::database::{Ahead, Connection};
use crate::database_file::DatabaseFile;
use crate::database_url::DatabaseUrl;
use crate::disk::{Disk, DiskRoom};
use crate::error::{OpenError, StoreError};
use crate::lease::Lease;
use crate::lock::DirectoryLock;
use crate::place::{DatabasePlace, StorePlace};
use crate::reader::{ReadFrom, Reader};
use crate::secrets::{KeyFile, Keys};
use crate::writer::{
    ChangeTransaction, Home, LastChange, WriteTransaction, Writer, changing, changing_ahead,
};
use crate::{data_directory, migrate, sqlite};

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
    /// Where an embedded database is.
    file: Option<Arc<DatabaseFile>>,
    /// What this process is to the others of its database.
    member: Option<Arc<Member>>,
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

impl Summary {
    fn of(loaded: Loaded, recovered: &Recovered) -> Self {
        let Loaded { tokens, environments } = loaded;
        let Recovered { interrupted_runs, ends_well: log_ends_well, .. } = *recovered;
        Self { tokens, environments, interrupted_runs, log_ends_well }
    }
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
        let blobs = Blobs::open(&place.blobs, &directory)?;
        let own = || KeyFile::of(&directory);
        let key_file = place.key_file.as_deref().map_or_else(own, KeyFile::at);
        let keys = Arc::new(Keys::open(key_file).map_err(unusable)?);
        let disk = Disk::open(&directory).map_err(unusable)?;
        let opened = match &place.database {
            DatabasePlace::Embedded => Opened::file(&directory, &disk, sink, now)?,
            DatabasePlace::Postgres(url) => Opened::server(url, &directory, sink, now)?,
        };
        let Opened { reader, writer, file, member, summary } = opened;
        let lease = member.as_ref().map(|member| member.lease().clone()).unwrap_or_default();
        let shared =
            Shared { reader, writer, blobs, keys, lease, directory, file, member, disk, _lock: lock };
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
        self.shared.close();
    }

    /// Whether the store can be read and written, its audit log too, by doing so; and whether its files are still
    /// those that are found by their names.
    ///
    /// # Errors
    /// [`StoreError`] says why not.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.write(|transaction| match &**transaction {
            Connection::Sqlite(_) => transaction.execute_batch(
                "PRAGMA user_version = 1;
                SAVEPOINT probe;
                INSERT INTO audit_events (at, action, organization_id, detail) VALUES (0, 'probe', 0, '{}');
                ROLLBACK TO probe;
                RELEASE probe",
            ),
            // A number that is in front of all chains, for the time that the probe lasts.
            Connection::Postgres(_) => transaction.execute_batch(
                "SAVEPOINT probe;
                INSERT INTO audit_events (sequence, at, action, organization_id, detail)
                    VALUES (0, 0, 'probe', 0, '{}') ON CONFLICT DO NOTHING;
                ROLLBACK TO probe;
                RELEASE probe",
            ),
        })
        .await?;
        self.read(|connection| {
            connection.query_row("SELECT count(*) FROM schema_migrations", (), |_| Ok::<_, StoreError>(()))
        })
        .await?;
        self.shared.file.as_ref().map_or(Ok(()), |file| file.check())
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
        .0
    }

    /// Whether other gateways may have the same database open.
    pub fn is_shared(&self) -> bool {
        self.shared.member.is_some()
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
        let has_room = self.shared.file.is_none() || self.shared.disk.has_reserve();
        let submitted = has_room.then(|| self.shared.writer.submit(work));
        async move {
            match submitted {
                Some(submitted) => submitted.await.0,
                None => Err(StoreError::DiskFull.into()),
            }
        }
    }

    /// As [`Store::write`], for what changes something that is kept in memory: it is answered when the change holds
    /// at every gateway of the database.
    pub(crate) async fn change<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut ChangeTransaction<'_, '_>) -> Result<T, E> + Send + 'static,
    {
        if self.shared.file.is_some() && !self.shared.disk.has_reserve() {
            return Err(StoreError::DiskFull.into());
        }
        let (result, last) = self.shared.writer.submit(changing(work)).await;
        self.wait_for_all(last).await;
        result
    }

    async fn wait_for_all(&self, change: LastChange) {
        if let (Some(member), Some(change)) = (&self.shared.member, change) {
            member.wait_for_all(change).await;
        }
    }

    /// As [`Store::change`], for what must not fail because the disk is full; `ahead` is what the work will ask for.
    pub(crate) async fn change_in_reserve<T, E, W>(
        &self,
        is_of_room: impl Fn(&E) -> bool + Send,
        ahead: impl FnOnce(&mut Ahead) + Clone + Send + Sync + 'static,
        work: impl Fn() -> W + Send + Sync,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut ChangeTransaction<'_, '_>) -> Result<T, E> + Send + 'static,
    {
        let (done, last) = self.write_in_reserve(is_of_room, || changing_ahead(ahead.clone(), work())).await;
        self.wait_for_all(last).await;
        done
    }

    /// As [`Store::write`], for what must not fail because the disk is full: it is done again in the room that is
    /// kept back. `is_of_room` tells whether a failure may be for want of it: for a mere refusal nothing is given up.
    async fn write_in_reserve<T, E, W>(
        &self,
        is_of_room: impl Fn(&E) -> bool + Send,
        work: impl Fn() -> W + Send,
    ) -> (Result<T, E>, LastChange)
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (done, last) = self.shared.writer.submit(work()).await;
        let is_full = || self.shared.file.is_some() && self.disk_room().is_ok_and(|room| room.is_nearly_full);
        if done.as_ref().err().is_some_and(is_of_room) && is_full() && self.shared.disk.give_up() {
            return self.shared.writer.submit(work()).await;
        }
        (done, last)
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

impl Shared {
    fn close(&self) {
        if let Some(member) = &self.member {
            member.stop();
            // Nobody waits for this gateway from now on.
            member.lease().let_go();
        }
        self.reader.let_go();
        self.writer.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

/// A database, opened.
struct Opened {
    reader: Reader,
    writer: Writer,
    file: Option<Arc<DatabaseFile>>,
    member: Option<Arc<Member>>,
    summary: Summary,
}

impl Opened {
    /// The embedded one.
    fn file(
        directory: &Path,
        disk: &Disk,
        sink: Arc<dyn ChangeSink>,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory { path: directory.to_owned(), source };
        let path = data_directory::database(directory).map_err(unusable)?;
        let connection = Connection::Sqlite(sqlite::open_writer(&path)?);
        migrate::migrate(&connection, now)?;
        let loaded = change::load(&connection, &*sink)?;
        let file = Arc::new(DatabaseFile::opened(&path).map_err(unusable)?);
        // A disk that is full must not keep a gateway from starting: it has tokens to end.
        let recovered = match audit::recover(&connection, now) {
            Err(failure) if failure.may_be_for_want_of_room() && disk.give_up() => {
                audit::recover(&connection, now)?
            }
            recovered => recovered?,
        };
        let summary = Summary::of(loaded, &recovered);
        let home = Home::Own(Arc::clone(&file));
        let writer = Writer::start(connection, home, recovered.tail, sink).map_err(unusable)?;
        let reader = Reader::new(ReadFrom::File(path));
        Ok(Self { reader, writer, file: Some(file), member: None, summary })
    }

    /// One on a server, that others have open too.
    fn server(
        url: &DatabaseUrl,
        directory: &Path,
        sink: Arc<dyn ChangeSink>,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let Joined { member, connection, recovered, loaded } =
            Member::join(url, directory, Arc::clone(&sink), now)?;
        let summary = Summary::of(loaded, &recovered);
        let home = Home::Shared(Arc::clone(&member));
        let unusable = |err: std::io::Error| StoreError::Unavailable { reason: err.to_string() };
        let writer = Writer::start(connection, home, recovered.tail, sink).map_err(unusable)?;
        let errands = writer.errands();
        let asked = errands.clone();
        member.follow(move |node, beat| asked.adopt(node, beat), move || errands.be_ready())?;
        let reader = Reader::new(ReadFrom::Server(url.clone()));
        Ok(Self { reader, writer, file: None, member: Some(member), summary })
    }
}
