//! The thread that follows the changes of all nodes, renews the lease, and tells who waits what every node has.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::barrier::Known;
use super::changes::News;
use super::member::{Member, told};
use super::{DEAD_AFTER, LEASE, RELIES_ON_NOTHING, RENEWED_EVERY, TRUST, changes};
use crate::database::{Connection, Notification, PostgresConnection};
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
    /// What other nodes had when they were last looked at, and what they have told since.
    have: HashMap<i64, i64>,
    /// They were looked at after so many calls had begun to wait.
    asked: u64,
    /// Under which node's name this one listens.
    listens_as: i64,
    /// Other nodes: the beat that was seen last, and when it was first seen.
    others: HashMap<i64, (i64, Instant)>,
    looked_at_others: Option<Instant>,
}

/// What the thread is to do next.
#[derive(Clone, Debug, Default)]
struct Due {
    renewal: bool,
    changes: bool,
    /// A change that is to be taken over.
    news: Option<News>,
    /// The nodes that wait to be told what this one has.
    waiting: Vec<i64>,
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
            have: HashMap::new(),
            asked: 0,
            listens_as: 0,
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
        let connection = Connection::Postgres(Box::new(opened));
        let (changed, applied) = (&self.member.changed_channel, &self.member.applied_channel);
        connection.execute_batch(&format!("LISTEN {changed}; LISTEN {applied}"))?;
        self.listens_as = 0;
        let mut due = Due { renewal: true, changes: true, ..Due::default() };
        while !self.is_closing() {
            self.listen(&connection)?;
            self.step(&connection, &due)?;
            due = self.wait(&connection);
            if connection.is_closed() {
                return Err(StoreError::Closed);
            }
        }
        Ok(())
    }

    /// Hears what is told to this node alone.
    fn listen(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(seat) = *self.member.seat.lock() else { return Ok(()) };
        if self.listens_as != seat.node {
            connection.execute_batch(&format!("LISTEN {}_{}", self.member.applied_channel, seat.node))?;
            self.listens_as = seat.node;
        }
        Ok(())
    }

    fn step(&mut self, connection: &Connection, due: &Due) -> Result<(), StoreError> {
        // From before anything is read: what was committed earlier is read below.
        let now = Moment::now();
        if due.renewal && !self.renew(connection)? {
            // The writer takes another place meanwhile.
            std::thread::sleep(RETRIED_AFTER);
            return Ok(());
        }
        if due.renewal || due.changes {
            self.take_over(connection, due)?;
        } else if !due.waiting.is_empty() {
            let applied = told(*self.member.applied.lock());
            self.tell(connection, applied, &due.waiting)?;
        }
        if due.renewal {
            self.member.lease.extend(now.plus(TRUST));
            self.renewed = Some(Instant::now());
            if let Some(started) = self.started.take() {
                let _ = started.send(());
            }
        }
        if self.member.barrier.is_waited_for() {
            self.look_at_barrier(connection, due.renewal)?;
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
    fn take_over(&mut self, connection: &Connection, due: &Due) -> Result<(), StoreError> {
        let applied = {
            let mut applied = self.member.applied.lock();
            *applied = changes::read(connection, *applied, due.news, &*self.member.sink)?;
            told(*applied)
        };
        self.tell(connection, applied, &due.waiting)
    }

    /// Tells what this node has: those who wait for it, or all when nobody is known to wait.
    fn tell(&mut self, connection: &Connection, applied: i64, waiting: &[i64]) -> Result<(), StoreError> {
        let Some(seat) = *self.member.seat.lock() else { return connection.flush() };
        if applied == self.told {
            return connection.flush();
        }
        let channel = &self.member.applied_channel;
        let (first, others) = match waiting.split_first() {
            Some((first, others)) => (format!("{channel}_{first}"), others),
            None => (channel.clone(), &[][..]),
        };
        // Both in one transaction of their own: the news goes out with the row. It need not last: a server that forgets
        // it believes less of this node than is so. A beat has to: without it others would no longer wait.
        connection
            .prepare_cached(
                "WITH told AS (UPDATE nodes SET applied = ?1 WHERE id = ?2 RETURNING applied)
                 SELECT pg_notify(?3, ?4), set_config('synchronous_commit', 'off', true) FROM told",
            )?
            .execute((applied, seat.node, first, format!("{} {applied}", seat.node)))?;
        for other in others {
            connection
                .prepare_cached("SELECT pg_notify(?1, ?2)")?
                .execute((format!("{channel}_{other}"), format!("{} {applied}", seat.node)))?;
        }
        self.told = applied;
        Ok(())
    }

    /// Finds out what every node has, for the calls that wait.
    fn look_at_barrier(&mut self, connection: &Connection, anew: bool) -> Result<(), StoreError> {
        let asked = self.member.barrier.begun();
        if asked != self.asked || anew {
            let own = self.member.seat.lock().map_or(0, |seat| seat.node);
            let have: Vec<(i64, i64)> = connection
                .prepare_cached("SELECT id, applied FROM nodes WHERE id <> ?1")?
                .query_all([own], |row| Ok((row.get(0)?, row.get(1)?)))?;
            self.have = have.into_iter().collect();
            self.asked = asked;
        }
        let others = self.have.values().copied().min().unwrap_or(RELIES_ON_NOTHING);
        let applied = others.min(*self.member.applied.lock());
        self.member.barrier.tell(Known { asked: self.asked, applied });
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

    /// What another session said: that something changed, or what a node has.
    fn hear(&mut self, said: &Notification, due: &mut Due) {
        if said.channel == self.member.changed_channel {
            let Some(news) = News::parse(&said.payload) else {
                due.changes = true;
                return;
            };
            let is_own = news.node == self.listens_as;
            due.changes |= news.last > *self.member.applied.lock();
            due.news = Some(news);
            if !is_own && !due.waiting.contains(&news.node) {
                due.waiting.push(news.node);
            }
        } else if let Some((node, applied)) = said.payload.split_once(' ')
            && let (Ok(node), Ok(applied)) = (node.parse::<i64>(), applied.parse::<i64>())
        {
            // What a node has only becomes more, unless it is silent: then it is looked at anew.
            self.have.entry(node).and_modify(|has| *has = applied.max(*has)).or_insert(applied);
        }
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
            self.hear(&news, &mut due);
            said = connection.heard();
        }
        due.renewal = self.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEWED_EVERY);
        due
    }
}
