//! The brake on denials: a flood of them must not fill the disk. What is left out is counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use toolfront_token::{EnvId, Timestamp};

use super::buffer::{Kind, One};
use super::story::Holder;
use crate::brake::network;

/// How many events of denials an address leaves in a minute.
const EVENTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// Of how many addresses omissions are told apart; of more, together for each token.
const ADDRESSES_MAX: usize = 10_000;

/// Denials that are left out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source {
    /// `None` for those of many addresses together.
    address: Option<IpAddr>,
    /// The living token that they were uses of, and for which environment: its uses are counted all the same.
    used: Option<(Holder, Option<EnvId>)>,
}

/// Denials that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Omitted {
    pub(super) address: Option<IpAddr>,
    pub(super) holder: Option<Holder>,
    pub(super) environment: Option<EnvId>,
    pub(super) count: u64,
    pub(super) uses: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

pub(super) struct Denials {
    told: DefaultKeyedRateLimiter<IpAddr>,
    omitted: Mutex<HashMap<Source, Omitted>>,
}

impl Default for Denials {
    fn default() -> Self {
        Self { told: RateLimiter::keyed(Quota::per_minute(EVENTS_PER_MINUTE)), omitted: Mutex::default() }
    }
}

impl Denials {
    /// Whether one more denial is told by an event of its own; if not, it is counted.
    pub(super) fn is_told(&self, kind: &Kind, request: &One) -> bool {
        let Some(address) = kind.address.map(network) else { return true };
        if self.told.check_key(&address).is_ok() {
            return true;
        }
        let used = kind.holder.filter(|_| request.uses > 0).map(|holder| (holder, kind.environment));
        let mut omitted = self.omitted.lock();
        let mut source = Source { address: Some(address), used };
        if omitted.len() >= ADDRESSES_MAX && !omitted.contains_key(&source) {
            source.address = None;
        }
        let entry = omitted.entry(source).or_insert_with(|| Omitted {
            address: source.address,
            holder: used.map(|(holder, _)| holder),
            environment: used.and_then(|(_, environment)| environment),
            count: 0,
            uses: 0,
            first: request.at,
            last: request.at,
        });
        entry.count += 1;
        entry.uses += request.uses;
        entry.last = entry.last.max(request.at);
        false
    }

    /// Passes what was left out since the last time to `tell`. Until it is told it is still among what was left out, so
    /// that nobody who looks at both misses it.
    pub(super) fn tell_omitted(&self, tell: impl FnMut(Omitted)) {
        self.told.retain_recent();
        self.omitted.lock().drain().map(|(_, omitted)| omitted).for_each(tell);
    }

    /// The same of what were uses of living tokens alone.
    pub(super) fn tell_used(&self, tell: impl FnMut(Omitted)) {
        let mut omitted = self.omitted.lock();
        omitted.extract_if(|source, _| source.used.is_some()).map(|(_, omitted)| omitted).for_each(tell);
    }
}

impl std::fmt::Debug for Denials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denials").field("addresses", &self.told.len()).finish_non_exhaustive()
    }
}
