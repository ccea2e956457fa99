//! Writing events into the transaction of what they tell of.

use std::time::Duration;

use serde::Serialize;
use toolfront_token::{EnvId, Timestamp, TokenId};

use super::attribution::Attribution;
use super::decision::Decision;
use super::event::{Event, GroupDetail, RequestGroup, request_id};
use super::record::AuditRecord;
use super::tail::Told;
use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite::{self, Stored};
use crate::tokens::{self, TokenSelector};
use crate::usage::Use;
use crate::writer::WriteTransaction;

const REUSE: &str = "token.reuse";
/// A value that is used so soon after its end may have been on its way then.
const REUSE_AFTER: Duration = Duration::from_mins(1);

/// Writes an event into the transaction, and yields its sequence number.
pub(crate) fn append(
    transaction: &mut WriteTransaction<'_>,
    by: &Attribution,
    environment: Option<EnvId>,
    event: &Event,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut uses = 0;
    if let Some(slip) = by.use_slip.as_ref().filter(|slip| by.token.is_some() && slip.take()) {
        transaction.tell(Told::Slip(std::sync::Arc::clone(slip)));
        uses = 1;
    }
    let entry = Entry {
        by,
        environment,
        action: event.action(),
        decision: Decision::Allowed,
        subject: event.subject(),
        at: now,
        uses,
        request_id: by.request_id.clone(),
    };
    let sequence = insert(transaction, entry, event)?;
    match event {
        Event::RunBegun(_) => transaction.tell(Told::Begun(sequence)),
        Event::RunEnded(ended) => transaction.tell(Told::Ended(ended.begin)),
        _ => {}
    }
    Ok(sequence)
}

/// Writes what requests were, one event for each group.
pub(super) fn append_group(
    transaction: &mut WriteTransaction<'_>,
    group: &RequestGroup,
) -> Result<(), StoreError> {
    let by = &group.by;
    let only = (group.count == 1).then(|| group.requests.first().copied().map(request_id)).flatten();
    let reused = if group.decision.is_dead() { reused(transaction, group)? } else { None };
    let subject = reused;
    let entry = Entry {
        by,
        environment: group.environment,
        action: if reused.is_some() { REUSE } else { group.event.action() },
        decision: group.decision,
        subject,
        at: group.first,
        uses: group.uses,
        request_id: only,
    };
    insert(transaction, entry, &GroupDetail::from(group)).map(|_| ())
}

/// The token whose value was presented although it had been dead for longer than it takes to put another in place.
fn reused(connection: &Connection, group: &RequestGroup) -> Result<Option<TokenId>, StoreError> {
    let (Some(token), Some(generation)) = (group.by.token, group.by.generation) else { return Ok(None) };
    let selector = TokenSelector { organization: group.by.organization, token };
    let record = tokens::find(connection, selector)?;
    let since = record.and_then(|record| record.dead_since(generation, group.last));
    Ok(since.filter(|since| group.last.since(*since) > REUSE_AFTER).map(|_| token))
}

struct Entry<'e> {
    by: &'e Attribution,
    environment: Option<EnvId>,
    action: &'static str,
    decision: Decision,
    subject: Option<TokenId>,
    at: Timestamp,
    uses: u64,
    request_id: Option<String>,
}

fn insert(
    transaction: &mut WriteTransaction<'_>,
    entry: Entry<'_>,
    detail: &impl Serialize,
) -> Result<i64, StoreError> {
    let Entry { by, environment, action, decision, subject, at, uses, request_id } = entry;
    let before = transaction.head();
    let detail = serde_json::to_string(detail);
    let mut record = AuditRecord {
        sequence: before.sequence.saturating_add(1),
        at,
        action: action.to_owned(),
        decision,
        organization: by.organization,
        token: by.token,
        generation: by.generation,
        subject,
        environment,
        address: by.address.map(|address| address.to_string()),
        user_agent: by.user_agent.clone(),
        request_id,
        uses,
        detail: detail.map_err(|err| StoreError::Unavailable { reason: err.to_string() })?,
        hash: None,
    };
    let hash = before.hash.then(&record.line());
    record.hash = Some(hash);
    write(transaction, &record)?;
    transaction.set_head(record.sequence, hash);
    if let (Some(token), Some(generation), 1..) = (by.token, by.generation, uses) {
        let (address, user_agent) = (by.address, by.user_agent.clone());
        let counted = Use { token, generation, environment, at, count: uses, address, user_agent };
        transaction.tell(Told::Use(counted));
    }
    Ok(record.sequence)
}

fn write(connection: &Connection, record: &AuditRecord) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO audit_events
            (sequence, at, action, outcome, organization_id, token_id, generation, subject_id, environment_id,
             address, user_agent, request_id, uses, detail, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    statement.execute_later((
        record.sequence,
        record.at.micros(),
        &record.action,
        record.decision.word(),
        record.organization.to_stored(),
        record.token.map(Stored::to_stored),
        record.generation,
        record.subject.map(Stored::to_stored),
        record.environment.map(Stored::to_stored),
        &record.address,
        &record.user_agent,
        &record.request_id,
        sqlite::count(record.uses),
        &record.detail,
        record.hash.as_ref().map(super::chain::ChainHash::as_bytes),
    ))?;
    Ok(())
}
