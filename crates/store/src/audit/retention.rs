//! Removing events by their age: whole beginnings of the log, so that the chain of what is left still holds.

use toolfront_token::{OrgId, Timestamp};

use super::chain::{ChainHash, ChainHead, ChainRow};
use super::event::Event;
use super::{Attribution, append};
use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::store::Store;
use crate::writer::WriteTransaction;

/// How many events one transaction removes at the most.
const REMOVED_MAX: i64 = 5_000;

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// How many events.
    pub events: u64,
    /// The last of them: what is left begins behind it.
    pub base: ChainHead,
}

impl Store {
    /// Removes some of the events from before `before` at the beginning of the log; call it again until it yields
    /// `None`. What was removed is an event of the log, and `verify` begins behind it.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was removed then.
    pub async fn prune_log(&self, before: Timestamp, now: Timestamp) -> Result<Option<Pruned>, StoreError> {
        self.write(move |transaction| {
            transaction.count_usage()?;
            prune(transaction, before, now)
        })
        .await
    }
}

fn prune(
    transaction: &mut WriteTransaction<'_>,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<Pruned>, StoreError> {
    // Runs that have no end yet are found by their begin; the last event stays, so that there is always a head.
    let head = transaction.head().sequence;
    let kept = transaction.open_runs().next().unwrap_or(head).min(head);
    let chain = transaction.chain();
    let first: Option<i64> = transaction.query_row(
        "SELECT min(sequence) FROM audit_events WHERE sequence > ?1 AND sequence < ?2",
        (chain.start(), chain.end()),
        |row| row.get(0),
    )?;
    let Some(first) = first else { return Ok(None) };
    let end = kept.min(first.saturating_add(REMOVED_MAX));
    let young: Option<i64> = transaction
        .prepare_cached(
            "SELECT sequence FROM audit_events WHERE sequence > ?1 AND sequence < ?2 AND +at >= ?3
             ORDER BY sequence LIMIT 1",
        )?
        .find_row((chain.start(), end, before.micros()), |row| row.get(0))?;
    let last = young.unwrap_or(end).saturating_sub(1);
    if last < first {
        return Ok(None);
    }
    let (organization, hash): (i64, Option<[u8; 32]>) = transaction
        .prepare_cached(
            "SELECT organization_id, hash FROM audit_events WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([last], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let events = transaction
        .execute("DELETE FROM audit_events WHERE sequence > ?1 AND sequence <= ?2", (chain.start(), last))?;
    // Of events from before the chain only the number is of use: its base stays where it was.
    let base = ChainRow::read(transaction, chain)?.base.sequence;
    if let Some(hash) = hash.filter(|_| last > base) {
        transaction.execute(
            "UPDATE audit_chain SET base_sequence = ?1, base_hash = ?2
             WHERE base_sequence >= ?3 AND base_sequence < ?4",
            (last, hash, chain.start(), chain.end()),
        )?;
    }
    let base = ChainHead { sequence: last, hash: ChainHash::from(hash.unwrap_or_default()) };
    let by = Attribution::host(OrgId::from_stored(organization, "audit_events", "organization_id")?);
    let events = u64::try_from(events).unwrap_or(u64::MAX);
    let pruned = Event::LogPruned { through: last, hash: base.hash.to_string(), count: events };
    append(transaction, &by, None, &pruned, now)?;
    Ok(Some(Pruned { events, base }))
}
