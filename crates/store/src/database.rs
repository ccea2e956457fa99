//! A connection to the database, whichever of the two kinds it is.
//!
//! There is one text of each statement. It is written in what SQLite and PostgreSQL have in common, with numbered
//! parameters (`?1`); the schemas differ. Everything here blocks.

mod bind;
mod column;
mod postgres;
mod tls;

pub(crate) use self::bind::Params;
pub(crate) use self::column::FromColumn;
pub(crate) use self::postgres::{Notification, PostgresConnection, PostgresRows};
use crate::error::StoreError;

/// A connection to the database.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<PostgresConnection>),
}

/// A statement that can be run.
pub(crate) enum Statement<'c> {
    Sqlite(rusqlite::CachedStatement<'c>),
    Postgres {
        connection: &'c PostgresConnection,
        text: String,
        /// Its rows are fetched as they are asked for, and not all at once.
        is_scan: bool,
    },
}

/// The rows that a statement yields, one after the other.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(PostgresRows<'s>),
}

/// A row.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

/// Statements whose rows will be asked for.
pub(crate) struct Ahead(Vec<(String, Vec<bind::OwnedValue>)>);

impl Ahead {
    pub(crate) fn query(&mut self, text: &str, params: impl Params) {
        let values = params.with(|values| values.iter().map(|value| value.kept()).collect());
        self.0.push((text.to_owned(), values));
    }
}

impl Connection {
    /// A statement that is kept for the next time.
    pub(crate) fn prepare_cached(&self, text: &str) -> Result<Statement<'_>, StoreError> {
        Ok(match self {
            Self::Sqlite(connection) => Statement::Sqlite(connection.prepare_cached(text)?),
            Self::Postgres(connection) => {
                Statement::Postgres { connection, text: text.to_owned(), is_scan: false }
            }
        })
    }

    /// A statement that may yield more rows than there should be in memory at once. Needs a transaction.
    pub(crate) fn prepare_scan(&self, text: &str) -> Result<Statement<'_>, StoreError> {
        Ok(match self {
            Self::Sqlite(connection) => Statement::Sqlite(connection.prepare_cached(text)?),
            Self::Postgres(connection) => {
                Statement::Postgres { connection, text: text.to_owned(), is_scan: true }
            }
        })
    }

    /// Runs a statement, and yields how many rows it changed.
    pub(crate) fn execute(&self, text: &str, params: impl Params) -> Result<usize, StoreError> {
        self.prepare_cached(text)?.execute(params)
    }

    /// Runs a statement that yields a row.
    pub(crate) fn query_row<T>(
        &self,
        text: &str,
        params: impl Params,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.prepare_cached(text)?.query_row(params, read)
    }

    /// Runs several statements without parameters.
    pub(crate) fn execute_batch(&self, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(text)?),
            Self::Postgres(connection) => connection.execute_batch(text),
        }
    }

    /// Begins a transaction that is to write.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.step("BEGIN IMMEDIATE"),
            Self::Postgres(connection) => {
                connection.begin();
                Ok(())
            }
        }
    }

    /// Marks a place to go back to.
    pub(crate) fn savepoint(&self) -> Result<(), StoreError> {
        self.step("SAVEPOINT call")
    }

    /// Goes back to the place that was marked.
    pub(crate) fn roll_back_to_savepoint(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.step("ROLLBACK TO call"),
            Self::Postgres(connection) => connection.roll_back_to("call"),
        }
    }

    /// Forgets the place that was marked.
    pub(crate) fn release_savepoint(&self) -> Result<(), StoreError> {
        self.step("RELEASE call")
    }

    /// Commits the transaction. `None` when nobody can tell what became of it: a server's answer was lost.
    pub(crate) fn try_commit(&self) -> Option<Result<(), StoreError>> {
        match self {
            Self::Sqlite(_) => Some(self.step("COMMIT")),
            Self::Postgres(connection) => connection.commit(),
        }
    }

    /// The same, where the one is as bad as the other.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.try_commit().unwrap_or_else(|| {
            let reason = "the connection to the database was lost while a change was committed".to_owned();
            Err(StoreError::Unavailable { reason })
        })
    }

    /// Has what these statements yield fetched together, where each would be on its way by itself.
    pub(crate) fn fetch_ahead(&self, ask: impl FnOnce(&mut Ahead)) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(connection) => {
                let mut ahead = Ahead(Vec::new());
                ask(&mut ahead);
                connection.fetch_ahead(ahead.0)
            }
        }
    }

    /// Sends a server what was kept back.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(connection) => connection.flush(),
        }
    }

    /// Whether a statement that had to find something found nothing, in the transaction that was last begun.
    pub(crate) fn has_missed(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(connection) => connection.has_missed(),
        }
    }

    /// Runs a statement that has to find something, else the transaction fails; it is on its way with the next one.
    pub(crate) fn require_later(&self, text: &str, params: impl Params) -> Result<(), StoreError> {
        params.with(|values| match self {
            Self::Sqlite(connection) => {
                connection.prepare_cached(text)?.query_row(rusqlite::params_from_iter(values), |_| Ok(()))?;
                Ok(())
            }
            Self::Postgres(connection) => {
                connection.require_later(text, values);
                Ok(())
            }
        })
    }

    /// Undoes the transaction, if there is one.
    pub(crate) fn roll_back(&self) {
        match self {
            Self::Sqlite(connection) => {
                if !connection.is_autocommit() {
                    let _ = connection.execute_batch("ROLLBACK");
                }
            }
            Self::Postgres(connection) => connection.roll_back(),
        }
    }

    /// Whether there is a transaction that can go on.
    pub(crate) fn is_in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(connection) => !connection.is_autocommit(),
            Self::Postgres(connection) => connection.is_in_transaction(),
        }
    }

    /// Has `read` done on what is committed now, and stays the same throughout.
    pub(crate) fn in_snapshot<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(connection) => {
                let snapshot = connection.unchecked_transaction().map_err(StoreError::from)?;
                let result = read(self);
                drop(snapshot);
                result
            }
            Self::Postgres(connection) => {
                connection.begin_snapshot();
                let result = read(self);
                connection.roll_back();
                result
            }
        }
    }

    /// The same, and a server hears of the end with the next statement, which should follow at once.
    pub(crate) fn in_brief_snapshot<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Self::Postgres(connection) = self else { return self.in_snapshot(read) };
        connection.begin_snapshot();
        let result = read(self);
        match &result {
            Ok(_) => connection.end_later(),
            Err(_) => connection.roll_back(),
        }
        result
    }

    /// Whether it is of no use any more.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(connection) => connection.is_closed(),
        }
    }

    /// Runs a statement that has nothing to say. On a server it is on its way with the next one, and a failure of it
    /// is one of the transaction.
    fn step(&self, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.prepare_cached(text)?.execute([]).map(|_| ())?),
            Self::Postgres(connection) => {
                connection.execute_later(text, &[]);
                Ok(())
            }
        }
    }
}

