//! Reading the log: by token, by environment, by time; each page costs about the same, however long the log is.

mod follow;
mod merge;
mod sight;

use toolfront_token::{EnvId, Permit, ReadAudit, Timestamp, TokenId};

pub use self::follow::{LogPlace, Written};
use self::merge::{Scan, Source};
pub use self::sight::AuditSight;
use super::chain::ChainHead;
use super::decision::Decision;
use super::record::AuditRecord;
use crate::database::Connection;
use crate::error::StoreError;
use crate::store::Store;

/// How many events one page looks at before it ends, found or not: the rest is for the next page.
const LOOKED_AT_MAX: usize = 20_000;

/// Which events are wanted.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    /// Those by this token, and those about it.
    pub token: Option<TokenId>,
    /// Those of this environment.
    pub environment: Option<EnvId>,
    /// Those with this action, or, with a dot at its end, with an action that begins so.
    pub action: Option<String>,
    /// Those with one of these outcomes; all when it is empty.
    pub decisions: Vec<Decision>,
    /// Those from this instant on.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
    /// In which order.
    pub order: AuditOrder,
    /// Those behind this place.
    pub after: Option<AuditCursor>,
    /// How many at the most.
    pub limit: usize,
}

/// In which order events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOrder {
    /// By their time, the newest first.
    NewestFirst,
    /// By their place in the log, the first one first.
    OldestFirst,
}

/// The place of an event among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditCursor {
    at: i64,
    sequence: i64,
}

/// Some events, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// The events.
    pub events: Vec<AuditRecord>,
    /// Behind what the next page begins; `None` when there is none. A page may have fewer events than were asked
    /// for, even none, and be followed by another.
    pub next: Option<AuditCursor>,
}

impl AuditCursor {
    /// Behind the event with this sequence number, in the order of the log.
    pub fn behind(sequence: i64) -> Self {
        Self { at: i64::MIN, sequence }
    }

    /// The event's sequence number.
    pub fn sequence(self) -> i64 {
        self.sequence
    }

    /// As it goes to clients and comes back.
    pub fn encode(self) -> String {
        format!("{}.{}", self.at, self.sequence)
    }

    /// Reads what [`AuditCursor::encode`] wrote.
    pub fn decode(text: &str) -> Option<Self> {
        let (at, sequence) = text.split_once('.')?;
        Some(Self { at: at.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

impl From<&AuditRecord> for AuditCursor {
    fn from(record: &AuditRecord) -> Self {
        Self { at: record.at.micros(), sequence: record.sequence }
    }
}

impl AuditFilter {
    /// All events, the newest first.
    pub fn all(limit: usize) -> Self {
        Self {
            token: None,
            environment: None,
            action: None,
            decisions: Vec::new(),
            since: None,
            until: None,
            order: AuditOrder::NewestFirst,
            after: None,
            limit,
        }
    }

    fn wants(&self, record: &AuditRecord) -> bool {
        let is_of = |token: TokenId| record.token == Some(token) || record.subject == Some(token);
        let is_action = |action: &str| match action.strip_suffix('.') {
            Some(noun) => record.action.strip_prefix(noun).is_some_and(|rest| rest.starts_with('.')),
            None => record.action == action,
        };
        self.token.is_none_or(is_of)
            && self.environment.is_none_or(|environment| record.environment == Some(environment))
            && self.action.as_deref().is_none_or(is_action)
            && (self.decisions.is_empty() || self.decisions.contains(&record.decision))
            && self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
    }

    /// Where the events that are wanted may be found: each source in the order of the page.
    fn sources(&self, sight: &AuditSight) -> Vec<Source> {
        if self.order == AuditOrder::OldestFirst {
            return vec![Source::Log];
        }
        match (self.token, self.environment, sight.environments()) {
            (Some(token), ..) => vec![Source::By(token), Source::About(token)],
            (None, Some(environment), _) => vec![Source::Environment(Some(environment))],
            (None, None, None) => vec![Source::Time],
            (None, None, Some(environments)) => {
                let some = environments.map(|environment| Source::Environment(Some(environment)));
                some.chain([Source::Environment(None)]).collect()
            }
        }
    }
}

fn page(connection: &Connection, filter: &AuditFilter, sight: &AuditSight) -> Result<AuditPage, StoreError> {
    let mut known = sight.with_memory(connection);
    let sources = filter.sources(sight);
    let mut statements =
        sources.iter().map(|source| source.prepare(connection)).collect::<Result<Vec<_>, _>>()?;
    let mut scan = Scan::begin(&sources, &mut statements, filter)?;
    let mut page = AuditPage::default();
    for _ in 0..LOOKED_AT_MAX {
        if page.events.len() >= filter.limit {
            break;
        }
        let Some(record) = scan.next()? else { return Ok(AuditPage { next: None, ..page }) };
        page.next = Some(AuditCursor::from(&record));
        if filter.wants(&record) && known.sees(&record)? {
            page.events.push(record);
        }
    }
    if scan.is_at_end() {
        page.next = None;
    }
    Ok(page)
}

impl Store {
    /// A page of the events that the caller may know of.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn audit_page(
        &self,
        permit: &Permit<ReadAudit>,
        filter: AuditFilter,
    ) -> Result<AuditPage, StoreError> {
        let Some(sight) = AuditSight::of(permit) else { return Ok(AuditPage::default()) };
        self.read(move |connection| page(connection, &filter, &sight)).await
    }

    /// Where the log ends.
    pub fn log_head(&self) -> ChainHead {
        *self.log_heads().borrow()
    }
}
