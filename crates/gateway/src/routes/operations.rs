//! Health, readiness, and the description of the API: for everybody.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use toolfront_api::{Health, Problem};
use toolfront_store::StoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateway::Gateway;

pub(super) fn router() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready)).routes(routes!(openapi))
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
    match gateway.readiness().check(gateway.store()).await {
        Ok(()) => axum::Json(Health { status: "ok".to_owned() }).into_response(),
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            let status = match cause {
                StoreError::DiskFull => "the disk of the data directory is full",
                _ => "the store can't be used; the log says why",
            };
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(Health { status: status.to_owned() }))
                .into_response()
        }
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
