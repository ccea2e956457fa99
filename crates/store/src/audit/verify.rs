//! Walking the chain: the first event that does not fit is named.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::chain::{ChainHash, ChainHead, ChainNumber, ChainRow};
use super::record::{AuditRecord, COLUMNS};
use crate::data_directory;
use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite;
use crate::store::Store;

/// How far behind an event's place it is looked for when it is not there.
const SEARCHED_MAX: i64 = 10_000;

/// What is wrong with a log, at the first place where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// The event is not the one that was written.
    Changed {
        /// Its sequence number.
        sequence: i64,
    },
    /// There is no event with this number, and there are later ones.
    Missing {
        /// The number.
        sequence: i64,
    },
    /// The event that belongs here stands elsewhere.
    Reordered {
        /// Where it belongs.
        sequence: i64,
        /// Where it stands.
        found_at: i64,
    },
    /// The log ends before its last event.
    CutOff {
        /// The first event that is gone.
        sequence: i64,
        /// The last event that was written.
        last: i64,
    },
    /// There are events behind the last one that was written, or in front of the first one that is kept.
    Added {
        /// The first of them.
        sequence: i64,
    },
    /// The event is not the one that an anchor tells of, though the chain is whole: all of it was written anew.
    Rewritten {
        /// Its sequence number.
        sequence: i64,
    },
}

impl ChainFault {
    /// The number of the event at which it shows.
    pub fn sequence(self) -> i64 {
        match self {
            Self::Changed { sequence }
            | Self::Missing { sequence }
            | Self::Reordered { sequence, .. }
            | Self::CutOff { sequence, .. }
            | Self::Added { sequence }
            | Self::Rewritten { sequence } => sequence,
        }
    }
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { sequence } => write!(f, "event {sequence} was changed"),
            Self::Missing { sequence } => write!(f, "event {sequence} is missing"),
            Self::Reordered { sequence, found_at } => {
                write!(f, "event {sequence} was moved: it stands at {found_at}")
            }
            Self::CutOff { sequence, last } => {
                write!(f, "the log was cut off: events {sequence} to {last} are gone")
            }
            Self::Added { sequence } => write!(f, "event {sequence} was added: the log never had it"),
            Self::Rewritten { sequence } => {
                write!(f, "event {sequence} is not the one of the anchor: the log was written anew")
            }
        }
    }
}

/// What a walk along the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many events fit.
    pub events: u64,
    /// How many events from before the chain there are, which nothing can be said of.
    pub unchained: u64,
    /// Behind which event the log begins, the first chain of it: those up to it were removed by their age.
    pub base: ChainHead,
    /// Where that chain ends.
    pub head: ChainHead,
    /// Every chain of the log, the first one first.
    pub chains: Vec<ChainVerification>,
    /// What is wrong, if anything is.
    pub fault: Option<ChainFault>,
}

/// How far one of a log's chains fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainVerification {
    /// Behind which event it begins: those up to it were removed by their age.
    pub base: ChainHead,
    /// The last event that fits.
    pub head: ChainHead,
    /// How many events fit.
    pub events: u64,
}

/// Holds events against the chain, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    head: ChainHead,
}

impl Verifier {
    /// Begins behind an event that is known.
    pub fn behind(head: ChainHead) -> Self {
        Self { head }
    }

    /// The last event that fitted.
    pub fn head(&self) -> ChainHead {
        self.head
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`ChainFault`] when it is not the one that was written.
    pub fn take(&mut self, record: &AuditRecord) -> Result<(), ChainFault> {
        self.take_line(record.sequence, record.hash, &record.line())
    }

    /// The same for an event's line of an export, its hash taken off.
    ///
    /// # Errors
    /// [`ChainFault`] when it is not the one that was written.
    pub fn take_line(
        &mut self,
        sequence: i64,
        hash: Option<ChainHash>,
        line: &str,
    ) -> Result<(), ChainFault> {
        let expected = self.head.sequence.saturating_add(1);
        if sequence != expected {
            return Err(ChainFault::Missing { sequence: expected });
        }
        let fits = self.head.hash.then(line);
        if hash != Some(fits) {
            return Err(ChainFault::Changed { sequence });
        }
        self.head = ChainHead { sequence, hash: fits };
        Ok(())
    }
}

