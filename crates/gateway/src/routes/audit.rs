//! `/api/v1/audit`: who did what.

mod follow;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;
use toolfront_api::{self as api, Data, Page, Problem};
use toolfront_store::{
    AuditCursor, AuditFilter, AuditOrder, ChainFault, ChainHash, ChainHead, ChainVerification, Decision,
};
use toolfront_token::{Denied, EnvGrant, EnvId, Permit, ReadAudit, Timestamp, TokenId};
use utoipa::IntoParams;

use super::described::{Routes, routes};
use super::fields::Fields;
use super::query::Query;
use super::views;
use crate::access::Allow;
use crate::application::is_stream_asked_for;
use crate::gateway::Gateway;
use crate::memory::Trusted;
use crate::problem::Refusal;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// The word for all outcomes that mean that the token was no good.
const DENIED: &str = "denied";

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(list)).routes(routes!(verify))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only what this token did, and what became of it.
    token: Option<String>,
    /// Only what was for this environment, by id or name.
    environment: Option<String>,
    /// Only this action, such as `run.begin`, or all of a noun, such as `token.`.
    action: Option<String>,
    /// Only these outcomes, divided by commas; `denied` stands for all that a token was the reason for.
    outcome: Option<String>,
    /// Only what happened from this instant on.
    since: Option<String>,
    /// Only what happened before this instant.
    until: Option<String>,
    /// `newest` first, unless said; `oldest` first is the order of the log.
    order: Option<String>,
    /// How many at the most, 1 to 1000; 100 unless said.
    limit: Option<usize>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// Lists events, the newest first; or follows them, when `text/event-stream` is asked for. A page may have fewer
/// events than asked for, even none, and a `next_cursor` all the same: so many were looked at.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    operation_id = "list_audit_events",
    tag = "audit",
    params(ListQuery, ("Last-Event-ID" = Option<String>, Header, description = "Follows from behind this event")),
    responses(
        (
            status = 200,
            description = "A page of events; or a stream of them, each with its sequence number as `id`, as they come",
            content((Page<api::AuditEvent> = "application/json"), (String = "text/event-stream"))
        ),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    Allow(permit): Allow<ReadAudit>,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter = filter(gateway.memory().trusted()?, &permit, &query)?;
    gateway.access_log().flush(gateway.store()).await?;
    if is_stream_asked_for(&headers) {
        return follow::follow(&gateway, headers, filter).await;
    }
    let page = gateway.store().audit_page(&permit, filter).await?;
    let data = page.events.into_iter().map(views::audit_event).collect();
    Ok(axum::Json(Page { data, next_cursor: page.next.map(AuditCursor::encode) }).into_response())
}

fn filter(known: Trusted<'_>, permit: &Permit<ReadAudit>, query: &ListQuery) -> Result<AuditFilter, Refusal> {
    let mut fields = Fields::default();
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        fields.fault("limit", "must be 1 to 1000");
    }
    let token = fields.take_optional("token", query.token.as_deref().map(TokenId::parse));
    let environment = query.environment.as_deref().map(|text| environment(known, permit, text));
    let environment = fields.take_optional("environment", environment);
    let decisions = query.outcome.as_deref().map(decisions);
    let decisions = fields.take_optional("outcome", decisions).unwrap_or_default();
    let since = fields.take_optional("since", query.since.as_deref().map(instant));
    let until = fields.take_optional("until", query.until.as_deref().map(instant));
    let order = match query.order.as_deref() {
        None | Some("newest") => AuditOrder::NewestFirst,
        Some("oldest") => AuditOrder::OldestFirst,
        Some(_) => {
            fields.fault("order", "must be newest or oldest");
            AuditOrder::NewestFirst
        }
    };
    let after = query.cursor.as_deref().map(|text| AuditCursor::decode(text).ok_or("is none of ours"));
    let after = fields.take_optional("cursor", after);
    let action = query.action.clone();
    fields.finish(AuditFilter { token, environment, action, decisions, since, until, order, after, limit })
}

