//! What an administrator finds out of a token: how it was used, and whose a value is that somebody found.

use axum::extract::State;
use serde::Deserialize;
use toolfront_api::{self as api, Data, FindToken, Problem};
use toolfront_store::TokenSelector;
use toolfront_token::{ManageTokens, TokenDigest};
use utoipa::IntoParams;

use super::described::{Routes, routes};
use super::query::Query;
use super::tokens::{administrator, selector};
use super::{token_records, views};
use crate::access::{Allow, PathParameter};
use crate::body::Json;
use crate::gateway::Gateway;
use crate::problem::Refusal;

const DAYS_DEFAULT: u16 = 30;
const DAYS_MAX: u16 = 400;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(usage)).routes(routes!(find))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsageQuery {
    /// Of how many days up to today, 1 to 400; 30 unless said.
    days: Option<u16>,
}

/// Shows the use of a token that the caller dominates, by day and environment, and by address.
#[utoipa::path(
    get,
    path = "/api/v1/tokens/{id}/usage",
    operation_id = "get_token_usage",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id, with its prefix or without"), UsageQuery),
    responses(
        (status = 200, description = "Its use", body = Data<api::TokenUsage>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn usage(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    PathParameter(id): PathParameter,
    Query(query): Query<UsageQuery>,
) -> Result<axum::Json<Data<api::TokenUsage>>, Refusal> {
    let (_, authority) = administrator(&permit)?;
    let days = query.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Refusal::invalid_field("days", "must be 1 to 400"));
    }
    gateway.settle_usage_if_it_can_be().await;
    let selector = selector(&permit, &id)?;
    let usage = gateway.store().token_usage(authority, selector, days, gateway.now()).await?;
    Ok(axum::Json(Data { data: views::token_usage(usage) }))
}

/// Finds the token that a value belongs to, alive or dead, by the value's digest; if the caller dominates it.
#[utoipa::path(
    post,
    path = "/api/v1/tokens/find",
    operation_id = "find_token",
    tag = "tokens",
    request_body = FindToken,
    responses(
        (status = 200, description = "Whose it is", body = Data<api::FoundToken>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn find(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    Json(request): Json<FindToken>,
) -> Result<axum::Json<Data<api::FoundToken>>, Refusal> {
    let (_, authority) = administrator(&permit)?;
    let digest =
        TokenDigest::parse(&request.digest).map_err(|fault| Refusal::invalid_field("digest", fault))?;
    let now = gateway.now();
    let tokens = gateway.memory().trusted()?.tokens();
    let found = tokens.find(&digest, |value| {
        (value.organization(), value.token(), value.generation(), value.activate(now).is_ok())
    });
    let (organization, token, generation, is_alive) = found.ok_or_else(Refusal::hidden)?;
    if organization != *permit.target() {
        return Err(Refusal::hidden());
    }
    let token = token_records::load(&gateway, authority, TokenSelector { organization, token }).await?;
    Ok(axum::Json(Data { data: api::FoundToken { token, generation, is_alive } }))
}