impl Store {
    /// Walks the whole chain. `anchor` is an event and its hash as they were kept elsewhere. It takes seconds for a
    /// million events, and holds up nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the log can't be read.
    pub async fn verify_log(&self, anchor: Option<ChainHead>) -> Result<Verification, StoreError> {
        self.read(move |connection| verify(connection, anchor.as_slice())).await
    }
}

/// Walks the whole chain of a data directory's log, and changes nothing there: whether a gateway has it open or not,
/// and whether or not the directory can be written to. `anchors` are events and their hashes as they were kept
/// elsewhere. Blocks.
///
/// # Errors
/// [`StoreError`] when there is no log that can be read.
pub fn verify_directory(directory: &Path, anchors: &[ChainHead]) -> Result<Verification, StoreError> {
    let path = directory.join(data_directory::DATABASE);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // The log in front of the database is there as long as somebody has it open, and after a crash.
    let is_at_rest = || !Path::new(&log).exists();
    if is_at_rest() {
        let found = verify(&Connection::Sqlite(sqlite::open_at_rest(&path)?), anchors);
        if is_at_rest() {
            return found;
        }
        // A gateway has begun to write meanwhile: what was found may be neither the old nor the new.
    }
    Connection::Sqlite(sqlite::open_reader(&path)?).in_snapshot(|connection| verify(connection, anchors))
}

/// Walks all chains: the first fault that shows, and how many events all of them have. The base and the head are
/// those of the first one.
fn verify(connection: &Connection, anchors: &[ChainHead]) -> Result<Verification, StoreError> {
    let mut chains = ChainRow::read_all(connection)?.into_iter();
    let missing = StoreError::Corrupt { table: "audit_chain", column: "base_sequence", id: 1 };
    let mut found = verify_chain(connection, &chains.next().ok_or(missing)?, anchors)?;
    for chain in chains {
        let next = verify_chain(connection, &chain, anchors)?;
        found.events = found.events.saturating_add(next.events);
        found.unchained = found.unchained.saturating_add(next.unchained);
        found.chains.extend(next.chains);
        found.fault = found.fault.or(next.fault);
    }
    found.fault = found.fault.or_else(|| gone(&found.chains, anchors));
    Ok(found)
}

/// The chain of an anchor that the log does not have, not even empty: all of it is gone.
fn gone(chains: &[ChainVerification], anchors: &[ChainHead]) -> Option<ChainFault> {
    let is_there = |number| chains.iter().any(|chain| ChainNumber::of(chain.base.sequence) == number);
    let last = anchors.iter().filter(|anchor| !is_there(ChainNumber::of(anchor.sequence)));
    let last = last.map(|anchor| anchor.sequence).max()?;
    let start = ChainNumber::of(last).start();
    (last > start).then_some(ChainFault::CutOff { sequence: start.saturating_add(1), last })
}

fn verify_chain(
    connection: &Connection,
    chain: &ChainRow,
    anchors: &[ChainHead],
) -> Result<Verification, StoreError> {
    let (start, end) = (chain.number.start(), chain.number.end());
    let anchors: Vec<ChainHead> =
        anchors.iter().copied().filter(|anchor| (start..end).contains(&anchor.sequence)).collect();
    let anchors = anchors.as_slice();
    let unchained: i64 = connection.query_row(
        "SELECT count(*) FROM audit_events WHERE sequence > ?1 AND sequence <= ?2",
        (start, chain.base.sequence),
        |row| row.get(0),
    )?;
    let mut verifier = Verifier::behind(chain.base);
    let fault = match in_front(connection, chain, anchors)? {
        Some(fault) => Some(fault),
        None => walk(connection, chain, &mut verifier, anchors)?,
    };
    let events = verifier.head.sequence.saturating_sub(chain.base.sequence).unsigned_abs();
    let (base, head) = (chain.base, verifier.head);
    let chains = vec![ChainVerification { base, head, events }];
    Ok(Verification { events, unchained: unchained.unsigned_abs(), base, head, chains, fault })
}

