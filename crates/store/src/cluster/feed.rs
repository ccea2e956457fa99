//! The thread that follows the changes of all nodes, renews the lease, and tells who waits what every node has.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::barrier::Known;
use super::member::{Member, told};
use super::{DEAD_AFTER, LEASE, RELIES_ON_NOTHING, RENEWED_EVERY, TRUST, changes};
use crate::database::{Connection, PostgresConnection};
use crate::error::{OpenError, StoreError};
use crate::lease::Moment;

/// How long it waits before it tries again to reach the database.
const RETRIED_AFTER: Duration = Duration::from_millis(200);
/// How long the first renewal may take.
const STARTED_WITHIN: Duration = Duration::from_secs(15);

/// The thread.
#[derive(Debug)]
pub(super) struct Feed {
    thread: JoinHandle<()>,
}

/// What the thread keeps.
struct Follower {
    member: Arc<Member>,
    adopt: Box<dyn Fn(i64, i64) + Send>,
    rejoin: Box<dyn Fn() + Send>,
    /// Told once, when the lease is first held.
    started: Option<mpsc::Sender<()>>,
    /// What this node has told that it has in memory.
    told: i64,
    renewed: Option<Instant>,
    /// Other nodes: the beat that was seen last, and when it was first seen.
    others: HashMap<i64, (i64, Instant)>,
    looked_at_others: Option<Instant>,
}

/// What the thread is to do next.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    renewal: bool,
    changes: bool,
    /// Others have not been told yet of something that this node has.
    telling: bool,
}

impl Feed {
    /// Starts it, and returns when the lease is held.
    pub(super) fn start(
        member: Arc<Member>,
        adopt: Box<dyn Fn(i64, i64) + Send>,
        rejoin: Box<dyn Fn() + Send>,
    ) -> Result<Self, OpenError> {
        let (started, is_started) = mpsc::channel();
        let mut follower = Follower {
            member,
            adopt,
            rejoin,
            started: Some(started),
            told: RELIES_ON_NOTHING,
            renewed: None,
            others: HashMap::new(),
            looked_at_others: None,
        };
        let unusable = |reason: String| OpenError::Store(StoreError::Unavailable { reason });
        let thread = std::thread::Builder::new()
            .name("store-feed".to_owned())
            .spawn(move || follower.follow())
            .map_err(|err| unusable(err.to_string()))?;
        let in_time = is_started.recv_timeout(STARTED_WITHIN);
        in_time.map_err(|_| unusable("the database does not let this gateway join the others".to_owned()))?;
        Ok(Self { thread })
    }

    /// Returns when it has ended.
    pub(super) fn join(self) {
        let _ = self.thread.join();
    }
}

impl Follower {
    fn follow(&mut self) {
        while !self.is_closing() {
            if self.follow_connected().is_err() && !self.is_closing() {
                std::thread::sleep(RETRIED_AFTER);
            }
        }
    }

    fn is_closing(&self) -> bool {
        self.member.is_closing.load(Ordering::Acquire)
    }

    /// Follows until the connection is lost.
    fn follow_connected(&mut self) -> Result<(), StoreError> {
        let opened = PostgresConnection::open(&self.member.url)?;
        let connection = Connection::Postgres(opened);
        connection.execute_batch(&format!(
            "LISTEN {}; LISTEN {}",
            self.member.changed_channel, self.member.applied_channel
        ))?;
        let mut due = Due { renewal: true, changes: true, telling: false };
        while !self.is_closing() {
            self.step(&connection, due)?;
            due = self.wait(&connection);
            if connection.is_closed() {
                return Err(StoreError::Closed);
            }
        }
        Ok(())
    }

    fn step(&mut self, connection: &Connection, due: Due) -> Result<(), StoreError> {
        // From before anything is read: what was committed earlier is read below.
        let now = Moment::now();
        if due.renewal && !self.renew(connection)? {
            return Ok(());
        }
        if due.renewal || due.changes {
            self.take_over(connection)?;
        } else if due.telling {
            let applied = told(*self.member.applied.lock());
            self.tell(connection, applied)?;
        }
        if due.renewal {
            self.member.lease.extend(now.plus(TRUST));
            self.renewed = Some(Instant::now());
            if let Some(started) = self.started.take() {
                let _ = started.send(());
            }
        }
        if self.member.barrier.is_waited_for() {
            self.look_at_barrier(connection)?;
        }
        if due.renewal {
            self.look_at_others(connection)?;
        }
        Ok(())
    }

