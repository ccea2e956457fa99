//! The record of requests that change nothing and run nothing: gathered in memory, written in batches a moment later,
//! so that the way of a request has no write on it. What changes or runs something is on the disk before it happens,
//! and not here.

mod buffer;
mod denials;
mod open_request;
mod story;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use toolfront_store::{AccessEvent, Decision, Store, StoreError, Use};
use toolfront_token::OrgId;

use self::buffer::{Buffer, Kind, One, Requests, group};
use self::denials::{Denials, Omitted};
pub(crate) use self::open_request::{OpenRequest, decision};
pub(crate) use self::story::{Door, Story};
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;
use crate::settings::RecordReads;

/// How long requests are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(50);
/// How long after a write that failed the next one is tried.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// The record of requests on its way to the log.
#[derive(Debug)]
pub(crate) struct AccessLog {
    reads: RecordReads,
    buffer: Buffer,
    denials: Denials,
    /// Something waits, and nobody was woken for it yet.
    is_pending: AtomicBool,
    wake: Notify,
    /// Held while a batch is on its way, so that two can't overtake each other.
    flushing: tokio::sync::Mutex<()>,
    /// The number of the batch that is gathered now.
    gathering: AtomicU64,
    /// Up to which batch all is written, or why it could not be.
    written: watch::Sender<(u64, Result<(), StoreError>)>,
    /// Found out with the first batch.
    home: OnceLock<OrgId>,
}

/// A request that is to be told of.
#[derive(Debug)]
pub(crate) struct Told {
    kind: Kind,
    request: One,
}

impl Told {
    fn of(
        gateway: &Gateway,
        context: &Context,
        event: AccessEvent,
        decision: Decision,
        uses: u64,
        bytes: u64,
    ) -> Self {
        let (story, environment) = (&context.story, context.story.environment());
        let kind = Kind {
            holder: story.holder(),
            organization: environment.map(|(organization, _)| organization),
            environment: environment.map(|(_, environment)| environment),
            address: Some(context.address),
            user_agent: context.user_agent.clone(),
            decision,
            event,
        };
        Self { kind, request: One { at: gateway.now(), uses, bytes, id: context.request_number } }
    }
}

impl AccessLog {
    pub(crate) fn new(reads: RecordReads, unrecorded_max: usize) -> Self {
        Self {
            reads,
            buffer: Buffer::new(unrecorded_max),
            denials: Denials::default(),
            is_pending: AtomicBool::new(false),
            wake: Notify::new(),
            flushing: tokio::sync::Mutex::new(()),
            gathering: AtomicU64::new(1),
            written: watch::Sender::new((0, Ok(()))),
            home: OnceLock::new(),
        }
    }

    /// Whether a request may be let in that has to be recorded.
    ///
    /// # Errors
    /// 503 when the log has not been written for so long that nothing more can be kept in memory.
    pub(crate) fn has_room(&self) -> Result<(), Refusal> {
        if self.buffer.has_room() { Ok(()) } else { Err(Refusal::unrecorded()) }
    }

    /// How many groups of requests wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Takes what is to be told of a request. Yields the number of the batch that it is in.
    fn add(&self, told: Told) -> u64 {
        let Told { kind, request } = told;
        if kind.decision.is_denial() && !self.denials.is_told(&kind, &request) {
            return 0;
        }
        self.buffer.add_one(kind, request);
        self.added()
    }

    /// Has it written what was added. Yields the number of the batch that it is in.
    fn added(&self) -> u64 {
        // Looked at afterwards: a batch that is taken meanwhile may lack what was just added.
        let batch = self.gathering.load(Ordering::Acquire);
        if !self.is_pending.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
        batch
    }

