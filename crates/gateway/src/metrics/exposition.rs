//! The text that Prometheus reads (`OpenMetrics` 1.0).

use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderValue};

use crate::gateway::Gateway;
use crate::problem::Refusal;

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics as they are now.
pub(crate) async fn expose(gateway: &Gateway) -> Result<Response, Refusal> {
    look(gateway).await;
    let mut text = String::new();
    let written = prometheus_client::encoding::text::encode(&mut text, &gateway.metrics().registry);
    written.map_err(|err| Refusal::internal(&err))?;
    let mut answer = Response::new(Body::from(text));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(answer)
}

/// Looks at what is not counted as it happens. What can't be found out keeps its last value.
async fn look(gateway: &Gateway) {
    let gauges = &gateway.metrics().gauges;
    let ready = gateway.readiness().check(gateway).await;
    gauges.ready.set(i64::from(ready.is_ok()));
    gauges.runs_active.set(count(gateway.runs().under_way()));
    gauges.audit_waiting.set(count(gateway.access_log().waiting()));
    gauges.audit_sequence.set(gateway.store().log_head().sequence);
    gauges.audit_ends_well.set(i64::from(gateway.log_ends_well()));
    gauges.environments.set(count(gateway.memory().environment_count()));
    if let Ok(room) = gateway.store().disk_room() {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a gauge is a float; a few bytes of a disk don't matter"
        )]
        gauges.disk_free.set(room.free as f64);
        gauges.disk_nearly_full.set(i64::from(room.is_nearly_full));
    }
    if let Ok(tokens) = gateway.metrics().tokens.get(gateway.store(), gateway.now()).await {
        gauges.tokens_active.set(tokens.active);
        gauges.tokens_unused.set(tokens.unused);
        gauges.tokens_expiring.set(tokens.expiring);
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
