//! The one writer: a thread that gathers what is waiting, commits it as one transaction, applies what
//! changed, and then answers all of it.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::audit::{ChainHash, ChainHead, Effects, LogTail, Told};
use crate::change::{Change, ChangeSink, CommitReport};
use crate::database_file::DatabaseFile;
use crate::error::StoreError;

/// How many calls one transaction takes at the most.
const BATCH_MAX: usize = 512;

/// A transaction under way, and what it does besides its rows.
pub(crate) struct WriteTransaction<'c> {
    connection: &'c Connection,
    tail: &'c LogTail,
    effects: Effects,
    /// Something of a failed call could not be undone: nothing of the transaction may be kept.
    spoiled: bool,
}

impl<'c> WriteTransaction<'c> {
    /// The transaction that `connection` has begun, behind the log's end.
    pub(crate) fn begin(connection: &'c Connection, tail: &'c LogTail) -> Self {
        Self { connection, tail, effects: tail.begin(), spoiled: false }
    }

    /// Commits it, and yields what came about with it.
    pub(crate) fn commit(self) -> Result<Effects, StoreError> {
        let Self { connection, tail, effects, spoiled } = self;
        let rolled_back = || StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() };
        let is_usable = !spoiled && !connection.is_autocommit();
        let committed = if is_usable { tail.seal(connection, &effects) } else { Err(rolled_back()) };
        let committed = committed.and_then(|()| Ok(step(connection, "COMMIT")?));
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        match committed {
            Ok(()) => Ok(effects),
            Err(failure) => {
                effects.abandon();
                Err(failure)
            }
        }
    }

    /// Whether it can go on. On some failures (a full disk among them) SQLite ends a transaction by itself.
    fn is_usable(&self) -> bool {
        !self.spoiled && !self.connection.is_autocommit()
    }

    /// Notes a change to be applied once the transaction is committed.
    pub(crate) fn note(&mut self, change: Change) {
        self.effects.changes.push(change);
    }

    /// Notes what an event means for more than its row.
    pub(crate) fn tell(&mut self, told: Told) {
        self.effects.tell(told);
    }

    /// Where the audit log ends, with what the transaction has added to it.
    pub(crate) fn head(&self) -> ChainHead {
        self.effects.head()
    }

    /// The audit log goes on behind this event.
    pub(crate) fn set_head(&mut self, sequence: i64, hash: ChainHash) {
        self.effects.set_head(sequence, hash);
    }

    /// The begins of runs that had no end when the transaction began.
    pub(crate) fn open_runs(&self) -> impl Iterator<Item = i64> + '_ {
        self.tail.open_runs()
    }

    /// Has all uses that events tell of so far in the tables of usage.
    pub(crate) fn count_usage(&mut self) -> Result<(), StoreError> {
        self.tail.count(self.connection, &mut self.effects)
    }
}

impl std::ops::Deref for WriteTransaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// Answers a call, once it is known whether the transaction was committed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A call: does its part of the transaction and yields its answer. Without a transaction there is nothing
/// to do but to hand on why.
type Job = Box<dyn FnOnce(Option<&mut WriteTransaction<'_>>) -> Answer + Send>;

#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    heads: watch::Sender<ChainHead>,
}

impl Writer {
    /// Starts the thread over a connection whose log ends at `tail`.
    pub(crate) fn start(
        connection: Connection,
        file: Arc<DatabaseFile>,
        tail: LogTail,
        sink: Arc<dyn ChangeSink>,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let heads = watch::Sender::new(tail.head());
        let mut book = Book { connection, file, tail, sink, heads: heads.clone() };
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || book.keep(&waiting))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)), heads })
    }

    /// Tells, after each commit, where the audit log ends.
    pub(crate) fn heads(&self) -> watch::Receiver<ChainHead> {
        self.heads.subscribe()
    }

    /// Has `work` done in a transaction, and yields its result after the commit. When `work` fails, what it
    /// did is undone, and nothing else of the transaction.
    ///
    /// It is waiting to be done once this has been called, and is done whether or not anybody waits for it.
    pub(crate) fn submit<T, E, W>(&self, work: W) -> impl Future<Output = Result<T, E>> + Send + use<T, E, W>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let done = transaction.map(|transaction| {
                let result = in_savepoint(transaction, work);
                (result, transaction.is_usable())
            });
            Box::new(move |committed| {
                let answer = match (done, committed) {
                    (Some((result, _)), Ok(())) => result,
                    // The call that ended the transaction knows best why.
                    (Some((Err(cause), false)), Err(_)) => Err(cause),
                    // A refusal too may rest on what another call of the transaction did, and that is undone.
                    (_, Err(failure)) => Err(failure.into()),
                    (None, Ok(())) => Err(StoreError::Closed.into()),
                };
                let _ = reply.send(answer);
            })
        });
        // A job that is not taken is dropped, and what it answers with.
        let _ = self.jobs.lock().as_ref().map(|jobs| jobs.send(job));
        async move { answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into())) }
    }

    /// Takes no more calls, and returns when those that wait are done.
    pub(crate) fn close(&self) {
        self.jobs.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    transaction: &mut WriteTransaction<'_>,
    work: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mark = transaction.effects.mark();
    step(transaction, "SAVEPOINT call").map_err(StoreError::from)?;
    let result = work(transaction);
    if result.is_err() {
        transaction.effects.back_to(mark);
        transaction.spoiled |= step(transaction, "ROLLBACK TO call").is_err();
    }
    transaction.spoiled |= step(transaction, "RELEASE call").is_err();
    result
}

fn step(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}

/// What the thread keeps.
struct Book {
    connection: Connection,
    file: Arc<DatabaseFile>,
    tail: LogTail,
    sink: Arc<dyn ChangeSink>,
    heads: watch::Sender<ChainHead>,
}

impl Book {
    fn keep(&mut self, waiting: &mpsc::Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let (mut answers, begun) = (Vec::new(), Instant::now());
            let committed = self.commit(first, waiting, &mut answers);
            let committed = committed.map(|effects| {
                for change in self.tail.absorb(effects) {
                    self.sink.apply(&change);
                }
                self.heads
                    .send_if_modified(|head| std::mem::replace(head, self.tail.head()) != self.tail.head());
            });
            let is_kept = committed.is_ok();
            self.sink.committed(CommitReport { calls: answers.len(), took: begun.elapsed(), is_kept });
            for answer in answers {
                answer(committed.clone());
            }
        }
    }

    /// Does `first` and what waits behind it in one transaction, as far as the transaction lives: what comes
    /// after a call that ended it is left waiting, for the next one.
    fn commit(
        &self,
        first: Job,
        waiting: &mpsc::Receiver<Job>,
        answers: &mut Vec<Answer>,
    ) -> Result<Effects, StoreError> {
        let connection = &self.connection;
        let begun = self.file.check();
        let begun = begun.and_then(|()| Ok(step(connection, "BEGIN IMMEDIATE")?));
        let mut transaction = WriteTransaction::begin(connection, &self.tail);
        for job in std::iter::once(first).chain(waiting.try_iter().take(BATCH_MAX - 1)) {
            answers.push(job(begun.is_ok().then_some(&mut transaction)));
            if begun.is_ok() && !transaction.is_usable() {
                break;
            }
        }
        begun?;
        transaction.commit()
    }
}
