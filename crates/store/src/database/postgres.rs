//! A connection to a PostgreSQL server, for a thread that may block.
//!
//! Statements whose results say nothing are kept back and sent together with the next one whose result does: a
//! transaction costs few round trips. What fails of them is a failure of the whole transaction.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bind::{OwnedValue, Value};
use crate::database_url::DatabaseUrl;
use crate::error::StoreError;

/// How long a server may take to answer; it is taken for gone then.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// What every session is set to: no transaction of a process that was stopped or cut off keeps others waiting.
const SESSION: &str =
    "-c idle_in_transaction_session_timeout=5s -c lock_timeout=10s -c cursor_tuple_fraction=0.0001";
/// How many rows of a scan are fetched at once.
const FETCHED: usize = 500;

/// How it stands with the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    /// There is none.
    None,
    /// It can go on.
    Open,
    /// Its last statement failed: it can go back to a savepoint.
    Failed,
    /// Something that nobody waited for failed, or the connection is gone: it can only end.
    Broken,
}

/// A connection, and the little runtime that drives it while somebody waits for it.
#[derive(Debug)]
pub(crate) struct PostgresConnection {
    /// Always there until the connection is dropped.
    runtime: Option<Runtime>,
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    queued: RefCell<Vec<Queued>>,
    /// Rows that were asked for ahead, for the statement and parameters that will ask for them.
    ahead: RefCell<HashMap<Asked, Vec<Row>>>,
    transaction: Cell<Transaction>,
    /// The first failure of what was kept back.
    failure: RefCell<Option<StoreError>>,
    /// A statement that had to find something found nothing.
    has_missed: Cell<bool>,
    cursors: Cell<u64>,
    /// The server did not answer in time: what became of the last statement is not known.
    is_lost: Cell<bool>,
    notified: RefCell<mpsc::UnboundedReceiver<Notification>>,
}

/// A statement and its parameters.
pub(super) type Asked = (String, Vec<OwnedValue>);
/// A statement on its way, of which it is known how many rows it changes or finds once it is done.
type Sent<'c> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + 'c>>;

/// A statement that is kept back.
#[derive(Debug)]
struct Queued {
    statement: Statement,
    values: Vec<OwnedValue>,
    /// It has to find or change something.
    must_find: bool,
}

/// What another session said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) channel: String,
    pub(crate) payload: String,
}

/// The rows of a statement.
pub(crate) struct PostgresRows<'c> {
    rows: Vec<Row>,
    next: usize,
    /// Where more are to be had.
    cursor: Option<(&'c PostgresConnection, String)>,
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(err: tokio_postgres::Error) -> Self {
        if let Some(said) = err.as_db_error() {
            if *said.code() == tokio_postgres::error::SqlState::DISK_FULL {
                return Self::DiskFull;
            }
            return Self::Unavailable { reason: said.message().to_owned() };
        }
        let cause = std::error::Error::source(&err).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Unavailable { reason: format!("{err}{cause}") }
    }
}

