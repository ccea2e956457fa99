//! This process as a node: what its writer, its feed and its calls have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use toolfront_token::Timestamp;

use super::barrier::Barrier;
use super::feed::Feed;
use super::seat::{self, Buried, Predecessor, Seat};
use super::{RELIES_ON_NOTHING, changes};
use crate::audit::{self, ChainHead, LogTail, Recovered};
use crate::change::{self, Change, ChangeSink, Loaded};
use crate::database::{Connection, PostgresConnection};
use crate::database_url::DatabaseUrl;
use crate::error::{OpenError, StoreError};
use crate::lease::Lease;
use crate::migrate;
use crate::writer::WriteTransaction;

/// How long the writer tries to find out what became of a commit whose answer was lost.
const FOUND_OUT_WITHIN: Duration = Duration::from_secs(5);
const TRIED_EVERY: Duration = Duration::from_millis(100);

/// This process as a node.
pub(crate) struct Member {
    pub(super) url: DatabaseUrl,
    directory: PathBuf,
    database_id: String,
    pub(super) sink: Arc<dyn ChangeSink>,
    pub(super) lease: Lease,
    pub(super) barrier: Barrier,
    /// Up to which change the memory has everything. Held while it is brought further.
    pub(super) applied: Mutex<i64>,
    /// `None` once others have taken it for dead.
    pub(super) seat: Mutex<Option<Seat>>,
    pub(super) is_closing: AtomicBool,
    /// What nodes of this database tell each other is told under these names.
    pub(super) changed_channel: String,
    pub(super) applied_channel: String,
    /// Ends with the last of the calls.
    feed: Mutex<Option<Feed>>,
}

/// What a process has when it has become a node.
pub(crate) struct Joined {
    pub(crate) member: Arc<Member>,
    /// The connection that writes.
    pub(crate) connection: Connection,
    pub(crate) recovered: Recovered,
    pub(crate) loaded: Loaded,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("url", &self.url).field("seat", &self.seat).finish_non_exhaustive()
    }
}

impl Member {
    /// Takes a place in the database, and everything into memory that is kept there. Blocks.
    pub(crate) fn join(
        url: &DatabaseUrl,
        directory: &Path,
        sink: Arc<dyn ChangeSink>,
        now: Timestamp,
    ) -> Result<Joined, OpenError> {
        let connection = Connection::Postgres(Box::new(PostgresConnection::open(url)?));
        migrate::migrate(&connection, now)?;
        let id: String = connection.query_row("SELECT database_id FROM change_head", (), |row| row.get(0))?;
        let (seat, recovered) = take_seat(&connection, seat::last_of(directory, &id), now)?;
        let _ = seat::note(directory, &id, seat);
        let (loaded, applied) = connection.in_snapshot(|connection| {
            Ok::<_, StoreError>((change::load(connection, &*sink)?, changes::head(connection)?))
        })?;
        let member = Arc::new(Self {
            url: url.clone(),
            directory: directory.to_owned(),
            sink,
            lease: Lease::not_held(),
            barrier: Barrier::new(),
            applied: Mutex::new(applied),
            seat: Mutex::new(Some(seat)),
            is_closing: AtomicBool::new(false),
            changed_channel: format!("toolfront_changed_{id}"),
            applied_channel: format!("toolfront_applied_{id}"),
            database_id: id,
            feed: Mutex::default(),
        });
        Ok(Joined { member, connection, recovered, loaded })
    }

