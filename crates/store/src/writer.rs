//! The one writer: a thread that gathers what is waiting, commits it as one transaction, applies what
//! changed, and then answers all of it.

mod transaction;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use self::transaction::in_savepoint;
pub(crate) use self::transaction::{ChangeTransaction, WriteTransaction, changing, changing_ahead};
use crate::audit::{ChainHead, LogTail};
use crate::change::{ChangeSink, CommitReport};
use crate::cluster::Member;
use crate::database::Connection;
use crate::database_file::DatabaseFile;
use crate::error::StoreError;

/// How many calls one transaction takes at the most.
const BATCH_MAX: usize = 512;

/// Answers a call, once it is known whether the transaction was committed.
type Answer = Box<dyn FnOnce(Result<LastChange, StoreError>) + Send>;
/// The number of the last change of a transaction that changed something that others keep in memory.
pub(crate) type LastChange = Option<i64>;
/// A call: does its part of the transaction and yields its answer. Without a transaction there is nothing
/// to do but to hand on why.
type Call = Box<dyn FnOnce(Option<&mut WriteTransaction<'_>>) -> Answer + Send>;

/// What the thread is asked for.
enum Job {
    Call(Call),
    /// To have its place in the database, without a call.
    BeReady,
    /// To put right what a dead node has left, last seen with that beat.
    Adopt {
        node: i64,
        beat: i64,
    },
}

/// Where the database is that is written to.
#[derive(Debug)]
pub(crate) enum Home {
    /// This process's alone.
    Own(Arc<DatabaseFile>),
    /// One that others write to too.
    Shared(Arc<Member>),
}

/// Asks the thread for what is no call.
#[derive(Clone, Debug)]
pub(crate) struct Errands(std::sync::Weak<Mutex<Option<mpsc::Sender<Job>>>>);

impl Errands {
    pub(crate) fn be_ready(&self) {
        self.send(Job::BeReady);
    }

    pub(crate) fn adopt(&self, node: i64, beat: i64) {
        self.send(Job::Adopt { node, beat });
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = self.0.upgrade() {
            let _ = jobs.lock().as_ref().map(|jobs| jobs.send(job));
        }
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Arc<Mutex<Option<mpsc::Sender<Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    heads: watch::Sender<ChainHead>,
}

impl Writer {
    /// Starts the thread over a connection whose log ends at `tail`.
    pub(crate) fn start(
        connection: Connection,
        home: Home,
        tail: LogTail,
        sink: Arc<dyn ChangeSink>,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let heads = watch::Sender::new(tail.head());
        let mut book = Book { connection, home, tail, sink, heads: heads.clone(), in_doubt: false };
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || book.keep(&waiting))?;
        Ok(Self { jobs: Arc::new(Mutex::new(Some(jobs))), thread: Mutex::new(Some(thread)), heads })
    }

    /// Tells, after each commit, where the audit log ends.
    pub(crate) fn heads(&self) -> watch::Receiver<ChainHead> {
        self.heads.subscribe()
    }

    /// Has `work` done in a transaction, and yields its result after the commit. When `work` fails, what it
    /// did is undone, and nothing else of the transaction.
    ///
    /// It is waiting to be done once this has been called, and is done whether or not anybody waits for it. Yields the
    /// last change of its transaction besides.
    pub(crate) fn submit<T, E, W>(
        &self,
        work: W,
    ) -> impl Future<Output = (Result<T, E>, LastChange)> + Send + use<T, E, W>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let job: Call = Box::new(move |transaction| {
            let done = transaction.map(|transaction| {
                let result = in_savepoint(transaction, work);
                (result, transaction.is_usable())
            });
            Box::new(move |committed| {
                let answer = match (done, committed) {
                    (Some((result, _)), Ok(last)) => (result, last),
                    // The call that ended the transaction knows best why.
                    (Some((Err(cause), false)), Err(_)) => (Err(cause), None),
                    // A refusal too may rest on what another call of the transaction did, and that is undone.
                    (_, Err(failure)) => (Err(failure.into()), None),
                    (None, Ok(_)) => (Err(StoreError::Closed.into()), None),
                };
                let _ = reply.send(answer);
            })
        });
        // A job that is not taken is dropped, and what it answers with.
        let _ = self.jobs.lock().as_ref().map(|jobs| jobs.send(Job::Call(job)));
        async move { answered.await.unwrap_or_else(|_| (Err(StoreError::Closed.into()), None)) }
    }

    /// Lets somebody who does not live as long as the writer ask it for what is no call.
    pub(crate) fn errands(&self) -> Errands {
        Errands(Arc::downgrade(&self.jobs))
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

/// What the thread keeps.
struct Book {
    connection: Connection,
    home: Home,
    tail: LogTail,
    sink: Arc<dyn ChangeSink>,
    heads: watch::Sender<ChainHead>,
    /// Nobody could tell what became of the last transaction.
    in_doubt: bool,
}

impl Book {
    fn keep(&mut self, waiting: &mpsc::Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let first = match first {
                Job::Call(call) => call,
                Job::BeReady => {
                    let _ = self.begin();
                    self.connection.roll_back();
                    continue;
                }
                Job::Adopt { node, beat } => {
                    if let Home::Shared(_) = &self.home {
                        let _ = Member::adopt(&self.connection, node, beat);
                    }
                    continue;
                }
            };
            let (mut answers, begun) = (Vec::new(), Instant::now());
            let committed = self.commit(first, waiting, &mut answers);
            self.heads.send_if_modified(|head| std::mem::replace(head, self.tail.head()) != self.tail.head());
            let is_kept = committed.is_ok();
            self.sink.committed(CommitReport { calls: answers.len(), took: begun.elapsed(), is_kept });
            for answer in answers {
                answer(committed.clone());
            }
        }
        if let Home::Shared(member) = &self.home {
            member.leave(&self.connection);
        }
    }

    /// Does `first` and what waits behind it in one transaction, as far as the transaction lives: what comes
    /// after a call that ended it is left waiting, for the next one. Then applies what changed.
    fn commit(
        &mut self,
        first: Call,
        waiting: &mpsc::Receiver<Job>,
        answers: &mut Vec<Answer>,
    ) -> Result<LastChange, StoreError> {
        let begun = self.begin();
        let mut transaction = WriteTransaction::begin(&self.connection, &self.tail);
        let mut next = Some(first);
        while let Some(call) = next {
            answers.push(call(begun.is_ok().then_some(&mut transaction)));
            let ends = answers.len() == BATCH_MAX || begun.is_ok() && !transaction.is_usable();
            next = if ends { None } else { next_call(waiting) };
        }
        if let Err(failure) = begun {
            transaction.effects.abandon();
            return Err(failure);
        }
        if transaction.is_refused && self.connection.is_in_transaction() {
            transaction.effects.abandon();
            self.connection.roll_back();
            return Ok(None);
        }
        match &self.home {
            Home::Own(_) => {
                let effects = transaction.commit()?;
                for change in self.tail.absorb(effects) {
                    self.sink.apply(&change);
                }
                Ok(None)
            }
            Home::Shared(member) => {
                let member = Arc::clone(member);
                let head = transaction.head_of_changes;
                let numbered = match head {
                    Some(head) => {
                        member.number(&self.connection, head, &transaction.effects.changes).map(Some)
                    }
                    None => Ok(None),
                };
                let last = match numbered {
                    Ok(last) => last,
                    Err(failure) => {
                        transaction.effects.abandon();
                        self.connection.roll_back();
                        return Err(failure);
                    }
                };
                let (effects, committed) = transaction.try_commit();
                if self.connection.has_missed() {
                    member.lose_seat();
                    effects.abandon();
                    self.connection.roll_back();
                    return Err(committed.and_then(Result::err).unwrap_or(StoreError::Closed));
                }
                let before = self.tail.head();
                match committed.or_else(|| self.find_out(&member, before, effects.head())) {
                    Some(Ok(())) => {}
                    Some(Err(failure)) => {
                        effects.abandon();
                        return Err(failure);
                    }
                    None => {
                        self.in_doubt = true;
                        effects.abandon();
                        let reason = "the connection to the database was lost, and whether the change was made is not known";
                        return Err(StoreError::Unavailable { reason: reason.to_owned() });
                    }
                }
                let changes = self.tail.absorb(effects);
                if let Some(head) = head {
                    member.apply(&self.connection, head, &changes);
                }
                Ok(last)
            }
        }
    }

    /// Begins a transaction, in the right place.
    fn begin(&mut self) -> Result<(), StoreError> {
        match &self.home {
            Home::Own(file) => {
                file.check()?;
                self.connection.begin()
            }
            Home::Shared(member) => {
                let ready = member.make_ready(&mut self.connection, &mut self.tail, self.in_doubt);
                match &ready {
                    Ok(()) => self.in_doubt = false,
                    Err(_) => self.connection.roll_back(),
                }
                ready
            }
        }
    }

    /// What became of a transaction whose answer was lost; the end of the log is looked at anew in any case.
    fn find_out(
        &mut self,
        member: &Member,
        before: ChainHead,
        after: ChainHead,
    ) -> Option<Result<(), StoreError>> {
        self.in_doubt = true;
        let is_there = member.find_out(&mut self.connection, before, after)?;
        let undone =
            || StoreError::Unavailable { reason: "the connection to the database was lost".to_owned() };
        Some(if is_there { Ok(()) } else { Err(undone()) })
    }
}

/// The next call that waits. What is no call and can be done without is left out: it is asked for again.
fn next_call(waiting: &mpsc::Receiver<Job>) -> Option<Call> {
    waiting.try_iter().find_map(|job| match job {
        Job::Call(call) => Some(call),
        Job::BeReady | Job::Adopt { .. } => None,
    })
}
