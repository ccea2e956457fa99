//! How often values were used: added up in memory by the gateway, written here in batches.

use std::net::IpAddr;

use toolfront_token::{Timestamp, TokenId};

use crate::error::StoreError;
use crate::sqlite::{self, Stored};
use crate::store::Store;

/// Uses of one value since the last batch.
#[derive(Clone, Debug)]
pub struct UsageDelta {
    /// Whose value.
    pub token: TokenId,
    /// Which of its values.
    pub generation: u32,
    /// How many uses.
    pub count: u64,
    /// The last of them.
    pub last: LastUse,
}

/// The last use of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: Option<String>,
}

/// All uses of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueUsage {
    /// How many.
    pub count: u64,
    /// The last of them.
    pub last: Option<LastUse>,
}

impl Store {
    /// Adds uses to what is stored, all of them or none. Batches may come in any order: the latest use stays
    /// the last one.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be written; they can be added again.
    pub async fn add_usage(&self, uses: Vec<UsageDelta>) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut total = transaction.prepare_cached(
                "UPDATE token_generations
                 SET usage_count = usage_count + ?3
                 WHERE token_id = ?1 AND number = ?2",
            )?;
            let mut last_use = transaction.prepare_cached(
                "UPDATE token_generations
                 SET last_used_at = ?3, last_used_ip = ?4, last_used_user_agent = ?5
                 WHERE token_id = ?1 AND number = ?2 AND (last_used_at IS NULL OR last_used_at <= ?3)",
            )?;
            for usage in uses {
                let (token, generation, last) = (usage.token.to_stored(), usage.generation, usage.last);
                total.execute((token, generation, sqlite::count(usage.count)))?;
                let address = last.address.map(|address| address.to_string());
                last_use.execute((token, generation, last.at.micros(), address, last.user_agent))?;
            }
            Ok(())
        })
        .await
    }
}
