//! A transaction of the writer: the rows that calls write, and what comes about with its commit.

use crate::audit::{ChainHash, ChainHead, ChainNumber, Effects, LogTail, Told};
use crate::change::Change;
use crate::cluster;
use crate::database::{Ahead, Connection};
use crate::error::StoreError;

/// A transaction under way, and what it does besides its rows.
pub(crate) struct WriteTransaction<'c> {
    connection: &'c Connection,
    tail: &'c LogTail,
    pub(super) effects: Effects,
    /// The number of the last change of all, once the transaction holds it.
    pub(super) head_of_changes: Option<i64>,
    /// No call has done anything in it yet.
    is_fresh: bool,
    /// The first call was refused, and the transaction is to be undone with what it did.
    pub(super) is_refused: bool,
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
        let (effects, committed) = self.try_commit();
        let lost =
            || Err(StoreError::Unavailable { reason: "the connection to the database was lost".to_owned() });
        match committed.unwrap_or_else(lost) {
            Ok(()) => Ok(effects),
            Err(failure) => {
                effects.abandon();
                Err(failure)
            }
        }
    }

    /// Commits it, and yields what comes about with it and whether it was committed, if that is known.
    pub(super) fn try_commit(self) -> (Effects, Option<Result<(), StoreError>>) {
        let rolled_back = || StoreError::Unavailable { reason: "the transaction was rolled back".to_owned() };
        let is_usable = self.is_usable();
        let Self { connection, tail, effects, .. } = self;
        let sealed = if is_usable { tail.seal(connection, &effects) } else { Err(rolled_back()) };
        let committed = match sealed {
            Ok(()) => connection.try_commit(),
            Err(failure) => Some(Err(failure)),
        };
        if connection.is_in_transaction() {
            connection.roll_back();
        }
        (effects, committed)
    }

    /// Whether it can go on. On some failures (a full disk among them) SQLite ends a transaction by itself.
    pub(super) fn is_usable(&self) -> bool {
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

/// Has a call done in the transaction; when it fails, what it did is undone, and nothing else.
pub(super) fn in_savepoint<T, E: From<StoreError>>(
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
