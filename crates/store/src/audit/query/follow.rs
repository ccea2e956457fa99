//! Reading on, in the order in which events were written: for who follows the log.

use std::fmt;

use toolfront_token::{Permit, ReadAudit};

use super::super::chain::{ChainNumber, ChainRow};
use super::super::record::{AuditRecord, COLUMNS};
use super::{AuditFilter, AuditSight, LOOKED_AT_MAX};
use crate::database::Connection;
use crate::error::StoreError;
use crate::store::Store;

/// How far somebody has read the log: the last event of each of its chains. An embedded store has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace(Vec<i64>);

/// What was written behind a place.
#[derive(Clone, Debug)]
pub struct Written {
    /// The events that are wanted, those of a chain in its order.
    pub events: Vec<AuditRecord>,
    /// Whether there is more.
    pub more: bool,
}

impl LogPlace {
    /// Behind the event with that sequence number, and at the beginning of every other chain.
    pub fn behind(sequence: i64) -> Self {
        Self(vec![sequence])
    }

    /// Reads what its `Display` wrote: sequence numbers, with commas between them.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',').map(|number| number.parse().ok()).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Goes behind an event of one of the chains.
    pub fn pass(&mut self, sequence: i64) {
        let chain = ChainNumber::of(sequence);
        self.0.retain(|known| ChainNumber::of(*known) != chain);
        self.0.push(sequence);
        self.0.sort_unstable();
    }

    /// What was read of a chain.
    fn in_chain(&self, chain: &ChainRow) -> i64 {
        let read = self.0.iter().copied().find(|sequence| ChainNumber::of(*sequence) == chain.number);
        read.unwrap_or(chain.number.start())
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, sequence) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{sequence}")?;
        }
        Ok(())
    }
}

impl Store {
    /// The place behind all that is written until now.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be read.
    pub async fn log_place(&self) -> Result<LogPlace, StoreError> {
        if !self.is_shared() {
            return Ok(LogPlace::behind(self.log_head().sequence));
        }
        self.read(|connection| {
            let chains = ChainRow::read_all(connection)?;
            Ok(LogPlace(chains.into_iter().map(|chain| chain.head.sequence).collect()))
        })
        .await
    }

    /// The events that the caller may know of behind a place, up to the number that the filter names; the place is
    /// behind them then. The filter's order and its own place are not looked at.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read; the place is as it was.
    pub async fn written_behind(
        &self,
        permit: &Permit<ReadAudit>,
        filter: AuditFilter,
        place: &mut LogPlace,
    ) -> Result<Written, StoreError> {
        let nothing = Written { events: Vec::new(), more: false };
        let Some(sight) = AuditSight::of(permit) else { return Ok(nothing) };
        let mut behind = place.clone();
        let (written, behind) = self
            .read(move |connection| {
                let written = read(connection, &filter, &sight, &mut behind)?;
                Ok::<_, StoreError>((written, behind))
            })
            .await?;
        *place = behind;
        Ok(written)
    }
}

fn read(
    connection: &Connection,
    filter: &AuditFilter,
    sight: &AuditSight,
    place: &mut LogPlace,
) -> Result<Written, StoreError> {
    let mut known = sight.with_memory(connection);
    let (mut events, mut looked_at) = (Vec::new(), 0);
    for chain in ChainRow::read_all(connection)? {
        let mut statement = connection.prepare_scan(&format!(
            "SELECT {COLUMNS} FROM audit_events WHERE sequence > ?1 AND sequence < ?2 ORDER BY sequence"
        ))?;
        let from = place.in_chain(&chain);
        let mut rows = statement.query((from, chain.number.end()))?;
        let mut last = from;
        while let Some(row) = rows.next()? {
            if events.len() >= filter.limit || looked_at >= LOOKED_AT_MAX {
                place.pass(last);
                return Ok(Written { events, more: true });
            }
            let record = AuditRecord::read(row)?;
            last = record.sequence;
            looked_at += 1;
            if filter.wants(&record) && known.sees(&record)? {
                events.push(record);
            }
        }
        place.pass(last);
    }
    Ok(Written { events, more: false })
}