impl Statement<'_> {
    /// Runs it, and yields how many rows it changed.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize, StoreError> {
        params.with(|values| match self {
            Self::Sqlite(statement) => Ok(statement.execute(rusqlite::params_from_iter(values))?),
            Self::Postgres { connection, text, .. } => connection.execute(text, values),
        })
    }

    /// Runs it, whatever it changes. On a server it is on its way with the next one, and a failure of it is one of
    /// the whole transaction.
    pub(crate) fn execute_later(&mut self, params: impl Params) -> Result<(), StoreError> {
        params.with(|values| match self {
            Self::Sqlite(statement) => {
                Ok(statement.execute(rusqlite::params_from_iter(values)).map(|_| ())?)
            }
            Self::Postgres { connection, text, .. } => {
                connection.execute_later(text, values);
                Ok(())
            }
        })
    }

    /// Runs it for its rows.
    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>, StoreError> {
        params.with(|values| match self {
            Self::Sqlite(statement) => Ok(Rows::Sqlite(statement.query(rusqlite::params_from_iter(values))?)),
            Self::Postgres { connection, text, is_scan: false } => {
                Ok(Rows::Postgres(connection.query(text, values)?))
            }
            Self::Postgres { connection, text, is_scan: true } => {
                Ok(Rows::Postgres(connection.scan(text, values)?))
            }
        })
    }

    /// Runs it for its first row, if there is one.
    pub(crate) fn find_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows = self.query(params)?;
        rows.next()?.map(read).transpose()
    }

    /// Runs it for its first row, which has to be there.
    pub(crate) fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let missing = || StoreError::Unavailable { reason: "a statement yielded no row".to_owned() };
        self.find_row(params, read)?.ok_or_else(missing)
    }

    /// Runs it, and reads all its rows.
    pub(crate) fn query_all<T, C: FromIterator<T>>(
        &mut self,
        params: impl Params,
        mut read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<C, StoreError> {
        let mut rows = self.query(params)?;
        std::iter::from_fn(|| rows.next().transpose().map(|row| row.and_then(&mut read))).collect()
    }
}

impl Rows<'_> {
    /// The next row.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, StoreError> {
        match self {
            Self::Sqlite(rows) => Ok(rows.next()?.map(Row::Sqlite)),
            Self::Postgres(rows) => Ok(rows.next()?.map(Row::Postgres)),
        }
    }

    /// The row that was yielded last.
    pub(crate) fn current(&self) -> Option<Row<'_>> {
        use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
        match self {
            Self::Sqlite(rows) => rows.get().map(Row::Sqlite),
            Self::Postgres(rows) => rows.current().map(Row::Postgres),
        }
    }
}

impl<'r> Row<'r> {
    /// What stands in a column.
    pub(crate) fn get<T: FromColumn>(self, column: usize) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => T::of_sqlite(row, column),
            Self::Postgres(row) => T::of_postgres(row, column),
        }
    }

    /// The text in a column, where it stands.
    pub(crate) fn text(self, column: usize) -> Result<&'r str, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// The bytes in a column, where they stand.
    pub(crate) fn blob(self, column: usize) -> Result<&'r [u8], StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}
