//! Changes, numbered in the order of their commits, and taken over in that order.

use toolfront_token::{EnvId, TokenId};

use crate::change::{Change, ChangeSink};
use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::{environments, tokens};

const TOKEN: &str = "token";
const ENVIRONMENT: &str = "environment";

/// The number of the last change; nobody else changes anything until the end of the transaction.
pub(crate) fn lock_head(connection: &Connection) -> Result<i64, StoreError> {
    connection.prepare_cached("SELECT number FROM change_head FOR UPDATE")?.query_row((), |row| row.get(0))
}

/// Numbers the changes of a transaction that holds the head, and tells others of them at its commit. Yields the last
/// number.
pub(super) fn write(
    connection: &Connection,
    head: i64,
    changes: &[Change],
    channel: &str,
) -> Result<i64, StoreError> {
    let mut number = head;
    for change in changes {
        number = number.saturating_add(1);
        let (kind, subject) = match change {
            Change::Token(record) => (TOKEN, record.id().to_stored()),
            Change::Environment(record) => (ENVIRONMENT, record.id.to_stored()),
            Change::EnvironmentDeleted(id) => (ENVIRONMENT, id.to_stored()),
        };
        connection
            .prepare_cached("INSERT INTO changes (number, kind, subject_id) VALUES (?1, ?2, ?3)")?
            .execute_later((number, kind, subject))?;
    }
    connection.prepare_cached("UPDATE change_head SET number = ?1")?.execute_later([number])?;
    connection.prepare_cached("SELECT pg_notify(?1, ?2)")?.execute_later((channel, number.to_string()))?;
    Ok(number)
}

/// Takes over all that changed behind `applied`, as it is now, and yields the number up to which that is everything.
pub(super) fn read(connection: &Connection, applied: i64, sink: &dyn ChangeSink) -> Result<i64, StoreError> {
    connection.in_snapshot(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT number, kind, subject_id FROM changes WHERE number > ?1 ORDER BY number",
        )?;
        let changed: Vec<(i64, bool, i64)> =
            statement.query_all([applied], |row| Ok((row.get(0)?, row.text(1)? == TOKEN, row.get(2)?)))?;
        let Some((last, ..)) = changed.last().copied() else { return unchanged(connection, applied, sink) };
        if changed.first().is_some_and(|(first, ..)| *first != applied.saturating_add(1)) {
            // Others did not wait for this one: what it missed is not told any more.
            everything(connection, sink)?;
            return Ok(last);
        }
        let mut done = std::collections::HashSet::new();
        for (_, is_token, subject) in changed {
            if !done.insert((is_token, subject)) {
                continue;
            }
            if is_token {
                let id = TokenId::from_stored(subject, "changes", "subject_id")?;
                if let Some(record) = tokens::find_by_id(connection, id)? {
                    sink.apply(&Change::Token(record.into()));
                }
            } else {
                let id = EnvId::from_stored(subject, "changes", "subject_id")?;
                sink.apply(&match environments::find_by_id(connection, id)? {
                    Some(record) => Change::Environment(record.into()),
                    None => Change::EnvironmentDeleted(id),
                });
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
    tokens::load(connection, &mut |record| sink.apply(&Change::Token(record.into())))?;
    environments::load(connection, &mut |record| sink.apply(&Change::Environment(record.into())))?;
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
