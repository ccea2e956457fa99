//! Events as they come, for as long as the token may read them.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::{self, HeaderValue};
use tokio::sync::watch;
use toolfront_store::{AuditCursor, AuditFilter, AuditOrder, ChainHead};
use toolfront_token::{Permit, ReadAudit};

use super::super::views;
use crate::access::{Identity, reconsider};
use crate::gateway::Gateway;
use crate::problem::Refusal;

/// How often it is judged again whether the token may read on, and a sign of life is sent.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const KEEP_ALIVE: &[u8] = b": nothing new\n\n";
/// How many events are sent together at the most.
const TOGETHER_MAX: usize = 200;

struct Follower {
    gateway: Gateway,
    headers: HeaderMap,
    filter: AuditFilter,
    heads: watch::Receiver<ChainHead>,
}

/// Follows from behind the event that the client has seen last, or from now on.
pub(super) fn follow(
    gateway: &Gateway,
    headers: HeaderMap,
    filter: AuditFilter,
) -> Result<Response, Refusal> {
    let mut heads = gateway.store().log_heads();
    let head = heads.borrow_and_update().sequence;
    let seen = headers.get("last-event-id").map(|seen| seen.to_str().unwrap_or_default().parse::<i64>());
    let seen =
        seen.transpose().map_err(|_| Refusal::invalid_field("Last-Event-ID", "must be a sequence number"))?;
    let after = seen.map(AuditCursor::behind).or(filter.after).unwrap_or(AuditCursor::behind(head));
    let filter =
        AuditFilter { order: AuditOrder::OldestFirst, after: Some(after), limit: TOGETHER_MAX, ..filter };
    let follower = Follower { gateway: gateway.clone(), headers, filter, heads };
    let events = stream::unfold(follower, |mut follower| async {
        let told = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(told), follower))
    });
    let mut answer = Response::new(Body::from_stream(events));
    let told = answer.headers_mut();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

impl Follower {
    /// Some events, or a sign of life; `None` when the token may read no more, or that can't be told, or the gateway
    /// stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let permit = self.permit()?;
            let page = self.gateway.store().audit_page(&permit, self.filter.clone()).await.ok()?;
            if page.next.is_some() {
                self.filter.after = page.next;
            } else if let Some(last) = page.events.last() {
                self.filter.after = Some(AuditCursor::behind(last.sequence));
            }
            if !page.events.is_empty() {
                let text = page.events.into_iter().map(|event| {
                    let sequence = event.sequence;
                    let told = serde_json::to_string(&views::audit_event(event)).unwrap_or_default();
                    format!("id: {sequence}\nevent: audit\ndata: {told}\n\n")
                });
                return Some(text.collect::<String>().into());
            }
            if page.next.is_some() {
                continue;
            }
            tokio::select! {
                changed = self.heads.changed() => changed.ok()?,
                () = tokio::time::sleep(LOOK_AGAIN) => return Some(Bytes::from_static(KEEP_ALIVE)),
                () = self.gateway.draining().cancelled() => return None,
            }
        }
    }

    fn permit(&self) -> Option<Permit<ReadAudit>> {
        let known = self.gateway.memory().trusted().ok()?;
        match reconsider(known, &self.headers, self.gateway.now()).ok()? {
            Identity::Caller(token) => token.authorize(token.organization()).ok(),
            Identity::Visitor => None,
        }
    }
}
