//! Several sources of events, each in order, read as one.

use toolfront_token::{EnvId, Timestamp, TokenId};

use super::super::record::{AuditRecord, COLUMNS};
use super::{AuditCursor, AuditFilter, AuditOrder};
use crate::database::{Connection, Rows, Statement};
use crate::error::StoreError;
use crate::sqlite::Stored;

/// Where events are found in the order of their time, the newest first; or of the log, the first one first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// All of them.
    Time,
    /// What a token did.
    By(TokenId),
    /// What became of a token.
    About(TokenId),
    /// What was for an environment, or for none.
    Environment(Option<EnvId>),
    /// The log itself, from its beginning.
    Log,
}

impl Source {
    /// The statement, of which a test holds that it goes by an index.
    pub(super) fn statement(self) -> String {
        let condition = match self {
            Self::Log => {
                return format!(
                    "SELECT {COLUMNS} FROM audit_events
                     WHERE sequence > ?4 AND ?1 IS NULL AND ?2 IS NOT NULL AND ?3 IS NOT NULL ORDER BY sequence"
                );
            }
            Self::Time => "?1 IS NULL",
            Self::By(_) => "token_id = ?1",
            Self::About(_) => "subject_id = ?1",
            Self::Environment(Some(_)) => "environment_id = ?1",
            Self::Environment(None) => "environment_id IS NULL AND ?1 IS NULL",
        };
        // Twice the same of `at`: SQLite goes to an index by the first and not by a comparison of pairs.
        format!(
            "SELECT {COLUMNS} FROM audit_events
             WHERE {condition} AND at >= ?2 AND at <= ?3 AND (at < ?3 OR sequence < ?4)
             ORDER BY at DESC, sequence DESC"
        )
    }

    fn key(self) -> Option<i64> {
        match self {
            Self::Time | Self::Environment(None) | Self::Log => None,
            Self::By(token) | Self::About(token) => Some(token.to_stored()),
            Self::Environment(Some(environment)) => Some(environment.to_stored()),
        }
    }

    pub(super) fn prepare(self, connection: &Connection) -> Result<Statement<'_>, StoreError> {
        connection.prepare_scan(&self.statement())
    }
}

/// The sources of a page, each with its next event.
pub(super) struct Scan<'s> {
    sources: Vec<(Rows<'s>, Option<AuditRecord>)>,
    order: AuditOrder,
}

impl<'s> Scan<'s> {
    pub(super) fn begin(
        sources: &[Source],
        statements: &'s mut [Statement<'_>],
        filter: &AuditFilter,
    ) -> Result<Self, StoreError> {
        // The last instant before `until`, and all events of it.
        let before = filter.until.map_or(i64::MAX, |until| until.micros().saturating_sub(1));
        let end = AuditCursor { at: before, sequence: i64::MAX };
        let from = filter.since.map_or(i64::MIN, Timestamp::micros);
        let place = match filter.order {
            AuditOrder::NewestFirst => filter.after.map_or(end, |after| after.min(end)),
            AuditOrder::OldestFirst => filter.after.unwrap_or(AuditCursor { at: i64::MIN, sequence: 0 }),
        };
        let mut scan = Self { sources: Vec::with_capacity(sources.len()), order: filter.order };
        for (source, statement) in sources.iter().zip(statements) {
            let mut rows = statement.query((source.key(), from, place.at, place.sequence))?;
            let first = advance(&mut rows)?;
            scan.sources.push((rows, first));
        }
        Ok(scan)
    }

    /// The next event in the order of all sources; one that several of them have comes once.
    pub(super) fn next(&mut self) -> Result<Option<AuditRecord>, StoreError> {
        let first = self.sources.iter().filter_map(|(_, next)| next.as_ref()).map(AuditCursor::from);
        let place = match self.order {
            AuditOrder::NewestFirst => first.max(),
            AuditOrder::OldestFirst => first.min_by_key(|place| place.sequence),
        };
        let Some(place) = place else { return Ok(None) };
        let mut found = None;
        for (rows, next) in &mut self.sources {
            if next.as_ref().map(AuditCursor::from) == Some(place) {
                found = std::mem::replace(next, advance(rows)?);
            }
        }
        Ok(found)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.sources.iter().all(|(_, next)| next.is_none())
    }
}

fn advance(rows: &mut Rows<'_>) -> Result<Option<AuditRecord>, StoreError> {
    rows.next()?.map(AuditRecord::read).transpose()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn plan(connection: &Connection, source: Source) -> String {
        let explained = format!("EXPLAIN QUERY PLAN {}", source.statement());
        let mut statement = connection.prepare(&explained).unwrap();
        let rows = statement.query_map((None::<i64>, 0, 1, 1), |row| row.get::<_, String>(3));
        rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    /// A page costs what it shows, however long the log is: each source is read from its place on, in its order.
    #[test]
    fn every_source_goes_by_an_index_and_sorts_nothing() {
        let connection = crate::database::Connection::Sqlite(Connection::open_in_memory().unwrap());
        crate::migrate::migrate(&connection, Timestamp::from_micros(0)).unwrap();
        let crate::database::Connection::Sqlite(connection) = connection else { unreachable!() };
        let (token, environment) = (TokenId::from_bits(1).unwrap(), EnvId::from_bits(1).unwrap());
        for (source, goes_by) in [
            (Source::Time, "INDEX audit_events_by_time (at>? AND at<?)"),
            (Source::By(token), "INDEX audit_events_by_token (token_id=? AND at>? AND at<?)"),
            (Source::About(token), "INDEX audit_events_by_subject (subject_id=? AND at>? AND at<?)"),
            (
                Source::Environment(Some(environment)),
                "INDEX audit_events_by_environment (environment_id=? AND at>? AND at<?)",
            ),
            (
                Source::Environment(None),
                "INDEX audit_events_by_environment (environment_id=? AND at>? AND at<?)",
            ),
            (Source::Log, "INTEGER PRIMARY KEY (rowid>?)"),
        ] {
            let plan = plan(&connection, source);
            assert_eq!(plan, format!("SEARCH audit_events USING {goes_by}"), "{source:?}");
        }
    }
}
