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
    /// Something of a failed call could not be undone: nothing of the transaction may be kept.
    spoiled: bool,
}

impl WriteTransaction<'_> {
    /// Whether it can go on. On some failures (a full disk among them) SQLite ends a transaction by itself.
    fn is_usable(&self) -> bool {
        !self.spoiled && !self.connection.is_autocommit()
    }

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
    step(transaction, "SAVEPOINT call").map_err(StoreError::from)?;
    let result = work(transaction);
    if result.is_err() {
        transaction.changes.truncate(noted);
        transaction.spoiled |= step(transaction, "ROLLBACK TO call").is_err();
    }
    transaction.spoiled |= step(transaction, "RELEASE call").is_err();
    result
}

fn step(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}

fn run(connection: &Connection, waiting: &mpsc::Receiver<Job>, sink: &dyn ChangeSink) {
    while let Ok(first) = waiting.recv() {
        let mut answers = Vec::new();
        let committed = commit(connection, first, waiting, &mut answers);
        for change in committed.iter().flatten() {
            sink.apply(change);
        }
        let committed = committed.map(|_| ());
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// Does `first` and what waits behind it in one transaction, as far as the transaction lives: what comes
/// after a call that ended it is left waiting, for the next one.
fn commit(
    connection: &Connection,
    first: Job,
    waiting: &mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<Vec<Change>, StoreError> {
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from);
    let mut transaction = WriteTransaction { connection, changes: Vec::new(), spoiled: false };
    for job in std::iter::once(first).chain(waiting.try_iter().take(BATCH_MAX - 1)) {
        answers.push(job(begun.is_ok().then_some(&mut transaction)));
        if begun.is_ok() && !transaction.is_usable() {
            break;
        }
    }
    let committed = begun.and_then(|()| {
        if transaction.is_usable() {
            connection.execute_batch("COMMIT").map_err(StoreError::from)
        } else {
            Err(StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() })
        }
    });
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    committed.map(|()| transaction.changes)
}
