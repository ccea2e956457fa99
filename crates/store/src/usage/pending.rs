//! Uses on their way to the tables.

use std::collections::HashMap;
use std::net::IpAddr;

use toolfront_token::{EnvId, Timestamp, TokenId};

use super::{LastUse, Use};
use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite::{self, Stored};

/// How many addresses of a token are kept: the last ones.
const ADDRESSES_MAX: u32 = 5;
/// What stands in a table for uses that were for no environment.
const NO_ENVIRONMENT: i64 = -1;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Uses that are not in the tables yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct PendingUsage {
    values: HashMap<(TokenId, u32), (u64, LastUse)>,
    days: HashMap<(TokenId, i64, Option<EnvId>), u64>,
    addresses: HashMap<(TokenId, IpAddr), (Timestamp, Option<String>)>,
}

/// The number of the day, in UTC, since 1970-01-01.
pub(super) fn day(at: Timestamp) -> i64 {
    at.micros().div_euclid(MICROS_PER_DAY)
}

impl PendingUsage {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn add(&mut self, uses: &Use) {
        let (token, at) = (uses.token, uses.at);
        let last = || LastUse { at, address: uses.address, user_agent: uses.user_agent.clone() };
        let value = self.values.entry((token, uses.generation)).or_insert_with(|| (0, last()));
        value.0 += uses.count;
        if value.1.at <= at {
            value.1 = last();
        }
        *self.days.entry((token, day(at), uses.environment)).or_default() += uses.count;
        if let Some(address) = uses.address {
            let seen = self.addresses.entry((token, address)).or_insert_with(|| (at, None));
            if seen.0 <= at {
                *seen = (at, uses.user_agent.clone());
            }
        }
    }

    /// Adds them to the tables. Of two uses the later one stays the last, in whichever order they are written.
    pub(crate) fn write(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut total = connection.prepare_cached(
            "UPDATE token_generations SET usage_count = usage_count + ?3 WHERE token_id = ?1 AND number = ?2",
        )?;
        let mut last_use = connection.prepare_cached(
            "UPDATE token_generations SET last_used_at = ?3, last_used_ip = ?4, last_used_user_agent = ?5
             WHERE token_id = ?1 AND number = ?2 AND (last_used_at IS NULL OR last_used_at <= ?3)",
        )?;
        for ((token, generation), (count, last)) in &self.values {
            let token = token.to_stored();
            total.execute_later((token, generation, sqlite::count(*count)))?;
            let address = last.address.map(|address| address.to_string());
            last_use.execute_later((token, generation, last.at.micros(), address, &last.user_agent))?;
        }
        let mut days = connection.prepare_cached(
            "INSERT INTO usage_days (token_id, day, environment_id, count) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (token_id, day, environment_id) DO UPDATE SET count = usage_days.count + excluded.count",
        )?;
        for ((token, day, environment), count) in &self.days {
            let environment = environment.map_or(NO_ENVIRONMENT, Stored::to_stored);
            days.execute_later((token.to_stored(), day, environment, sqlite::count(*count)))?;
        }
        self.write_addresses(connection)
    }

    fn write_addresses(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut seen = connection.prepare_cached(
            "INSERT INTO usage_addresses (token_id, address, last_used_at, user_agent) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (token_id, address) DO UPDATE SET
                last_used_at = excluded.last_used_at, user_agent = excluded.user_agent
             WHERE usage_addresses.last_used_at <= excluded.last_used_at",
        )?;
        let mut forget = connection.prepare_cached(
            "DELETE FROM usage_addresses WHERE token_id = ?1 AND address NOT IN
                (SELECT address FROM usage_addresses WHERE token_id = ?1
                 ORDER BY last_used_at DESC, address LIMIT ?2)",
        )?;
        for ((token, address), (at, user_agent)) in &self.addresses {
            let token = token.to_stored();
            seen.execute_later((token, address.to_string(), at.micros(), user_agent))?;
            forget.execute_later((token, ADDRESSES_MAX))?;
        }
        Ok(())
    }
}
