//! Changes, numbered in the order of their commits, and taken over in that order.

use std::fmt;

use toolfront_token::{EnvId, TokenId};

use crate::change::{self, Change, ChangeSink};
use crate::database::{Ahead, Connection};
use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::{environments, tokens};

const TOKEN: &str = "token";
const ENVIRONMENT: &str = "environment";
const RUNS: &str = "runs";

const HEAD: &str = "SELECT number FROM change_head FOR UPDATE";
const CHANGED: &str = "SELECT number, kind, subject_id FROM changes WHERE number > ?1 ORDER BY number";

/// What nodes tell each other of a transaction that changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// The number of its first change.
    first: i64,
    /// The number of its last one.
    pub(super) last: i64,
    /// The node that made it, and waits for the others.
    pub(super) node: i64,
    /// What the first change was of.
    subject: Subject,
}

/// Of what there may be another record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Token(i64),
    Environment(i64),
    /// What a token runs.
    Runs(i64),
}

impl Subject {
    fn of(change: &Change) -> Self {
        match change {
            Change::Token(record) => Self::Token(record.id().to_stored()),
            Change::Environment(record) => Self::Environment(record.id.to_stored()),
            Change::EnvironmentDeleted(id) => Self::Environment(id.to_stored()),
            Change::RunsEnded(token) => Self::Runs(token.to_stored()),
        }
    }

    fn from_stored(kind: &str, id: i64) -> Self {
        match kind {
            TOKEN => Self::Token(id),
            RUNS => Self::Runs(id),
            _ => Self::Environment(id),
        }
    }

    fn to_stored(self) -> (&'static str, i64) {
        match self {
            Self::Token(id) => (TOKEN, id),
            Self::Environment(id) => (ENVIRONMENT, id),
            Self::Runs(id) => (RUNS, id),
        }
    }
}

impl News {
    /// Reads what its `Display` wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<i64>().ok();
        let (first, last, node) = (number()?, number()?, number()?);
        let (kind, id) = (words.next()?, words.next()?.parse().ok()?);
        Some(Self { first, last, node, subject: Subject::from_stored(kind, id) })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.subject.to_stored();
        write!(f, "{} {} {} {kind} {id}", self.first, self.last, self.node)
    }
}

/// What [`lock_head`] will ask for.
pub(crate) fn ahead_of_head(ahead: &mut Ahead) {
    ahead.query(HEAD, ());
}

/// The number of the last change; nobody else changes anything until the end of the transaction.
pub(crate) fn lock_head(connection: &Connection) -> Result<i64, StoreError> {
    connection.prepare_cached(HEAD)?.query_row((), |row| row.get(0))
}

/// Numbers the changes of a transaction that holds the head, and tells others of them at its commit. Yields the last
/// number.
pub(super) fn write(
    connection: &Connection,
    head: i64,
    changes: &[Change],
    node: i64,
    channel: &str,
) -> Result<i64, StoreError> {
    let Some((last, earlier)) = changes.split_last() else { return Ok(head) };
    let mut number = head.saturating_add(1);
    for change in earlier {
        let (kind, subject) = Subject::of(change).to_stored();
        connection
            .prepare_cached("INSERT INTO changes (number, kind, subject_id) VALUES (?1, ?2, ?3)")?
            .execute_later((number, kind, subject))?;
        number = number.saturating_add(1);
    }
    let subject = Subject::of(changes.first().unwrap_or(last));
    let news = News { first: head.saturating_add(1), last: number, node, subject };
    let (kind, subject) = Subject::of(last).to_stored();
    connection
        .prepare_cached(
            "WITH changed AS (INSERT INTO changes (number, kind, subject_id) VALUES (?1, ?2, ?3)),
                head AS (UPDATE change_head SET number = ?1)
             SELECT pg_notify(?4, ?5)",
        )?
        .execute_later((number, kind, subject, channel, news.to_string()))?;
    Ok(number)
}

/// Takes over all that changed behind `applied`, as it is now, and yields the number up to which that is everything.
/// Something should be sent to the server right afterwards. What `news` tell of is fetched together with the rest.
pub(super) fn read(
    connection: &Connection,
    applied: i64,
    news: Option<News>,
    sink: &dyn ChangeSink,
) -> Result<i64, StoreError> {
    connection.in_brief_snapshot(|connection| {
        connection.fetch_ahead(|ahead| {
            ahead.query(CHANGED, [applied]);
            if let Some(Subject::Token(id)) = news.map(|news| news.subject)
                && let Ok(id) = TokenId::from_stored(id, "changes", "subject_id")
            {
                tokens::ahead_of_find(ahead, id);
            }
        })?;
        let changed: Vec<(i64, Subject)> = connection
            .prepare_cached(CHANGED)?
            .query_all([applied], |row| Ok((row.get(0)?, Subject::from_stored(row.text(1)?, row.get(2)?))))?;
        let Some((last, _)) = changed.last().copied() else { return unchanged(connection, applied, sink) };
        if changed.first().is_some_and(|(first, _)| *first != applied.saturating_add(1)) {
            // Others did not wait for this one: what it missed is not told any more.
            everything(connection, sink)?;
            return Ok(last);
        }
        let mut done = std::collections::HashSet::new();
        for (_, subject) in changed {
            if !done.insert(subject) {
                continue;
            }
            match subject {
                Subject::Token(id) => {
                    let id = TokenId::from_stored(id, "changes", "subject_id")?;
                    if let Some(record) = tokens::find_by_id(connection, id)? {
                        sink.apply(&Change::Token(record.into()));
                    }
                }
                Subject::Runs(id) => {
                    let id = TokenId::from_stored(id, "changes", "subject_id")?;
                    sink.apply(&Change::RunsEnded(id));
                }
                Subject::Environment(id) => {
                    let id = EnvId::from_stored(id, "changes", "subject_id")?;
                    sink.apply(&match environments::find_by_id(connection, id)? {
                        Some(record) => Change::Environment(record.into()),
                        None => Change::EnvironmentDeleted(id),
                    });
                }
            }
        }
        Ok(last)
    })
}

/// No change is told of behind `applied`: there is none, or none any more.
fn unchanged(connection: &Connection, applied: i64, sink: &dyn ChangeSink) -> Result<i64, StoreError> {
    let head = head(connection)?;
    if head > applied {
        everything(connection, sink)?;
    }
    Ok(head.max(applied))
}

/// The number of the last change.
pub(super) fn head(connection: &Connection) -> Result<i64, StoreError> {
    connection.prepare_cached("SELECT number FROM change_head")?.query_row((), |row| row.get(0))
}

/// Takes over everything there is.
fn everything(connection: &Connection, sink: &dyn ChangeSink) -> Result<(), StoreError> {
    change::load(connection, sink)?;
    for id in environments::deleted(connection)? {
        sink.apply(&Change::EnvironmentDeleted(id));
    }
    Ok(())
}

/// Forgets the changes that every node has.
pub(super) fn forget(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM changes WHERE number <= (SELECT min(applied) FROM nodes)")?
        .execute(())
        .map(|_| ())
}
