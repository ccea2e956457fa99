//! The one writer: a thread that gathers what is waiting, commits it as one transaction, applies what
//! changed, and then answers all of it.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::audit::ChainNumber;
use crate::audit::{ChainHash, ChainHead, Effects, LogTail, Told};
use crate::change::{Change, ChangeSink, CommitReport};
use crate::cluster::{self, Member};
use crate::database::{Ahead, Connection};
use crate::database_file::DatabaseFile;
use crate::error::StoreError;

/// How many calls one transaction takes at the most.
const BATCH_MAX: usize = 512;

/// A transaction under way, and what it does besides its rows.
pub(crate) struct WriteTransaction<'c> {
    connection: &'c Connection,
    tail: &'c LogTail,
    effects: Effects,
    /// The number of the last change of all, once the transaction holds it.
    head_of_changes: Option<i64>,
    /// No call has done anything in it yet.
    is_fresh: bool,
    /// The first call was refused, and the transaction is to be undone with what it did.
    is_refused: bool,
    /// Something of a failed call could not be undone: nothing of the transaction may be kept.
    spoiled: bool,
}

impl<'c> WriteTransaction<'c> {
    /// The transaction that `connection` has begun, behind the log's end.
    pub(crate) fn begin(connection: &'c Connection, tail: &'c LogTail) -> Self {
        Self {
            connection,
            tail,
            effects: tail.begin(),
            head_of_changes: None,
            is_fresh: true,
            is_refused: false,
            spoiled: false,
        }
    }

    /// Commits it, and yields what came about with it.
    pub(crate) fn commit(self) -> Result<Effects, StoreError> {
        let rolled_back = || StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() };
        let is_usable = self.is_usable();
        let Self { connection, tail, effects, .. } = self;
        let committed = if is_usable { tail.seal(connection, &effects) } else { Err(rolled_back()) };
        let committed = committed.and_then(|()| connection.commit());
        if connection.is_in_transaction() {
            connection.roll_back();
        }
        match committed {
            Ok(()) => Ok(effects),
            Err(failure) => {
                effects.abandon();
                Err(failure)
            }
        }
    }

    /// Commits it on a server, and yields what comes about with it and whether it was committed, if that is known.
    fn commit_to_server(self) -> (Effects, Option<Result<(), StoreError>>) {
        let rolled_back = || StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() };
        let is_usable = self.is_usable();
        let Self { connection, tail, effects, .. } = self;
        let sealed = if is_usable { tail.seal(connection, &effects) } else { Err(rolled_back()) };
        let committed = match (sealed, connection) {
            (Ok(()), Connection::Postgres(connection)) => connection.commit(),
            (Ok(()), Connection::Sqlite(_)) => Some(connection.commit()),
            (Err(failure), _) => {
                connection.roll_back();
                Some(Err(failure))
            }
        };
        (effects, committed)
    }

    /// Whether it can go on. On some failures (a full disk among them) SQLite ends a transaction by itself.
    fn is_usable(&self) -> bool {
        !self.spoiled && !self.is_refused && self.connection.is_in_transaction()
    }

    /// Notes what an event means for more than its row.
    pub(crate) fn tell(&mut self, told: Told) {
        self.effects.tell(told);
    }

    /// Has it change something that every gateway of the database keeps in memory: until it ends no other one does.
    fn begin_changing(&mut self) -> Result<(), StoreError> {
        self.begin_changing_ahead(|_| {})
    }

    /// The same, and fetches ahead what will be asked for then.
    fn begin_changing_ahead(&mut self, ask: impl FnOnce(&mut Ahead)) -> Result<(), StoreError> {
        if self.head_of_changes.is_none() && matches!(self.connection, Connection::Postgres(_)) {
            self.connection.fetch_ahead(|ahead| {
                cluster::ahead_of_head(ahead);
                ask(ahead);
            })?;
            self.head_of_changes = Some(cluster::lock_head(self.connection)?);
        }
        Ok(())
    }

    /// Which chain of the audit log it writes to.
    pub(crate) fn chain(&self) -> ChainNumber {
        self.tail.chain()
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
        // Rows of tokens are written to, in any order: two gateways at once would wait for each other.
        self.begin_changing()?;
        self.tail.count(self.connection, &mut self.effects)
    }
}

impl std::ops::Deref for WriteTransaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// A transaction that changes something that is kept in memory: whoever notes a change has one.
pub(crate) struct ChangeTransaction<'t, 'c>(&'t mut WriteTransaction<'c>);

impl ChangeTransaction<'_, '_> {
    /// Notes a change to be applied once the transaction is committed.
    pub(crate) fn note(&mut self, change: Change) {
        self.0.effects.changes.push(change);
    }
}

impl<'c> std::ops::Deref for ChangeTransaction<'_, 'c> {
    type Target = WriteTransaction<'c>;

    fn deref(&self) -> &WriteTransaction<'c> {
        self.0
    }
}

impl std::ops::DerefMut for ChangeTransaction<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0
    }
}

/// Work that changes something, as work of a transaction.
pub(crate) fn changing<T, E: From<StoreError>>(
    work: impl FnOnce(&mut ChangeTransaction<'_, '_>) -> Result<T, E>,
) -> impl FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> {
    changing_ahead(|_| {}, work)
}

/// The same, with what it will ask for.
pub(crate) fn changing_ahead<T, E: From<StoreError>>(
    ask: impl FnOnce(&mut Ahead),
    work: impl FnOnce(&mut ChangeTransaction<'_, '_>) -> Result<T, E>,
) -> impl FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> {
    |transaction| {
        transaction.begin_changing_ahead(ask)?;
        work(&mut ChangeTransaction(transaction))
    }
}

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

fn in_savepoint<T, E: From<StoreError>>(
    transaction: &mut WriteTransaction<'_>,
    work: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let (mark, head_of_changes) = (transaction.effects.mark(), transaction.head_of_changes);
    // A server is spared the way of two statements.
    let is_first = std::mem::take(&mut transaction.is_fresh);
    let needs_savepoint = !is_first || matches!(transaction.connection, Connection::Sqlite(_));
    if needs_savepoint {
        transaction.savepoint()?;
    }
    let result = work(transaction);
    if result.is_err() {
        transaction.effects.back_to(mark);
        // What was locked since is let go.
        transaction.head_of_changes = head_of_changes;
        if needs_savepoint {
            transaction.spoiled |= transaction.roll_back_to_savepoint().is_err();
        } else {
            transaction.is_refused = true;
        }
    }
    if needs_savepoint {
        transaction.spoiled |= transaction.release_savepoint().is_err();
    }
    result
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
                let (effects, committed) = transaction.commit_to_server();
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
