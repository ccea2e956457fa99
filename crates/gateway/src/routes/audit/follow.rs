//! Events as they come, for as long as the token may read them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::{self, HeaderValue};
use tokio::sync::watch;
use toolfront_store::{AuditFilter, AuditRecord, ChainHead, LogPlace};
use toolfront_token::{Permit, ReadAudit};

use super::super::views;
use crate::access::{Identity, reconsider};
use crate::gateway::Gateway;
use crate::problem::Refusal;

/// How often it is judged again whether the token may read on, and a sign of life is sent.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const KEEP_ALIVE: &[u8] = b": nothing new\n\n";
/// How often it is looked for what other gateways of the database have written.
const LOOK_AT_OTHERS: Duration = Duration::from_millis(500);
/// How many events are sent together at the most.
const TOGETHER_MAX: usize = 200;

struct Follower {
    gateway: Gateway,
    headers: HeaderMap,
    filter: AuditFilter,
    /// What was sent.
    place: LogPlace,
    heads: watch::Receiver<ChainHead>,
    /// When something was last sent.
    sent: Instant,
}

/// Follows from behind the event that the client has seen last, or from now on.
pub(super) async fn follow(
    gateway: &Gateway,
    headers: HeaderMap,
    filter: AuditFilter,
) -> Result<Response, Refusal> {
    let mut heads = gateway.store().log_heads();
    heads.borrow_and_update();
    let seen = headers.get("last-event-id").map(|seen| LogPlace::parse(seen.to_str().unwrap_or_default()));
    let place = match (seen, filter.after) {
        (Some(Some(seen)), _) => seen,
        (Some(None), _) => {
            return Err(Refusal::invalid_field("Last-Event-ID", "must be the id of an event of this stream"));
        }
        (None, Some(after)) => LogPlace::behind(after.sequence()),
        (None, None) => gateway.store().log_place().await?,
    };
    let filter = AuditFilter { limit: TOGETHER_MAX, ..filter };
    let sent = Instant::now();
    let follower = Follower { gateway: gateway.clone(), headers, filter, place, heads, sent };
    // An id without an event: the client knows from where on events come, though none has come yet.
    let start = Bytes::from(format!("id: {}\n\n", follower.place));
    let events = stream::unfold((Some(start), follower), |(start, mut follower)| async {
        let told = match start {
            Some(start) => start,
            None => follower.next().await?,
        };
        Some((Ok::<_, std::convert::Infallible>(told), (None, follower)))
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
            let mut place = self.place.clone();
            let written =
                self.gateway.store().written_behind(&permit, self.filter.clone(), &mut place).await.ok()?;
            let before = std::mem::replace(&mut self.place, place);
            if !written.events.is_empty() {
                self.sent = Instant::now();
                return Some(told(written.events, before).into());
            }
            if written.more {
                continue;
            }
            if self.sent.elapsed() >= LOOK_AGAIN {
                self.sent = Instant::now();
                return Some(Bytes::from_static(KEEP_ALIVE));
            }
            let patience = LOOK_AGAIN.saturating_sub(self.sent.elapsed());
            let patience =
                if self.gateway.store().is_shared() { patience.min(LOOK_AT_OTHERS) } else { patience };
            tokio::select! {
                changed = self.heads.changed() => changed.ok()?,
                () = tokio::time::sleep(patience) => {}
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

/// The events as they are sent. The id of each is the place behind it, from which the client may go on.
fn told(events: Vec<AuditRecord>, mut place: LogPlace) -> String {
    let mut text = String::new();
    for event in events {
        place.pass(event.sequence);
        let data = serde_json::to_string(&views::audit_event(event)).unwrap_or_default();
        let _ = write!(text, "id: {place}\nevent: audit\ndata: {data}\n\n");
    }
    text
}