    /// Follows the changes of others from now on, and returns when the lease is held. `adopt` is called with a node that
    /// shows no sign of life, and the beat that it was last seen with. Blocks.
    pub(crate) fn follow(
        self: &Arc<Self>,
        adopt: impl Fn(i64, i64) + Send + 'static,
        rejoin: impl Fn() + Send + 'static,
    ) -> Result<(), OpenError> {
        let feed = Feed::start(Arc::clone(self), Box::new(adopt), Box::new(rejoin))?;
        *self.feed.lock() = Some(feed);
        Ok(())
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Returns when the change with that number holds at every node.
    pub(crate) async fn wait_for_all(&self, change: i64) {
        self.barrier.wait(change).await;
    }

    /// Has the connection of the writer, its place and the end of its chain as they have to be for a transaction.
    /// Blocks.
    pub(crate) fn make_ready(
        &self,
        connection: &mut Connection,
        tail: &mut LogTail,
        in_doubt: bool,
    ) -> Result<(), StoreError> {
        let was_lost = connection.is_closed();
        if was_lost {
            *connection = Connection::Postgres(Box::new(PostgresConnection::open(&self.url)?));
        }
        let Some(seat) = *self.seat.lock() else { return self.rejoin(connection, tail) };
        connection.begin()?;
        if !was_lost && !in_doubt {
            return seat.lock_later(connection);
        }
        if !seat.lock(connection)? {
            connection.roll_back();
            *self.seat.lock() = None;
            return self.rejoin(connection, tail);
        }
        // A transaction may have been committed of which nobody knew.
        *tail = audit::look(connection, seat.chain)?.0;
        Ok(())
    }

    /// Others have taken this node for dead: the next transaction takes another place.
    pub(crate) fn lose_seat(&self) {
        *self.seat.lock() = None;
    }

    /// Others have taken this node for dead: it takes another place.
    fn rejoin(&self, connection: &Connection, tail: &mut LogTail) -> Result<(), StoreError> {
        let (seat, recovered) = take_seat(connection, None, now_of(connection)?)?;
        let _ = seat::note(&self.directory, &self.database_id, seat);
        *tail = recovered.tail;
        *self.seat.lock() = Some(seat);
        self.barrier.wake.notify_one();
        connection.begin()?;
        if seat.lock(connection)? { Ok(()) } else { Err(StoreError::Closed) }
    }

    /// Writes into the transaction what changed, and yields the last number. `head` is the one that the transaction
    /// holds.
    pub(crate) fn number(
        &self,
        connection: &Connection,
        head: i64,
        changed: &[Change],
    ) -> Result<i64, StoreError> {
        let node = self.seat.lock().map_or(0, |seat| seat.node);
        changes::write(connection, head, changed, node, &self.changed_channel)
    }

    /// Takes over what this node's own writer has committed behind the change `head`.
    pub(crate) fn apply(&self, connection: &Connection, head: i64, changed: &[Change]) {
        let mut applied = self.applied.lock();
        if *applied == head {
            for change in changed {
                self.sink.apply(change);
            }
            *applied = head.saturating_add(i64::try_from(changed.len()).unwrap_or(i64::MAX));
        } else if *applied < head
            && let Ok(through) = changes::read(connection, *applied, None, &*self.sink)
            && connection.flush().is_ok()
        {
            *applied = through;
        }
        // When it could not be read, the feed reads it; until then the change is not at this node, and is waited for.
    }

    /// Whether a transaction whose answer was lost was committed. Blocks.
    pub(crate) fn find_out(
        &self,
        connection: &mut Connection,
        before: ChainHead,
        after: ChainHead,
    ) -> Option<bool> {
        let begun = Instant::now();
        while begun.elapsed() < FOUND_OUT_WITHIN && !self.is_closing.load(Ordering::Acquire) {
            if let Ok(opened) = PostgresConnection::open(&self.url) {
                *connection = Connection::Postgres(Box::new(opened));
                let found = connection
                    .prepare_cached("SELECT hash FROM audit_events WHERE sequence = ?1")
                    .and_then(|mut statement| {
                        statement.find_row([after.sequence], |row| row.get::<Option<[u8; 32]>>(0))
                    });
                if let Ok(found) = found {
                    let is_there = found.flatten().as_ref() == Some(after.hash.as_bytes());
                    return Some(before != after && is_there);
                }
            }
            std::thread::sleep(TRIED_EVERY);
        }
        None
    }

    /// Puts right what a dead node has left: it is nobody's then. Blocks.
    pub(crate) fn adopt(connection: &Connection, node: i64, beat: i64) -> Result<(), StoreError> {
        connection.begin()?;
        let adopted = (|| {
            let chain = match Seat::bury(connection, node, beat)? {
                Buried::Nothing => return Ok(()),
                Buried::Node(None) => return connection.commit(),
                Buried::Node(Some(chain)) => chain,
            };
            let tail = audit::look(connection, chain)?.0;
            let mut transaction = WriteTransaction::begin(connection, &tail);
            audit::put_right(&mut transaction, now_of(connection)?)?;
            transaction.commit().map(|_| ())
        })();
        if connection.is_in_transaction() {
            connection.roll_back();
        }
        adopted
    }

    /// Leaves the database. Blocks.
    pub(crate) fn leave(&self, connection: &Connection) {
        if let Some(seat) = self.seat.lock().take() {
            let _ = seat.leave(connection);
        }
    }

    /// Ends the following. Blocks.
    pub(crate) fn stop(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.barrier.wake.notify_one();
        if let Some(feed) = self.feed.lock().take() {
            feed.join();
        }
    }
}

/// Takes a place, and puts right what the one before has left in its chain.
fn take_seat(
    connection: &Connection,
    before: Option<Predecessor>,
    now: Timestamp,
) -> Result<(Seat, Recovered), StoreError> {
    connection.begin()?;
    let taken = (|| {
        let seat = Seat::take(connection, before)?;
        let (mut tail, ends_well) = audit::look(connection, seat.chain)?;
        let mut transaction = WriteTransaction::begin(connection, &tail);
        let interrupted_runs = audit::put_right(&mut transaction, now)?;
        let effects = transaction.commit()?;
        tail.absorb(effects);
        Ok((seat, Recovered { tail, interrupted_runs, ends_well }))
    })();
    taken.inspect_err(|_| connection.roll_back())
}

/// The server's time, for what is told of when nobody has asked for it.
fn now_of(connection: &Connection) -> Result<Timestamp, StoreError> {
    let micros = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
    connection.query_row(micros, (), |row| row.get(0).map(Timestamp::from_micros))
}

/// What a node tells others that it has in memory, while it relies on it.
pub(super) fn told(applied: i64) -> i64 {
    applied.min(RELIES_ON_NOTHING - 1)
}
