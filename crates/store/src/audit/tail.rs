//! The end of the log, as the writer knows it, and what a transaction adds to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::attribution::UseSlip;
use super::chain::{ChainHash, ChainHead, ChainNumber, write_head};
use crate::change::Change;
use crate::database::Connection;
use crate::error::StoreError;
use crate::usage::{PendingUsage, Use};

/// The end of the log after the last commit.
#[derive(Debug)]
pub(crate) struct LogTail {
    pub(super) chain: ChainNumber,
    pub(super) head: ChainHead,
    /// Uses that events tell of, and that are not yet in the tables of usage.
    pub(super) uncounted: PendingUsage,
    /// All events up to this one are counted.
    pub(super) counted_through: i64,
    /// Runs that began and have no end.
    pub(super) open_runs: BTreeSet<i64>,
}

/// What an event means for more than its row.
#[derive(Debug)]
pub(crate) enum Told {
    /// It tells of uses of a value.
    Use(Use),
    /// It took a request's use.
    Slip(Arc<UseSlip>),
    /// A run begins with it.
    Begun(i64),
    /// A run ends with it.
    Ended(i64),
}

/// What a transaction does besides its rows: it comes about with the commit, and not without.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) changes: Vec<Change>,
    told: Vec<Told>,
    head: ChainHead,
    /// So many of those told are in the tables of usage, and all from before the transaction.
    counted: Option<usize>,
}

/// How far the effects had come when a call began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    changes: usize,
    told: usize,
    head: ChainHead,
    counted: Option<usize>,
}

impl LogTail {
    pub(crate) fn begin(&self) -> Effects {
        Effects { changes: Vec::new(), told: Vec::new(), head: self.head, counted: None }
    }

    /// The begins of runs without an end.
    pub(crate) fn open_runs(&self) -> impl Iterator<Item = i64> + '_ {
        self.open_runs.iter().copied()
    }

    /// Which chain of the log it is the end of.
    pub(crate) fn chain(&self) -> ChainNumber {
        self.chain
    }

    /// Where the log ends.
    pub(crate) fn head(&self) -> ChainHead {
        self.head
    }

    /// Writes into the transaction what is still missing of its effects, just before the commit.
    pub(crate) fn seal(&self, connection: &Connection, effects: &Effects) -> Result<(), StoreError> {
        if effects.head != self.head {
            write_head(connection, self.chain, effects.head)?;
        }
        Ok(())
    }

    /// Takes over what was committed, and yields the changes.
    pub(crate) fn absorb(&mut self, effects: Effects) -> Vec<Change> {
        let Effects { changes, told, head, counted } = effects;
        if let Some(counted) = counted {
            self.uncounted = PendingUsage::default();
            self.counted_through = head.sequence;
            for told in told.get(counted..).unwrap_or_default() {
                if let Told::Use(counted) = told {
                    self.uncounted.add(counted);
                }
            }
        }
        for told in told {
            match told {
                Told::Use(uses) if counted.is_none() => self.uncounted.add(&uses),
                Told::Use(_) | Told::Slip(_) => {}
                Told::Begun(sequence) => drop(self.open_runs.insert(sequence)),
                Told::Ended(begin) => drop(self.open_runs.remove(&begin)),
            }
        }
        self.head = head;
        changes
    }

    /// Writes the uses that were told so far into the tables of usage, and that they are there.
    pub(crate) fn count(&self, connection: &Connection, effects: &mut Effects) -> Result<(), StoreError> {
        let mut pending =
            if effects.counted.is_some() { PendingUsage::default() } else { self.uncounted.clone() };
        let mut open = self.open_runs.clone();
        for (place, told) in effects.told.iter().enumerate() {
            match told {
                Told::Use(uses) if effects.counted.is_none_or(|counted| place >= counted) => {
                    pending.add(uses);
                }
                Told::Use(_) | Told::Slip(_) => {}
                Told::Begun(sequence) => drop(open.insert(*sequence)),
                Told::Ended(begin) => drop(open.remove(begin)),
            }
        }
        if pending.is_empty() && effects.head.sequence == self.counted_through {
            return Ok(());
        }
        pending.write(connection)?;
        let runs_from = open.first().copied().unwrap_or(effects.head.sequence.saturating_add(1));
        connection
            .prepare_cached(
                "UPDATE audit_chain SET counted_through = ?1, runs_from = ?2
                 WHERE base_sequence >= ?3 AND base_sequence < ?4",
            )?
            .execute_later((effects.head.sequence, runs_from, self.chain.start(), self.chain.end()))?;
        effects.counted = Some(effects.told.len());
        Ok(())
    }
}

impl Effects {
    pub(crate) fn mark(&self) -> Mark {
        Mark { changes: self.changes.len(), told: self.told.len(), head: self.head, counted: self.counted }
    }

    /// Undoes what came about since `mark`.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.changes.truncate(mark.changes);
        put_back(self.told.drain(mark.told.min(self.told.len())..));
        self.head = mark.head;
        self.counted = mark.counted;
    }

    /// Undoes all of it: there was no commit.
    pub(crate) fn abandon(self) {
        put_back(self.told.into_iter());
    }

    pub(crate) fn tell(&mut self, told: Told) {
        self.told.push(told);
    }

    pub(crate) fn head(&self) -> ChainHead {
        self.head
    }

    pub(crate) fn set_head(&mut self, sequence: i64, hash: ChainHash) {
        self.head = ChainHead { sequence, hash };
    }
}

fn put_back(told: impl Iterator<Item = Told>) {
    for told in told {
        if let Told::Slip(slip) = told {
            slip.put_back();
        }
    }
}