impl PostgresConnection {
    /// Connects, with the certificate authorities of the machine when the server offers TLS.
    pub(crate) fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let unusable = |reason: String| StoreError::Unavailable { reason };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|err| unusable(err.to_string()))?;
        let mut config = url.config().clone();
        let options = config.get_options().map(|own| format!("{SESSION} {own}"));
        config.options(options.unwrap_or_else(|| SESSION.to_owned()));
        if config.get_application_name().is_none() {
            config.application_name("toolfront");
        }
        config.connect_timeout(CONNECT_TIME_MAX);
        config.tcp_user_timeout(ANSWER_TIME_MAX);
        let tls = MakeRustlsConnect::new(super::tls::config().map_err(|err| unusable(err.to_string()))?);
        let connecting = async { tokio::time::timeout(ANSWER_TIME_MAX, config.connect(tls)).await };
        let connected = runtime.block_on(connecting);
        let connected = connected.map_err(|_| unusable(format!("{url} does not answer")))?;
        let (client, mut connection) = connected?;
        let (notify, notified) = mpsc::unbounded_channel();
        runtime.spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(said) = message {
                    let said = Notification {
                        channel: said.channel().to_owned(),
                        payload: said.payload().to_owned(),
                    };
                    let _ = notify.send(said);
                }
            }
        });
        Ok(Self {
            runtime: Some(runtime),
            client,
            statements: RefCell::default(),
            queued: RefCell::default(),
            ahead: RefCell::default(),
            transaction: Cell::new(Transaction::None),
            failure: RefCell::default(),
            has_missed: Cell::new(false),
            cursors: Cell::new(0),
            is_lost: Cell::new(false),
            notified: RefCell::new(notified),
        })
    }

    /// Whether it is of no use any more.
    pub(crate) fn is_closed(&self) -> bool {
        // While nobody waits for it nobody hears that the server has closed it.
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            });
        }
        self.client.is_closed() || self.is_lost.get() || self.transaction.get() == Transaction::Broken
    }

    pub(super) fn begin(&self) {
        // What the locks that are taken in it are for: each statement sees what was committed before it.
        self.start_transaction("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE");
    }

    pub(super) fn begin_snapshot(&self) {
        self.start_transaction("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    }

    fn start_transaction(&self, text: &str) {
        self.transaction.set(Transaction::Open);
        self.has_missed.set(false);
        self.execute_later(text, &[]);
    }

    /// Ends a transaction that has changed nothing; the server hears of it with the next statement.
    pub(super) fn end_later(&self) {
        self.execute_later("COMMIT", &[]);
        if self.transaction.get() != Transaction::Broken {
            self.transaction.set(Transaction::None);
        }
    }

    /// Whether a statement that had to find something found nothing in the transaction that was last begun.
    pub(crate) fn has_missed(&self) -> bool {
        self.has_missed.get()
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        matches!(self.transaction.get(), Transaction::Open | Transaction::Failed) && !self.client.is_closed()
    }

    /// Commits the transaction. `None` when nobody can tell what became of it: the connection was lost on the way.
    pub(crate) fn commit(&self) -> Option<Result<(), StoreError>> {
        if self.transaction.get() != Transaction::Open {
            self.roll_back();
            let reason = || StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() };
            return Some(Err(self.failure.take().unwrap_or_else(reason)));
        }
        let committed = self.execute("COMMIT", &[]);
        if committed.is_err() && (self.client.is_closed() || self.is_lost.get()) {
            self.transaction.set(Transaction::Broken);
            return None;
        }
        // Of a transaction in which something had failed the server says that it is committed, and it is not.
        let failed = self.failure.take();
        match (committed, failed) {
            (Ok(_), None) => {
                self.transaction.set(Transaction::None);
                Some(Ok(()))
            }
            (Err(failure), None) | (_, Some(failure)) => {
                self.roll_back();
                Some(Err(failure))
            }
        }
    }

    pub(super) fn roll_back(&self) {
        self.queued.borrow_mut().clear();
        self.ahead.borrow_mut().clear();
        self.failure.take();
        // What was kept back may have been the beginning itself; to end none is no failure.
        let ended =
            self.wait(async { self.client.batch_execute("ROLLBACK").await.map_err(StoreError::from) });
        self.transaction.set(if ended.is_ok() { Transaction::None } else { Transaction::Broken });
    }

    pub(super) fn roll_back_to(&self, savepoint: &str) -> Result<(), StoreError> {
        if self.transaction.get() == Transaction::Broken {
            return Err(self.first_failure());
        }
        self.transaction.set(Transaction::Open);
        self.execute(&format!("ROLLBACK TO {savepoint}"), &[]).map(|_| ())
    }

    pub(super) fn execute_batch(&self, text: &str) -> Result<(), StoreError> {
        self.flush()?;
        self.ahead.borrow_mut().clear();
        self.wait(async { self.client.batch_execute(text).await.map_err(StoreError::from) })
            .inspect_err(|_| self.note_failed())
    }

    /// Runs a statement, and yields how many rows it changed.
    pub(crate) fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.ahead.borrow_mut().clear();
        let statement = self.prepared(text, values)?;
        let params = referenced(values);
        let count = self.run(async { self.client.execute(&statement, &params).await })?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Runs a statement, and yields its rows.
    pub(super) fn query(&self, text: &str, values: &[Value<'_>]) -> Result<PostgresRows<'_>, StoreError> {
        if !self.ahead.borrow().is_empty() {
            let asked = (text.to_owned(), values.iter().map(|value| value.kept()).collect());
            if let Some(rows) = self.ahead.borrow_mut().remove(&asked) {
                return Ok(PostgresRows { rows, next: 0, cursor: None });
            }
        }
        let statement = self.prepared(text, values)?;
        let params = referenced(values);
        let rows = self.run(async { self.client.query(&statement, &params).await })?;
        Ok(PostgresRows { rows, next: 0, cursor: None })
    }

    /// Runs a statement whose rows are fetched some at a time. Needs a transaction.
    pub(super) fn scan(&self, text: &str, values: &[Value<'_>]) -> Result<PostgresRows<'_>, StoreError> {
        self.cursors.set(self.cursors.get() + 1);
        let name = format!("scan_{}", self.cursors.get());
        let declared = format!("DECLARE {name} NO SCROLL CURSOR FOR {}", numbered(text));
        let params: Vec<(&(dyn ToSql + Sync), Type)> =
            values.iter().map(|value| (value as &(dyn ToSql + Sync), value.kind())).collect();
        self.run(async { self.client.query_typed(&declared, &params).await })?;
        let mut rows = PostgresRows { rows: Vec::new(), next: 0, cursor: Some((self, name)) };
        rows.fetch()?;
        Ok(rows)
    }

    /// Has the rows of all these statements at hand, fetched together, until something is changed or the transaction
    /// ends: each for the one time that it is run.
    pub(super) fn fetch_ahead(&self, wanted: Vec<Asked>) -> Result<(), StoreError> {
        let mut statements = Vec::with_capacity(wanted.len());
        for (text, values) in &wanted {
            let values: Vec<Value<'_>> = values.iter().map(OwnedValue::as_value).collect();
            statements.push(self.prepared(text, &values)?);
        }
        let found = {
            let values: Vec<Vec<Value<'_>>> =
                wanted.iter().map(|(_, values)| values.iter().map(OwnedValue::as_value).collect()).collect();
            let params: Vec<Vec<&(dyn ToSql + Sync)>> =
                values.iter().map(|values| referenced(values)).collect();
            // Polled in their order, they are sent in it.
            let asked = statements
                .iter()
                .zip(&params)
                .map(|(statement, params)| self.client.query(statement, params));
            self.run(futures_util::future::try_join_all(asked))?
        };
        self.ahead.borrow_mut().extend(wanted.into_iter().zip(found));
        Ok(())
    }

    /// Keeps a statement back until the next one whose result is asked for.
    pub(super) fn execute_later(&self, text: &str, values: &[Value<'_>]) {
        self.ahead.borrow_mut().clear();
        self.keep_back(text, values, false);
    }

    /// The same for a statement that has to find something: else the transaction fails as a whole.
    pub(super) fn require_later(&self, text: &str, values: &[Value<'_>]) {
        self.keep_back(text, values, true);
    }

    fn keep_back(&self, text: &str, values: &[Value<'_>], must_find: bool) {
        match self.prepared(text, values) {
            Ok(statement) => {
                let values = values.iter().map(|value| value.kept()).collect();
                self.queued.borrow_mut().push(Queued { statement, values, must_find });
            }
            Err(failure) => self.note_broken(failure),
        }
    }

    /// Sends what was kept back.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.run(std::future::ready(Ok(())))
    }

    /// Waits for another session to say something, or for `other`.
    pub(crate) fn hear<T>(&self, other: impl Future<Output = T>) -> Option<Notification> {
        let mut notified = self.notified.borrow_mut();
        let runtime = self.runtime.as_ref()?;
        runtime.block_on(async {
            tokio::select! {
                said = notified.recv() => said,
                _ = other => None,
            }
        })
    }

    /// What other sessions have said so far, without waiting.
    pub(crate) fn heard(&self) -> Option<Notification> {
        self.notified.borrow_mut().try_recv().ok()
    }

    /// Sends what was kept back and `last`, all at once, and yields what came of `last`.
    fn run<T>(&self, last: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, StoreError> {
        if self.transaction.get() == Transaction::Broken {
            return Err(self.first_failure());
        }
        let queued = self.queued.take();
        let params: Vec<Vec<Value<'_>>> =
            queued.iter().map(|kept| kept.values.iter().map(OwnedValue::as_value).collect()).collect();
        let params: Vec<Vec<&(dyn ToSql + Sync)>> = params.iter().map(|values| referenced(values)).collect();
        let done = self.wait(async {
            let mut earlier: Vec<Sent<'_>> = Vec::with_capacity(queued.len());
            for (kept, params) in queued.iter().zip(&params) {
                earlier.push(Box::pin(self.client.execute(&kept.statement, params)));
            }
            // A statement is sent when its future is first looked at.
            let mut done: Vec<Option<Result<u64, tokio_postgres::Error>>> =
                std::iter::repeat_with(|| None).take(earlier.len()).collect();
            let mut last = std::pin::pin!(last);
            let mut finished = None;
            poll_fn(|context| {
                for (sent, done) in earlier.iter_mut().zip(&mut done) {
                    if let Poll::Ready(result) = sent.as_mut().poll(context) {
                        *done = Some(result);
                    }
                }
                if let Poll::Ready(result) = last.as_mut().poll(context) {
                    finished = Some(result);
                }
                Poll::Ready(())
            })
            .await;
            for ((sent, done), kept) in earlier.iter_mut().zip(done).zip(&queued) {
                let result = match done {
                    Some(result) => result,
                    None => sent.as_mut().await,
                };
                match result {
                    Err(failure) => self.note_broken(failure.into()),
                    Ok(0) if kept.must_find => {
                        self.has_missed.set(true);
                        let reason =
                            "others have taken this gateway for dead: it takes another place".to_owned();
                        self.note_broken(StoreError::Unavailable { reason });
                    }
                    Ok(_) => {}
                }
            }
            match finished {
                Some(result) => result,
                None => last.await,
            }
            .map_err(StoreError::from)
        });
        if self.transaction.get() == Transaction::Broken {
            return Err(self.first_failure());
        }
        done.inspect_err(|_| self.note_failed())
    }

    fn wait<T>(&self, what: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else { return Err(StoreError::Closed) };
        let waited = runtime.block_on(async { tokio::time::timeout(ANSWER_TIME_MAX, what).await });
        waited.unwrap_or_else(|_| {
            let failure = StoreError::Unavailable { reason: "the database does not answer".to_owned() };
            self.is_lost.set(true);
            self.note_broken(failure.clone());
            Err(failure)
        })
    }

    fn note_failed(&self) {
        if self.transaction.get() == Transaction::Open {
            self.transaction.set(Transaction::Failed);
        }
    }

    fn note_broken(&self, failure: StoreError) {
        self.transaction.set(Transaction::Broken);
        self.failure.borrow_mut().get_or_insert(failure);
    }

    fn first_failure(&self) -> StoreError {
        let lost = || StoreError::Unavailable { reason: "the connection to the database is lost".to_owned() };
        self.failure.borrow().clone().unwrap_or_else(lost)
    }

    fn prepared(&self, text: &str, values: &[Value<'_>]) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.borrow().get(text) {
            return Ok(known.clone());
        }
        let kinds: Vec<Type> = values.iter().map(Value::kind).collect();
        let statement = numbered(text);
        let prepared = self
            .wait(async { self.client.prepare_typed(&statement, &kinds).await.map_err(StoreError::from) });
        let prepared = prepared.inspect_err(|_| self.note_failed())?;
        self.statements.borrow_mut().insert(text.to_owned(), prepared.clone());
        Ok(prepared)
    }
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        // Not waited for: a connection may be let go where nobody may block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl PostgresRows<'_> {
    pub(super) fn next(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.next >= self.rows.len() {
            self.fetch()?;
        }
        self.next = self.next.saturating_add(1);
        Ok(self.current())
    }

    pub(super) fn current(&self) -> Option<&Row> {
        self.rows.get(self.next.checked_sub(1)?)
    }

    fn fetch(&mut self) -> Result<(), StoreError> {
        let Some((connection, name)) = &self.cursor else { return Ok(()) };
        let text = format!("FETCH {FETCHED} FROM {name}");
        self.rows = connection.run(async { connection.client.query_typed(&text, &[]).await })?;
        self.next = 0;
        if self.rows.len() < FETCHED {
            self.cursor = None;
        }
        Ok(())
    }
}

fn referenced<'v>(values: &'v [Value<'v>]) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// The statement with parameters as PostgreSQL numbers them. None of ours has a question mark in a text.
fn numbered(text: &str) -> String {
    text.replace('?', "$")
}
