//! The endpoints of the audit log.

mod follow;
mod sse;

use reqwest::Method;
use toolfront_api::{AuditEvent, AuditVerification, Data, Page};
use toolfront_token::TokenId;

pub use self::follow::AuditFollower;
use crate::api_client::{ApiClient, NO_BODY};
use crate::error::ClientError;

/// The most events that one answer has.
const PAGE_LIMIT_MAX: usize = 1000;

/// Which events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those by this token, and those about it.
    pub token: Option<TokenId>,
    /// Those of this environment, by its id or name.
    pub environment: Option<String>,
    /// Those with this action, or of this noun: `token.`.
    pub action: Option<String>,
    /// Those with one of these outcomes, divided by commas; `denied` stands for all that a token was the reason for.
    pub outcome: Option<String>,
    /// Those from this instant on, or from the beginning of this date.
    pub since: Option<String>,
    /// Those before this instant, or before this date.
    pub until: Option<String>,
}

/// In which order events are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOrder {
    /// By their time, the newest first.
    NewestFirst,
    /// By their place in the log, the first one first.
    OldestFirst,
}

impl AuditOrder {
    fn word(self) -> &'static str {
        match self {
            Self::NewestFirst => "newest",
            Self::OldestFirst => "oldest",
        }
    }
}

impl AuditFilter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let token = self.token.map(|token| token.to_string());
        let named = [
            ("token", &token),
            ("environment", &self.environment),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("since", &self.since),
            ("until", &self.until),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

impl ApiClient {
    /// The events that fit, over as many answers as it takes; at most so many.
    ///
    /// # Errors
    /// [`ClientError`] when a call does not succeed.
    pub async fn audit_events(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, ClientError> {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let wanted = limit.saturating_sub(found.len());
            let page = self.audit_page(filter, order, wanted, cursor).await?;
            found.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }

    /// One answer of a list of events, from `cursor` on. It may have fewer events than `limit`, even none, and be
    /// followed by another all the same.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        limit: usize,
        cursor: Option<String>,
    ) -> Result<Page<AuditEvent>, ClientError> {
        let mut query = filter.query();
        query.push(("order", order.word().to_owned()));
        query.push(("limit", limit.clamp(1, PAGE_LIMIT_MAX).to_string()));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.call(Method::GET, &["audit"], &query, NO_BODY).await
    }

    /// Events that the caller may see behind the one with this sequence number, in the order of the log.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn audit_events_behind(
        &self,
        sequence: i64,
        limit: usize,
    ) -> Result<Page<AuditEvent>, ClientError> {
        let cursor = format!("{}.{sequence}", i64::MIN);
        self.audit_page(&AuditFilter::default(), AuditOrder::OldestFirst, limit, Some(cursor)).await
    }

    /// Has the gateway walk the whole chain. `anchor` is an event and its hash as they were kept elsewhere:
    /// `SEQUENCE:HASH`.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; not when the chain does not hold: that is in the answer.
    pub async fn verify_audit(&self, anchor: Option<String>) -> Result<AuditVerification, ClientError> {
        let query: Vec<_> = anchor.map(|anchor| ("anchor", anchor)).into_iter().collect();
        let answer: Data<AuditVerification> =
            self.call(Method::GET, &["audit", "verification"], &query, NO_BODY).await?;
        Ok(answer.data)
    }
}
