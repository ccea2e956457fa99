//! Health, readiness, and the description of the API: for everybody.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use toolfront_api::{Health, Problem};
use toolfront_token::{Denied, EnvGrant, ReadAudit};

use super::described::{Routes, routes};
use crate::access::Allow;
use crate::gateway::Gateway;
use crate::metrics;
use crate::problem::Refusal;

pub(super) fn router() -> Routes {
    Routes::default()
        .routes(routes!(alive))
        .routes(routes!(ready))
        .routes(routes!(openapi))
        .routes(routes!(metrics))
}

/// What is answered to everybody at an address of its own, which is for those who run the gateway.
pub(super) fn open_router() -> axum::Router<Gateway> {
    axum::Router::new()
        .route("/healthz", axum::routing::get(alive))
        .route("/readyz", axum::routing::get(ready))
        .route("/metrics", axum::routing::get(open_metrics))
}

async fn open_metrics(State(gateway): State<Gateway>) -> Result<Response, Refusal> {
    metrics::expose(&gateway).await
}

/// Metrics for Prometheus, for tokens of all environments; at the address of `--ops-listen` for everybody.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "operations",
    responses(
        (status = 200, description = "OpenMetrics 1.0", body = String, content_type = "application/openmetrics-text"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn metrics(
    Allow(permit): Allow<ReadAudit>,
    State(gateway): State<Gateway>,
) -> Result<Response, Refusal> {
    if permit.by().is_none_or(|by| *by.environments() != EnvGrant::All) {
        return Err(Denied::NotForAll.into());
    }
    metrics::expose(&gateway).await
}

/// Says that the process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "get_health",
    tag = "operations",
    security(()),
    responses((status = 200, description = "It does", body = Health))
)]
async fn alive() -> axum::Json<Health> {
    axum::Json(Health { status: "ok".to_owned() })
}

/// Says whether the store can be read and written.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "get_readiness",
    tag = "operations",
    security(()),
    responses(
        (status = 200, description = "It can", body = Health),
        (status = 503, description = "It can't, and why", body = Health),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ready(State(gateway): State<Gateway>) -> Response {
    match gateway.readiness().check(&gateway).await {
        Ok(()) => axum::Json(Health { status: "ok".to_owned() }).into_response(),
        Err(cause) => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(Health { status: cause.to_string() }))
            .into_response(),
    }
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "get_openapi",
    tag = "operations",
    security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document of this API", body = serde_json::Value))
)]
async fn openapi() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| super::openapi_document().into());
    let mut answer = DOCUMENT.clone().into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
