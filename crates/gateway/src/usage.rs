//! How often values are used: counted in memory, written in batches, exact.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use toolfront_store::{LastUse, Store, StoreError, UsageDelta};
use toolfront_token::{ActiveToken, Timestamp, TokenId};

const SHARDS: usize = 16;

type Shard = HashMap<(TokenId, u32), Uses>;

#[derive(Debug)]
struct Uses {
    count: u64,
    at: Timestamp,
    address: IpAddr,
    user_agent: Option<Box<str>>,
}

/// Uses since the last batch. Sharded by token, so that few requests meet at one lock.
#[derive(Debug, Default)]
pub(crate) struct UsageCounters {
    shards: [Mutex<Shard>; SHARDS],
    /// Held while a batch is on its way, so that two flushes can't overtake each other.
    flushing: tokio::sync::Mutex<()>,
}

impl UsageCounters {
    pub(crate) fn count(
        &self,
        token: &ActiveToken,
        now: Timestamp,
        address: IpAddr,
        user_agent: Option<&str>,
    ) {
        let mut shard = self.shard(token.token()).lock();
        let uses = shard.entry((token.token(), token.generation())).or_insert_with(|| Uses {
            count: 0,
            at: now,
            address,
            user_agent: None,
        });
        uses.count += 1;
        uses.at = uses.at.max(now);
        uses.address = address;
        if uses.user_agent.as_deref() != user_agent {
            uses.user_agent = user_agent.map(Into::into);
        }
    }

    /// Writes what was counted. What can't be written is counted again.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let _flushing = self.flushing.lock().await;
        let counted: Vec<_> =
            self.shards.iter().flat_map(|shard| std::mem::take(&mut *shard.lock())).collect();
        if counted.is_empty() {
            return Ok(());
        }
        let deltas = counted.iter().map(|((token, generation), uses)| UsageDelta {
            token: *token,
            generation: *generation,
            count: uses.count,
            last: LastUse {
                at: uses.at,
                address: Some(uses.address),
                user_agent: uses.user_agent.as_deref().map(str::to_owned),
            },
        });
        let written = store.add_usage(deltas.collect()).await;
        if written.is_err() {
            for (key, uses) in counted {
                self.put_back(key, uses);
            }
        }
        written
    }

    fn put_back(&self, key: (TokenId, u32), uses: Uses) {
        let mut shard = self.shard(key.0).lock();
        match shard.get_mut(&key) {
            Some(newer) => newer.count += uses.count,
            None => drop(shard.insert(key, uses)),
        }
    }

    fn shard(&self, token: TokenId) -> &Mutex<Shard> {
        let index = usize::try_from(token.bits()).unwrap_or_default() % SHARDS;
        self.shards.get(index).unwrap_or(&self.shards[0])
    }
}