    /// Shows a sign of life, and that this node relies on its memory; false when it has no place any more.
    fn renew(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        let Some(seat) = *self.member.seat.lock() else {
            (self.rejoin)();
            return Ok(false);
        };
        let applied = told(*self.member.applied.lock());
        let renewed = connection
            .prepare_cached("UPDATE nodes SET beat = beat + 1, applied = ?1 WHERE id = ?2")?
            .execute((applied, seat.node))?;
        if renewed == 0 {
            let mut held = self.member.seat.lock();
            if *held == Some(seat) {
                *held = None;
            }
            drop(held);
            (self.rejoin)();
            return Ok(false);
        }
        self.told = applied;
        Ok(true)
    }

    /// Takes over what changed, and tells that it has.
    fn take_over(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let applied = {
            let mut applied = self.member.applied.lock();
            *applied = changes::read(connection, *applied, &*self.member.sink)?;
            told(*applied)
        };
        self.tell(connection, applied)
    }

    fn tell(&mut self, connection: &Connection, applied: i64) -> Result<(), StoreError> {
        let Some(seat) = *self.member.seat.lock() else { return Ok(()) };
        if applied == self.told {
            return Ok(());
        }
        // Both in one transaction of their own: the news goes out with the row. It need not last: a server that forgets
        // it believes less of this node than is so. A beat has to: without it others would no longer wait.
        connection.prepare_cached("SET synchronous_commit = off")?.execute_later(())?;
        connection
            .prepare_cached(
                "WITH told AS (UPDATE nodes SET applied = ?1 WHERE id = ?2 RETURNING applied)
                 SELECT pg_notify(?3, CAST(applied AS TEXT)) FROM told",
            )?
            .execute((applied, seat.node, &self.member.applied_channel))?;
        connection.prepare_cached("SET synchronous_commit = on")?.execute_later(())?;
        self.told = applied;
        Ok(())
    }

    /// Finds out what every node has, for the calls that wait.
    fn look_at_barrier(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let asked = self.member.barrier.begun();
        let own = self.member.seat.lock().map_or(0, |seat| seat.node);
        let others: i64 = connection
            .prepare_cached("SELECT coalesce(min(applied), ?1) FROM nodes WHERE id <> ?2")?
            .query_row((RELIES_ON_NOTHING, own), |row| row.get(0))?;
        let applied = others.min(*self.member.applied.lock());
        self.member.barrier.tell(Known { asked, applied });
        Ok(())
    }

    /// Sees to it that nobody waits for nodes that show no sign of life.
    fn look_at_others(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let now = Instant::now();
        if self.looked_at_others.is_some_and(|looked| now.duration_since(looked) < RENEWED_EVERY) {
            return Ok(());
        }
        self.looked_at_others = Some(now);
        let own = self.member.seat.lock().map_or(0, |seat| seat.node);
        let found: Vec<(i64, i64, i64)> = connection
            .prepare_cached("SELECT id, beat, applied FROM nodes WHERE id <> ?1")?
            .query_all([own], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        self.others.retain(|node, _| found.iter().any(|(id, ..)| id == node));
        // From after they were read: a node may have relied on its memory until then.
        let now = Instant::now();
        for (node, beat, applied) in found {
            let seen = self.others.entry(node).or_insert((beat, now));
            if seen.0 != beat {
                *seen = (beat, now);
            }
            let silent = now.duration_since(seen.1);
            if silent >= LEASE && applied != RELIES_ON_NOTHING {
                connection
                    .prepare_cached("UPDATE nodes SET applied = ?1 WHERE id = ?2 AND beat = ?3")?
                    .execute((RELIES_ON_NOTHING, node, beat))?;
            }
            if silent >= DEAD_AFTER {
                (self.adopt)(node, beat);
            }
        }
        changes::forget(connection)
    }

    /// Waits for something to do.
    fn wait(&mut self, connection: &Connection) -> Due {
        let Connection::Postgres(connection) = connection else { return Due::default() };
        let since = self.renewed.map_or(RENEWED_EVERY, |renewed| renewed.elapsed());
        let left = RENEWED_EVERY.saturating_sub(since);
        let woken = async {
            tokio::select! {
                () = self.member.barrier.wake.notified() => {}
                () = tokio::time::sleep(left) => {}
            }
        };
        let mut due = Due::default();
        let mut said = connection.hear(woken);
        while let Some(news) = said {
            if news.channel == self.member.changed_channel {
                let number = news.payload.parse().unwrap_or(i64::MAX);
                due.changes |= number > *self.member.applied.lock();
                due.telling |= number > self.told;
            }
            said = connection.heard();
        }
        due.renewal = self.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEWED_EVERY);
        due
    }
}
