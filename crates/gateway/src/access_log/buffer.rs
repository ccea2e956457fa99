//! What requests were, gathered until it is written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use toolfront_store::{AccessEvent, Attribution, Decision, RequestGroup};
use toolfront_token::{EnvId, OrgId, Timestamp};

use super::story::Holder;

const SHARDS: usize = 16;
/// What is told in place of a path when there are too many to tell apart.
const OTHERS: &str = "(one of many)";
/// How many ids of requests a group keeps; those beyond are counted.
const REQUESTS_MAX: usize = 256;

/// What the requests of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) holder: Option<Holder>,
    /// Of the environment, when nobody's value was presented.
    pub(super) organization: Option<OrgId>,
    pub(super) environment: Option<EnvId>,
    pub(super) address: Option<IpAddr>,
    pub(super) user_agent: Option<Arc<str>>,
    pub(super) decision: Decision,
    pub(super) event: AccessEvent,
}

impl Kind {
    /// The same without what a client can make ever anew.
    fn coarse(self) -> Self {
        let others: Box<str> = OTHERS.into();
        let event = match self.event {
            AccessEvent::PageRead { release, status, .. } => {
                AccessEvent::PageRead { release, page: others, status }
            }
            AccessEvent::RunRefused { status, .. } => AccessEvent::RunRefused { page: others, status },
            AccessEvent::Called { status, .. } => {
                AccessEvent::Called { method: others.clone(), path: others, status }
            }
            AccessEvent::Denied { status, .. } => {
                AccessEvent::Denied { method: others.clone(), path: others, status }
            }
            AccessEvent::Omitted => AccessEvent::Omitted,
        };
        Self { address: None, user_agent: None, event, ..self }
    }
}

/// Requests of one kind.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    pub(super) uses: u64,
    pub(super) bytes: u64,
    pub(super) ids: Vec<u64>,
}

impl Requests {
    fn add_one(&mut self, one: One) {
        self.first = self.first.min(one.at);
        self.last = self.last.max(one.at);
        self.count += 1;
        self.uses += one.uses;
        self.bytes += one.bytes;
        if self.ids.len() < REQUESTS_MAX {
            self.ids.push(one.id);
        }
    }

    fn add(&mut self, more: Self) {
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
        self.count += more.count;
        self.uses += more.uses;
        self.bytes += more.bytes;
        let room = REQUESTS_MAX.saturating_sub(self.ids.len());
        self.ids.extend(more.ids.into_iter().take(room));
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct One {
    pub(super) at: Timestamp,
    pub(super) uses: u64,
    pub(super) bytes: u64,
    pub(super) id: u64,
}

impl From<One> for Requests {
    fn from(one: One) -> Self {
        let One { at, uses, bytes, id } = one;
        Self { first: at, last: at, count: 1, uses, bytes, ids: vec![id] }
    }
}

type Shard = HashMap<Kind, Requests, RandomState>;

/// Sharded by token, so that few requests meet at one lock.
#[derive(Debug)]
pub(super) struct Buffer {
    shards: [Mutex<Shard>; SHARDS],
    groups_max: usize,
    groups: AtomicUsize,
}

impl Buffer {
    /// One in which so many groups wait at the most. When the log can't be written for so long that there are more,
    /// requests are refused rather than left out.
    pub(super) fn new(groups_max: usize) -> Self {
        Self { shards: Default::default(), groups_max, groups: AtomicUsize::new(0) }
    }

    /// Whether requests may still be let in that have to be recorded.
    pub(super) fn has_room(&self) -> bool {
        self.groups.load(Ordering::Relaxed) < self.groups_max
    }

    /// How many groups wait.
    pub(super) fn len(&self) -> usize {
        self.groups.load(Ordering::Relaxed)
    }

    /// Adds a request. What may not be refused, such as ending a token, is let in beyond the bound too; then less is
    /// told of it, so that no client can fill the memory.
    pub(super) fn add_one(&self, kind: Kind, one: One) {
        let kind = if self.has_room() { kind } else { kind.coarse() };
        let mut shard = self.shard(&kind).lock();
        if let Some(known) = shard.get_mut(&kind) {
            known.add_one(one);
        } else {
            shard.insert(kind, Requests::from(one));
            self.groups.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, kind: &Kind) -> &Mutex<Shard> {
        // The ids of tokens are random already.
        let bits = kind.holder.map_or(0, |holder| holder.token.bits());
        let index = usize::try_from(bits).unwrap_or_default() % SHARDS;
        self.shards.get(index).unwrap_or(&self.shards[0])
    }

    pub(super) fn add(&self, kind: Kind, requests: Requests) {
        let mut shard = self.shard(&kind).lock();
        if let Some(known) = shard.get_mut(&kind) {
            known.add(requests);
        } else {
            shard.insert(kind, requests);
            self.groups.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that waits, the oldest first.
    pub(super) fn take(&self) -> Vec<(Kind, Requests)> {
        let mut taken: Vec<_> =
            self.shards.iter().flat_map(|shard| std::mem::take(&mut *shard.lock())).collect();
        self.groups.fetch_sub(taken.len(), Ordering::Relaxed);
        taken.sort_by_key(|(_, requests)| requests.first);
        taken
    }
}

/// The group as the store takes it; `home` is whose it is when it is nobody's.
pub(super) fn group(kind: &Kind, requests: &Requests, home: OrgId) -> RequestGroup {
    let holder = kind.holder;
    RequestGroup {
        by: Attribution {
            organization: holder.map(|holder| holder.organization).or(kind.organization).unwrap_or(home),
            token: holder.map(|holder| holder.token),
            generation: holder.map(|holder| holder.generation),
            address: kind.address,
            user_agent: kind.user_agent.as_deref().map(str::to_owned),
            request_id: None,
            use_slip: None,
        },
        environment: kind.environment,
        decision: kind.decision,
        event: kind.event.clone(),
        first: requests.first,
        last: requests.last,
        count: requests.count,
        uses: requests.uses,
        bytes: requests.bytes,
        requests: requests.ids.clone(),
    }
}
