//! `/api/v1/tokens/self`: what every living token may do with itself.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use http::HeaderMap;
use toolfront_api::{self as api, Data, Problem, RevokeToken, RotateToken};
use toolfront_store::TokenSelector;
use toolfront_token::{ActiveToken, Authority, Permit, UseSelf};

use super::described::{Routes, routes};
use super::token_records;
use crate::access::Allow;
use crate::access_log;
use crate::body::OptionalJson;
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(get, revoke)).routes(routes!(rotate))
}

fn holder(permit: &Permit<UseSelf>) -> Result<(&ActiveToken, Authority, TokenSelector), Refusal> {
    let (token, authority) = permit.by().zip(Authority::holder(permit)).ok_or_else(Refusal::hidden)?;
    let selector = TokenSelector { organization: token.organization(), token: token.token() };
    Ok((token, authority, selector))
}

/// Shows the calling token.
#[utoipa::path(
    get,
    path = "/api/v1/tokens/self",
    operation_id = "get_own_token",
    tag = "tokens",
    responses(
        (status = 200, description = "The record", body = Data<api::Token>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
) -> Result<axum::Json<Data<api::Token>>, Refusal> {
    let (_, authority, selector) = holder(&permit)?;
    // Told of now, so that the call that asks is among the uses.
    access_log::tell_called(&gateway, &context, "GET", "/api/v1/tokens/self");
    Ok(axum::Json(Data { data: token_records::load(&gateway, authority, selector).await? }))
}

/// Puts a new value in place of the calling one, which goes on until the new one is first used.
#[utoipa::path(
    post,
    path = "/api/v1/tokens/self/rotate",
    operation_id = "rotate_own_token",
    tag = "tokens",
    request_body = Option<RotateToken>,
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat within 24 hours answers 409")),
    responses(
        (status = 200, description = "The record, and the new value", body = Data<api::IssuedToken>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn rotate(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    headers: HeaderMap,
    OptionalJson(request): OptionalJson<RotateToken>,
) -> Result<Response, Refusal> {
    let (caller, authority, selector) = holder(&permit)?;
    let actor = token_records::Acting { context: &context, caller, authority };
    token_records::rotate(&gateway, actor, selector, &headers, request).await
}

/// Ends the calling token for good.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/self",
    operation_id = "revoke_own_token",
    tag = "tokens",
    request_body = Option<RevokeToken>,
    responses(
        (status = 200, description = "The record", body = Data<api::Token>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn revoke(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    OptionalJson(request): OptionalJson<RevokeToken>,
) -> Result<axum::Json<Data<api::Token>>, Refusal> {
    let (caller, authority, selector) = holder(&permit)?;
    let actor = token_records::Acting { context: &context, caller, authority };
    token_records::revoke(&gateway, actor, selector, request).await
}