/// What is wrong at the chain's base, or in front of it.
fn in_front(
    connection: &Connection,
    chain: &ChainRow,
    anchors: &[ChainHead],
) -> Result<Option<ChainFault>, StoreError> {
    let (start, end) = (chain.number.start(), chain.number.end());
    let lowest = if chain.is_pruned { chain.base.sequence } else { start }.saturating_add(1);
    let from = if start == 0 { i64::MIN } else { start };
    let first: Option<i64> = connection.query_row(
        "SELECT min(sequence) FROM audit_events WHERE sequence > ?1 AND sequence < ?2",
        (from, end),
        |row| row.get(0),
    )?;
    if let Some(sequence) = first.filter(|first| *first < lowest) {
        return Ok(Some(ChainFault::Added { sequence }));
    }
    let is_another = |anchor: &&ChainHead| anchor.sequence == chain.base.sequence && **anchor != chain.base;
    Ok(anchors.iter().find(is_another).map(|anchor| ChainFault::Rewritten { sequence: anchor.sequence }))
}

fn walk(
    connection: &Connection,
    chain: &ChainRow,
    verifier: &mut Verifier,
    anchors: &[ChainHead],
) -> Result<Option<ChainFault>, StoreError> {
    let mut statement = connection.prepare_scan(&format!(
        "SELECT {COLUMNS} FROM audit_events WHERE sequence > ?1 AND sequence < ?2 ORDER BY sequence"
    ))?;
    let mut kept: BTreeMap<i64, Vec<&ChainHead>> = BTreeMap::new();
    for anchor in anchors {
        kept.entry(anchor.sequence).or_default().push(anchor);
    }
    let mut rows = statement.query((chain.base.sequence, chain.number.end()))?;
    while let Some(row) = rows.next()? {
        // What can't even be read was changed.
        let Ok(record) = AuditRecord::read(row) else {
            return Ok(Some(ChainFault::Changed { sequence: verifier.head.sequence.saturating_add(1) }));
        };
        if record.sequence > chain.head.sequence {
            let added = ChainFault::Added { sequence: record.sequence };
            return Ok(Some(cut_off(chain, verifier.head).unwrap_or(added)));
        }
        if let Err(fault) = verifier.take(&record) {
            return Ok(Some(moved(connection, verifier.head)?.unwrap_or(fault)));
        }
        let sequence = record.sequence;
        if kept.get(&sequence).into_iter().flatten().any(|anchor| **anchor != verifier.head) {
            return Ok(Some(ChainFault::Rewritten { sequence }));
        }
    }
    if let Some(fault) = cut_off(chain, verifier.head) {
        return Ok(Some(fault));
    }
    if verifier.head != chain.head {
        return Ok(Some(ChainFault::Rewritten { sequence: chain.head.sequence }));
    }
    let last = kept.last_key_value().map(|(last, _)| *last).filter(|last| *last > verifier.head.sequence);
    Ok(last.map(|last| ChainFault::CutOff { sequence: verifier.head.sequence.saturating_add(1), last }))
}

fn cut_off(chain: &ChainRow, head: ChainHead) -> Option<ChainFault> {
    let sequence = head.sequence.saturating_add(1);
    (head.sequence < chain.head.sequence)
        .then_some(ChainFault::CutOff { sequence, last: chain.head.sequence })
}

/// Looks for the event that belongs behind `head` under other numbers.
fn moved(connection: &Connection, head: ChainHead) -> Result<Option<ChainFault>, StoreError> {
    let sequence = head.sequence.saturating_add(1);
    let mut statement = connection.prepare_scan(&format!(
        "SELECT {COLUMNS} FROM audit_events WHERE sequence > ?1 ORDER BY sequence LIMIT {SEARCHED_MAX}"
    ))?;
    let mut rows = statement.query([sequence])?;
    while let Some(row) = rows.next()? {
        let Ok(mut record) = AuditRecord::read(row) else { continue };
        let found_at = std::mem::replace(&mut record.sequence, sequence);
        if record.hash == Some(head.hash.then(&record.line())) {
            return Ok(Some(ChainFault::Reordered { sequence, found_at }));
        }
    }
    Ok(None)
}
