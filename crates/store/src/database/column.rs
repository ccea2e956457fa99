//! What stands in a column.

use tokio_postgres::types::Type;

use crate::error::StoreError;

/// What can be read from a column.
pub(crate) trait FromColumn: Sized {
    fn of_sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, StoreError>;
    fn of_postgres(row: &tokio_postgres::Row, column: usize) -> Result<Self, StoreError>;
}

fn unfit(column: usize) -> StoreError {
    StoreError::Unavailable {
        reason: format!("column {column} of a row has another kind of value than it should"),
    }
}

macro_rules! as_they_are {
    ($($kind:ty)*) => {$(
        impl FromColumn for $kind {
            fn of_sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, StoreError> {
                Ok(row.get(column)?)
            }

            fn of_postgres(row: &tokio_postgres::Row, column: usize) -> Result<Self, StoreError> {
                Ok(row.try_get(column)?)
            }
        }
    )*};
}

as_they_are!(bool String Vec<u8> Option<String> Option<Vec<u8>>);

impl FromColumn for Option<i64> {
    fn of_sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, StoreError> {
        Ok(row.get(column)?)
    }

    fn of_postgres(row: &tokio_postgres::Row, column: usize) -> Result<Self, StoreError> {
        let is_short = row.columns().get(column).is_some_and(|found| *found.type_() == Type::INT4);
        if is_short {
            let found: Option<i32> = row.try_get(column)?;
            return Ok(found.map(i64::from));
        }
        Ok(row.try_get(column)?)
    }
}

/// What is made of another column.
macro_rules! made {
    ($($kind:ty: $from:ty, |$found:ident, $column:ident| $made:expr;)*) => {$(
        impl FromColumn for $kind {
            fn of_sqlite(row: &rusqlite::Row<'_>, $column: usize) -> Result<Self, StoreError> {
                let $found = <$from>::of_sqlite(row, $column)?;
                $made
            }

            fn of_postgres(row: &tokio_postgres::Row, $column: usize) -> Result<Self, StoreError> {
                let $found = <$from>::of_postgres(row, $column)?;
                $made
            }
        }
    )*};
}

made! {
    i64: Option<i64>, |found, column| found.ok_or_else(|| unfit(column));
    u32: i64, |found, column| u32::try_from(found).map_err(|_| unfit(column));
    Option<u32>: Option<i64>, |found, column| found.map(u32::try_from).transpose().map_err(|_| unfit(column));
}

impl<const N: usize> FromColumn for [u8; N] {
    fn of_sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, StoreError> {
        Option::<[u8; N]>::of_sqlite(row, column)?.ok_or_else(|| unfit(column))
    }

    fn of_postgres(row: &tokio_postgres::Row, column: usize) -> Result<Self, StoreError> {
        Option::<[u8; N]>::of_postgres(row, column)?.ok_or_else(|| unfit(column))
    }
}

impl<const N: usize> FromColumn for Option<[u8; N]> {
    fn of_sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, StoreError> {
        Ok(row.get(column)?)
    }

    fn of_postgres(row: &tokio_postgres::Row, column: usize) -> Result<Self, StoreError> {
        let found: Option<&[u8]> = row.try_get(column)?;
        found.map(|bytes| bytes.try_into().map_err(|_| unfit(column))).transpose()
    }
}
