//! The brake on denials: a flood of them must not fill the disk. What is left out is counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use toolfront_token::Timestamp;

use crate::brake::network;

/// How many events of denials an address leaves in a minute.
const EVENTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// Of how many addresses omissions are told apart; of more, together.
const ADDRESSES_MAX: usize = 10_000;

/// Denials that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Omitted {
    /// `None` for those of many addresses together.
    pub(super) address: Option<IpAddr>,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

pub(super) struct Denials {
    told: DefaultKeyedRateLimiter<IpAddr>,
    omitted: Mutex<HashMap<Option<IpAddr>, Omitted>>,
}

impl Default for Denials {
    fn default() -> Self {
        Self { told: RateLimiter::keyed(Quota::per_minute(EVENTS_PER_MINUTE)), omitted: Mutex::default() }
    }
}

impl Denials {
    /// Whether one more denial of that address is told by an event of its own; if not, it is counted.
    pub(super) fn is_told(&self, address: IpAddr, now: Timestamp) -> bool {
        let address = network(address);
        if self.told.check_key(&address).is_ok() {
            return true;
        }
        let mut omitted = self.omitted.lock();
        let is_known = omitted.contains_key(&Some(address));
        let address = (is_known || omitted.len() < ADDRESSES_MAX).then_some(address);
        let entry = omitted.entry(address).or_insert(Omitted { address, count: 0, first: now, last: now });
        entry.count += 1;
        entry.last = now;
        false
    }

    /// What was left out since the last time.
    pub(super) fn take_omitted(&self) -> Vec<Omitted> {
        self.told.retain_recent();
        std::mem::take(&mut *self.omitted.lock()).into_values().collect()
    }
}

impl std::fmt::Debug for Denials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denials").field("addresses", &self.told.len()).finish_non_exhaustive()
    }
}
