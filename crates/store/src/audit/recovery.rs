//! What is found in the log when a store is opened: uses that were not counted yet, and runs without an end.

use std::collections::BTreeSet;

use toolfront_token::{EnvId, Timestamp};

use super::chain::{ChainHead, ChainNumber, ChainRow};
use super::event::{RUN_BEGIN, RUN_END};
use super::record::{AuditRecord, COLUMNS};
use super::tail::LogTail;
use super::{Attribution, Event, Outcome, RunEnded, append};
use crate::database::Connection;
use crate::error::StoreError;
use crate::usage::{PendingUsage, Use};
use crate::writer::WriteTransaction;

/// What was found, and put right.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The end of the log.
    pub(crate) tail: LogTail,
    /// How many runs had no end.
    pub(crate) interrupted_runs: usize,
    /// Whether the log ended with the event that was last written to it.
    pub(crate) ends_well: bool,
}

/// Counts what was not counted, and ends the runs that the process before could not tell the end of.
pub(crate) fn recover(connection: &Connection, now: Timestamp) -> Result<Recovered, StoreError> {
    connection.begin()?;
    let (mut tail, ends_well) =
        look(connection, ChainNumber::FIRST).inspect_err(|_| connection.roll_back())?;
    let mut transaction = WriteTransaction::begin(connection, &tail);
    let closed = put_right(&mut transaction, now);
    let interrupted_runs = closed.inspect_err(|_| connection.roll_back())?;
    let effects = transaction.commit()?;
    tail.absorb(effects);
    Ok(Recovered { tail, interrupted_runs, ends_well })
}

/// Puts right what was found, in the transaction.
pub(crate) fn put_right(transaction: &mut WriteTransaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    let interrupted_runs = close_interrupted(transaction, now)?;
    transaction.count_usage()?;
    Ok(interrupted_runs)
}

/// The end of a chain of the log, what is to be counted, and whether it ends where it should. Needs a transaction.
pub(crate) fn look(connection: &Connection, number: ChainNumber) -> Result<(LogTail, bool), StoreError> {
    let chain = ChainRow::read(connection, number)?;
    let mut uncounted = PendingUsage::default();
    let mut open_runs = BTreeSet::new();
    let from = chain.counted_through.saturating_add(1).min(chain.runs_from);
    let mut statement = connection.prepare_scan(&format!(
        "SELECT {COLUMNS} FROM audit_events WHERE sequence >= ?1 AND sequence < ?2 ORDER BY sequence"
    ))?;
    let mut rows = statement.query((from, number.end()))?;
    let mut is_readable = true;
    while let Some(row) = rows.next()? {
        // What can't be read was changed by somebody else: it is told of, and keeps nobody from starting.
        let Ok(record) = AuditRecord::read(row) else {
            is_readable = false;
            continue;
        };
        match record.action.as_str() {
            RUN_BEGIN => drop(open_runs.insert(record.sequence)),
            RUN_END => drop(open_runs.remove(&begin_of(&record.detail))),
            _ => {}
        }
        if let (true, Some(token), Some(generation), 1..) =
            (record.sequence > chain.counted_through, record.token, record.generation, record.uses)
        {
            uncounted.add(&Use {
                token,
                generation,
                environment: record.environment,
                at: record.at,
                count: record.uses,
                address: record.address.and_then(|address| address.parse().ok()),
                user_agent: record.user_agent,
            });
        }
    }
    let last: Option<(i64, Option<[u8; 32]>)> = connection
        .prepare_cached(
            "SELECT sequence, hash FROM audit_events WHERE sequence > ?1 AND sequence < ?2
             ORDER BY sequence DESC LIMIT 1",
        )?
        .find_row((number.start(), number.end()), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let ends_well = match last {
        Some((sequence, hash)) if sequence > chain.base.sequence => {
            sequence == chain.head.sequence && hash.as_ref() == Some(chain.head.hash.as_bytes())
        }
        _ => chain.head.sequence == chain.base.sequence,
    };
    // What somebody else put behind the head keeps its number; the chain goes on behind it.
    let sequence = last.map_or(0, |(sequence, _)| sequence).max(chain.head.sequence);
    let head = ChainHead { sequence, hash: chain.head.hash };
    Ok((
        LogTail { chain: number, head, uncounted, counted_through: chain.counted_through, open_runs },
        ends_well && is_readable,
    ))
}

fn begin_of(detail: &str) -> i64 {
    serde_json::from_str::<serde_json::Value>(detail)
        .ok()
        .and_then(|detail| detail.get("begin")?.as_i64())
        .unwrap_or_default()
}

fn close_interrupted(transaction: &mut WriteTransaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    let open: Vec<i64> = transaction.open_runs().collect();
    for begin in &open {
        let begun = by_sequence(transaction, *begin)?;
        let Some((by, environment)) = begun.map(of_record) else { continue };
        let ended =
            RunEnded { begin: *begin, outcome: Outcome::Interrupted, duration_ms: 0, output_bytes: 0 };
        append(transaction, &by, environment, &Event::RunEnded(ended), now)?;
    }
    Ok(open.len())
}

fn by_sequence(connection: &Connection, sequence: i64) -> Result<Option<AuditRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM audit_events WHERE sequence = ?1"))?;
    let mut rows = statement.query([sequence])?;
    rows.next()?.map(AuditRecord::read).transpose()
}

fn of_record(record: AuditRecord) -> (Attribution, Option<EnvId>) {
    let by = Attribution {
        organization: record.organization,
        token: record.token,
        generation: record.generation,
        address: record.address.and_then(|address| address.parse().ok()),
        user_agent: record.user_agent,
        request_id: record.request_id,
        use_slip: None,
    };
    (by, record.environment)
}