/// The environment that is meant. A deleted one has no name any more, and is known by its id.
fn environment(known: Trusted<'_>, permit: &Permit<ReadAudit>, text: &str) -> Result<EnvId, &'static str> {
    let own = |id: &EnvId| permit.by().is_some_and(|by| by.environments().contains(*id));
    let named = known.environments().named(text).map(|environment| environment.target());
    let named =
        named.filter(|target| target.organization == *permit.target()).map(|target| target.environment);
    let by_id = || text.starts_with(EnvId::PREFIX).then(|| EnvId::parse(text).ok()).flatten();
    named.or_else(by_id).filter(own).ok_or("there is no such environment")
}

fn decisions(text: &str) -> Result<Vec<Decision>, &'static str> {
    let mut decisions = Vec::new();
    for word in text.split(',').map(str::trim) {
        match Decision::from_word(word) {
            Some(decision) => decisions.push(decision),
            None if word == DENIED => {
                decisions.extend(Decision::ALL.into_iter().filter(|decision| decision.is_denial()));
            }
            None => {
                return Err(
                    "must be of allowed, refused, denied, invalid, expired, revoked, rotated, scope, environment",
                );
            }
        }
    }
    Ok(decisions)
}

/// An instant with an offset, or a date, which means its beginning in UTC.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let date =
        || jiff::tz::Offset::UTC.to_timestamp(text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)).ok();
    let instant = text.parse::<jiff::Timestamp>().ok().or_else(date);
    instant.map(Timestamp::from).ok_or("must be an instant such as 2026-11-24T12:00:00Z, or a date")
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VerifyQuery {
    /// An event and its hash as they were kept elsewhere: `SEQUENCE:HASH`.
    anchor: Option<String>,
}

/// Walks the chain of the whole log. For tokens of all environments: the chain is of all of them.
#[utoipa::path(
    get,
    path = "/api/v1/audit/verification",
    operation_id = "verify_audit_log",
    tag = "audit",
    params(VerifyQuery),
    responses(
        (status = 200, description = "What was found", body = Data<api::AuditVerification>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn verify(
    Allow(permit): Allow<ReadAudit>,
    State(gateway): State<Gateway>,
    Query(query): Query<VerifyQuery>,
) -> Result<axum::Json<Data<api::AuditVerification>>, Refusal> {
    if permit.by().is_none_or(|by| *by.environments() != EnvGrant::All) {
        return Err(Denied::NotForAll.into());
    }
    let mut fields = Fields::default();
    let anchor = query.anchor.as_deref().map(|text| {
        let head = text.split_once(':').and_then(|(sequence, hash)| {
            Some(ChainHead { sequence: sequence.parse().ok()?, hash: ChainHash::parse(hash)? })
        });
        head.ok_or("must be SEQUENCE:HASH, as `toolfront audit verify --head` prints it")
    });
    let anchor = fields.take_optional("anchor", anchor);
    let anchor = fields.finish(anchor)?;
    gateway.access_log().flush(gateway.store()).await?;
    let found = gateway.store().verify_log(anchor).await?;
    let chain = |chain: &ChainVerification| api::AuditChain {
        base_sequence: chain.base.sequence,
        base_hash: Some(chain.base.hash.to_string()),
        head_sequence: chain.head.sequence,
        head_hash: chain.head.hash.to_string(),
        events: chain.events,
    };
    let data = api::AuditVerification {
        events: found.events,
        unchained: found.unchained,
        base_sequence: found.base.sequence,
        head_sequence: found.head.sequence,
        head_hash: found.head.hash.to_string(),
        chains: found.chains.iter().map(chain).collect(),
        fault: found.fault.map(|fault| fault.to_string()),
        fault_sequence: found.fault.map(ChainFault::sequence),
    };
    Ok(axum::Json(Data { data }))
}
