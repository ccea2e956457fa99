//! The one writer: a thread that gathers what is waiting, commits it as one transaction, applies what
//! changed, and then answers all of it.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::change::{Change, ChangeSink};
use crate::error::StoreError;

/// How many calls one transaction takes at the most.
const BATCH_MAX: usize = 512;

/// A transaction under way, and what it changes.
pub(crate) struct WriteTransaction<'c> {
    connection: &'c Connection,
    changes: Vec<Change>,
}

impl WriteTransaction<'_> {
    /// Notes a change to be applied once the transaction is committed.
    pub(crate) fn note(&mut self, change: Change) {
        self.changes.push(change);
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
}

impl Writer {
    pub(crate) fn start(connection: Connection, sink: Arc<dyn ChangeSink>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, &waiting, sink.as_ref()))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Has `work` done in a transaction, and yields its result after the commit. When `work` fails, what it
    /// did is undone, and nothing else of the transaction.
    pub(crate) async fn submit<T, E>(
        &self,
        work: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let result = transaction.map(|transaction| in_savepoint(transaction, work));
            Box::new(move |committed| {
                let answer = match (result, committed) {
                    (Some(Err(refused)), _) => Err(refused),
                    (_, Err(failure)) => Err(failure.into()),
                    (Some(Ok(done)), Ok(())) => Ok(done),
                    (None, Ok(())) => Err(StoreError::Closed.into()),
                };
                let _ = reply.send(answer);
            })
        });
        match self.jobs.lock().as_ref().map(|jobs| jobs.send(job)) {
            Some(Ok(())) => {}
            _ => return Err(StoreError::Closed.into()),
        }
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
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
    let noted = transaction.changes.len();
    transaction.execute_batch("SAVEPOINT call").map_err(StoreError::from)?;
    let result = work(transaction);
    if result.is_err() {
        transaction.changes.truncate(noted);
        // When this fails, SQLite has rolled the whole transaction back, which `run` finds out.
        let _ = transaction.execute_batch("ROLLBACK TO call");
    }
    let _ = transaction.execute_batch("RELEASE call");
    result
}

fn run(connection: &Connection, waiting: &mpsc::Receiver<Job>, sink: &dyn ChangeSink) {
    while let Ok(first) = waiting.recv() {
        let batch = std::iter::once(first).chain(waiting.try_iter().take(BATCH_MAX - 1));
        let mut answers = Vec::new();
        match commit(connection, batch, &mut answers) {
            Ok(changes) => {
                changes.iter().for_each(|change| sink.apply(change));
                answers.into_iter().for_each(|answer| answer(Ok(())));
            }
            Err(failure) => answers.into_iter().for_each(|answer| answer(Err(failure.clone()))),
        }
    }
}

fn commit(
    connection: &Connection,
    batch: impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> Result<Vec<Change>, StoreError> {
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from);
    let mut transaction = WriteTransaction { connection, changes: Vec::new() };
    for job in batch {
        // On some failures (a full disk among them) SQLite ends the whole transaction by itself.
        let usable = begun.is_ok() && !connection.is_autocommit();
        answers.push(job(usable.then_some(&mut transaction)));
    }
    begun?;
    if connection.is_autocommit() {
        return Err(StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() });
    }
    connection.execute_batch("COMMIT").map_err(|failure| {
        let _ = connection.execute_batch("ROLLBACK");
        StoreError::from(failure)
    })?;
    Ok(transaction.changes)
}
