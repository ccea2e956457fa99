//! What is shown of a token's usage beyond its totals: by day, by environment, by address.

use toolfront_token::{Authority, EnvId, Timestamp, TokenId};

use super::pending::day;
use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::store::Store;
use crate::tokens::{TokenRefusal, TokenSelector, find};

/// For how many days uses are kept by day and environment.
const DAYS_MAX: i64 = 400;

/// The uses of a token on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayUsage {
    /// The day in UTC, as days since 1970-01-01.
    pub day: i64,
    /// For which environment; `None` for what was for none.
    pub environment: Option<EnvId>,
    /// How many.
    pub count: u64,
}

/// From where a token was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedFrom {
    /// The address.
    pub address: String,
    /// When it was last used from there.
    pub at: Timestamp,
    /// With which program then.
    pub user_agent: Option<String>,
}

/// What is shown of a token's usage beyond its totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageDetail {
    /// By day and environment, the oldest day first.
    pub days: Vec<DayUsage>,
    /// The last addresses, the latest first.
    pub addresses: Vec<UsedFrom>,
}

impl UsageDetail {
    /// Reads a token's, of so many days up to `now`.
    fn read(connection: &Connection, token: TokenId, days: u16, now: Timestamp) -> Result<Self, StoreError> {
        let from = day(now).saturating_sub(i64::from(days)).saturating_add(1);
        let mut statement = connection.prepare_cached(
            "SELECT day, environment_id, count FROM usage_days WHERE token_id = ?1 AND day >= ?2
             ORDER BY day, environment_id",
        )?;
        let mut rows = statement.query((token.to_stored(), from))?;
        let mut detail = Self::default();
        while let Some(row) = rows.next()? {
            let environment: i64 = row.get(1)?;
            let environment = (environment >= 0)
                .then(|| EnvId::from_stored(environment, "usage_days", "environment_id"))
                .transpose()?;
            let count = row.get::<i64>(2)?.unsigned_abs();
            detail.days.push(DayUsage { day: row.get(0)?, environment, count });
        }
        let mut statement = connection.prepare_cached(
            "SELECT address, last_used_at, user_agent FROM usage_addresses WHERE token_id = ?1
             ORDER BY last_used_at DESC, address",
        )?;
        let mut rows = statement.query([token.to_stored()])?;
        while let Some(row) = rows.next()? {
            let at = Timestamp::from_micros(row.get(1)?);
            detail.addresses.push(UsedFrom { address: row.get(0)?, at, user_agent: row.get(2)? });
        }
        Ok(detail)
    }
}

impl Store {
    /// The usage of one token by day and by address, of so many days up to `now`, if `authority` may know of it.
    ///
    /// # Errors
    /// [`TokenRefusal::NotFound`], or the store failed.
    pub async fn token_usage(
        &self,
        authority: Authority,
        selector: TokenSelector,
        days: u16,
        now: Timestamp,
    ) -> Result<UsageDetail, TokenRefusal> {
        self.read(move |connection| {
            find(connection, selector)?
                .filter(|record| authority.sees(record))
                .ok_or(TokenRefusal::NotFound)?;
            Ok(UsageDetail::read(connection, selector.token, days, now)?)
        })
        .await
    }

    /// Forgets the counts of days that are too long ago.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be removed.
    pub async fn forget_old_days(&self, now: Timestamp) -> Result<(), StoreError> {
        let oldest = day(now).saturating_sub(DAYS_MAX);
        self.write(move |transaction| {
            transaction.execute("DELETE FROM usage_days WHERE day <= ?1", [oldest])?;
            Ok(())
        })
        .await
    }
}