    /// Returns once what was added in `batch` is on the disk.
    ///
    /// # Errors
    /// 503 when it could not be written.
    async fn is_written(&self, batch: u64) -> Result<(), Refusal> {
        let mut written = self.written.subscribe();
        // A batch that fails is tried again, and is not waited for: whoever waits is answered with why.
        let seen = written.wait_for(|(through, outcome)| *through >= batch || outcome.is_err()).await;
        match seen.map(|seen| seen.1.clone()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Refusal::unrecorded()),
        }
    }

    /// Writes what is gathered, a moment after it begins to gather, until `stopping` is cancelled.
    pub(crate) async fn keep_writing(&self, store: &Store, stopping: &CancellationToken) {
        while stopping.run_until_cancelled(self.wake.notified()).await.is_some() {
            if self.reads != RecordReads::Strict {
                tokio::time::sleep(GATHER).await;
            }
            if let Err(cause) = self.flush(store).await {
                tracing::error!(%cause, "requests could not be recorded; they are kept and tried again");
                tokio::time::sleep(TRY_AGAIN).await;
                self.wake.notify_one();
            }
        }
    }

    /// Writes what was gathered. What can't be written is kept.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let _flushing = self.flushing.lock().await;
        self.is_pending.store(false, Ordering::Release);
        // What is added from here on is of the next batch, or of this one and written with it.
        let batch = self.gathering.fetch_add(1, Ordering::AcqRel);
        let taken = self.buffer.take();
        let written = if taken.is_empty() { Ok(()) } else { self.write(store, &taken).await };
        if written.is_err() {
            for (kind, requests) in taken {
                self.buffer.add(kind, requests);
            }
        }
        self.written.send_modify(|state| {
            if written.is_ok() {
                state.0 = batch;
            }
            state.1.clone_from(&written);
        });
        written
    }

    async fn write(&self, store: &Store, taken: &[(Kind, Requests)]) -> Result<(), StoreError> {
        let Some(home) = self.home(store).await? else { return Ok(()) };
        let (mut groups, mut untold) = (Vec::with_capacity(taken.len()), Vec::new());
        for (kind, requests) in taken {
            let is_read = matches!(kind.event, AccessEvent::PageRead { .. });
            if self.reads == RecordReads::Off && is_read && !kind.decision.is_denial() {
                untold.extend(uses(kind, requests));
            } else {
                groups.push(group(kind, requests, home));
            }
        }
        store.record_requests(Arc::new(groups), untold).await
    }

    /// The organization that events are for which concern nobody's token. Before there is one there are none; then it
    /// stays the same.
    async fn home(&self, store: &Store) -> Result<Option<OrgId>, StoreError> {
        if let Some(known) = self.home.get() {
            return Ok(Some(*known));
        }
        let found = store.organizations().await?.first().map(|organization| organization.id);
        Ok(found.map(|id| *self.home.get_or_init(|| id)))
    }

    /// Has the denials told that were left out.
    pub(crate) fn tell_omitted(&self) {
        self.denials.tell_omitted(|omitted| self.tell_together(omitted));
    }

    /// The same of those that were uses of living tokens, so that they count.
    pub(crate) fn tell_omitted_uses(&self) {
        self.denials.tell_used(|omitted| self.tell_together(omitted));
    }

    fn tell_together(&self, omitted: Omitted) {
        let Omitted { address, holder, environment, count, uses, first, last } = omitted;
        let kind = Kind {
            holder,
            organization: None,
            environment,
            address,
            user_agent: None,
            decision: Decision::Refused,
            event: AccessEvent::Omitted,
        };
        self.buffer.add(kind, Requests { first, last, count, uses, bytes: 0, ids: Vec::new() });
        self.added();
    }
}

/// Uses that no event tells of.
fn uses(kind: &Kind, requests: &Requests) -> Option<Use> {
    let holder = kind.holder.filter(|_| requests.uses > 0)?;
    Some(Use {
        token: holder.token,
        generation: holder.generation,
        environment: kind.environment,
        at: requests.last,
        count: requests.uses,
        address: kind.address,
        user_agent: kind.user_agent.as_deref().map(str::to_owned),
    })
}

/// Tells of a call that is about to be answered well.
pub(crate) fn tell_called(gateway: &Gateway, context: &Context, method: &str, path: &str) {
    let event = AccessEvent::Called { method: method.into(), path: path.into(), status: 200 };
    tell(gateway, context, event, Decision::Allowed, 0);
}

/// Tells of how a request was refused on its way, unless an event tells of it already.
pub(crate) fn tell_unless_told(gateway: &Gateway, context: &Context, event: AccessEvent, decision: Decision) {
    if context.story.take() {
        let uses = u64::from(context.story.has_caller());
        gateway.access_log().add(Told::of(gateway, context, event, decision, uses, 0));
    }
}

/// Tells of something that a request did on its way, such as a page that it read over MCP.
pub(crate) fn tell(gateway: &Gateway, context: &Context, event: AccessEvent, decision: Decision, bytes: u64) {
    let uses = u64::from(context.story.take() && context.story.has_caller());
    gateway.access_log().add(Told::of(gateway, context, event, decision, uses, bytes));
}

/// The text of a path as events tell it: without a token's value, and not longer than is of use.
pub(crate) fn path_text(path: &str) -> Box<str> {
    const CHARS_MAX: usize = 200;
    toolfront_token::without_token_values(path).chars().take(CHARS_MAX).collect::<String>().into()
}
