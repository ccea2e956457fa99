//! `/api/v1/tokens`: what administrators do with tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use toolfront_api::{self as api, CreateToken, Data, Page, Problem, RevokeToken, RotateToken};
use toolfront_store::{Cursor, Position, TokenFilter, TokenSelector};
use toolfront_token::{
    ActiveToken, Authority, EnvGrant, Expiry, Grant, ManageTokens, NewToken, NewValue, Permit, Scope,
    Timestamp, TokenId, TokenName, TokenSecret,
};
use utoipa::IntoParams;

use super::described::{Routes, routes};
use super::fields::Fields;
use super::query::Query;
use super::{token_records, views};
use crate::access::{Allow, PathParameter, check_organization};
use crate::body::{Json, OptionalJson};
use crate::clock::SystemEntropy;
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(create, list)).routes(routes!(get, revoke)).routes(routes!(rotate))
}

/// The administrator that a permit was granted to.
pub(super) fn administrator(permit: &Permit<ManageTokens>) -> Result<(&ActiveToken, Authority), Refusal> {
    permit.by().zip(Authority::administrator(permit)).ok_or_else(Refusal::hidden)
}

pub(super) fn selector(permit: &Permit<ManageTokens>, id: &str) -> Result<TokenSelector, Refusal> {
    let token = TokenId::parse(id).map_err(|_| Refusal::hidden())?;
    Ok(TokenSelector { organization: *permit.target(), token })
}

/// Makes a token. Its value is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    operation_id = "create_token",
    tag = "tokens",
    request_body = CreateToken,
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat within 24 hours answers 409")),
    responses(
        (status = 201, description = "The record, and the value", body = Data<api::IssuedToken>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    headers: HeaderMap,
    Json(request): Json<CreateToken>,
) -> Result<Response, Refusal> {
    let (caller, authority) = administrator(&permit)?;
    check_organization(request.organization_id.as_deref(), caller.organization())?;
    let key = token_records::idempotency_key(&headers)?;
    let mut fields = Fields::default();
    let name = fields.take("name", TokenName::parse(&request.name));
    let scope = fields.take("scope", Scope::parse(&request.scope));
    let expiry = request.expires_at.as_deref().map_or(Ok(Expiry::Never), Expiry::parse);
    let expiry = fields.take("expires_at", expiry);
    let environments = match request.allowed_environment_ids.as_deref() {
        None => Some(EnvGrant::All),
        Some(list) => {
            let known = gateway.memory().trusted()?;
            let parsed = token_records::environments(known, caller, "allowed_environment_ids", list);
            fields.take_all(parsed)
        }
    };
    let (Some(name), Some(scope), Some(expiry), Some(environments)) = (name, scope, expiry, environments)
    else {
        return Err(fields.refuse());
    };
    let new = NewToken { organization: *permit.target(), name, grant: Grant { scope, environments, expiry } };
    let (id, value) = (TokenId::generate(&mut SystemEntropy)?, TokenSecret::mint(&mut SystemEntropy)?);
    let by = context.attribute_to(caller);
    let kept = NewValue::of(&value);
    let record = gateway.store().issue_token(authority, id, new, kept, key, by, gateway.now()).await?;
    token_records::issued(&gateway, StatusCode::CREATED, record, value).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Must be the caller's organization, when given.
    organization_id: Option<String>,
    /// Whether expired and revoked tokens are left out; true unless said.
    only_active: Option<bool>,
    /// How many at the most, 1 to 1000; 100 unless said.
    limit: Option<usize>,
    /// How many to leave out from the front.
    offset: Option<u64>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// Only tokens for this environment, by id or name; those for all environments included.
    environment_id: Option<String>,
    /// Only tokens that expire within so many seconds.
    expiring_within: Option<u32>,
    /// Only tokens that were made longer ago than so many seconds, and not used since.
    unused_for: Option<u32>,
}

/// Lists the tokens that the caller dominates, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    operation_id = "list_tokens",
    tag = "tokens",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of records", body = Page<api::Token>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<Page<api::Token>>, Refusal> {
    let (caller, _) = administrator(&permit)?;
    check_organization(query.organization_id.as_deref(), caller.organization())?;
    let mut fields = Fields::default();
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        fields.fault("limit", "must be 1 to 1000");
    }
    let from = match (query.cursor.as_deref(), query.offset) {
        (Some(_), Some(_)) => {
            fields.fault("cursor", "give this or offset, not both");
            None
        }
        (None, offset) => Some(Position::Offset(offset.unwrap_or_default())),
        (Some(text), None) => {
            fields.take("cursor", Cursor::decode(text).map(Position::Behind).ok_or("is none of ours"))
        }
    };
    let environments = gateway.memory().trusted()?.environments();
    let environment = query.environment_id.as_deref().map(|text| {
        let found = environments.named(text).map(|environment| environment.target());
        let visible = found.filter(|target| {
            target.organization == caller.organization() && caller.environments().contains(target.environment)
        });
        visible.map(|target| target.environment).ok_or("there is no such environment")
    });
    let environment = fields.take_optional("environment_id", environment);
    let Some(from) = from else { return Err(fields.refuse()) };
    let now = gateway.now();
    let filter = fields.finish(TokenFilter {
        only_active: query.only_active.unwrap_or(true),
        environment,
        expiring_before: query.expiring_within.map(|seconds| now.plus(Duration::from_secs(seconds.into()))),
        unused_since: query.unused_for.map(|seconds| {
            Timestamp::from_micros(now.micros().saturating_sub(i64::from(seconds) * 1_000_000))
        }),
        limit,
        from,
    })?;
    gateway.settle_usage_if_it_can_be().await;
    let page = gateway.store().list_tokens(&permit, filter, now).await?;
    Ok(axum::Json(Page {
        data: page.tokens.into_iter().map(|token| views::token(token, now)).collect(),
        next_cursor: page.next.map(Cursor::encode),
    }))
}

/// Shows one token that the caller dominates.
#[utoipa::path(
    get,
    path = "/api/v1/tokens/{id}",
    operation_id = "get_token",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id, with its prefix or without")),
    responses(
        (status = 200, description = "The record", body = Data<api::Token>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    PathParameter(id): PathParameter,
) -> Result<axum::Json<Data<api::Token>>, Refusal> {
    let (_, authority) = administrator(&permit)?;
    let data = token_records::load(&gateway, authority, selector(&permit, &id)?).await?;
    Ok(axum::Json(Data { data }))
}

/// Puts a new value in place of the current one. The new value is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tokens/{id}/rotate",
    operation_id = "rotate_token",
    tag = "tokens",
    request_body = Option<RotateToken>,
    params(
        ("id" = String, Path, description = "The token's id, with its prefix or without"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat within 24 hours answers 409"),
    ),
    responses(
        (status = 200, description = "The record, and the new value", body = Data<api::IssuedToken>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn rotate(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    PathParameter(id): PathParameter,
    headers: HeaderMap,
    OptionalJson(request): OptionalJson<RotateToken>,
) -> Result<Response, Refusal> {
    let (caller, authority) = administrator(&permit)?;
    let actor = token_records::Acting { context: &context, caller, authority };
    token_records::rotate(&gateway, actor, selector(&permit, &id)?, &headers, request).await
}

/// Ends a token for good. Doing it again answers the same record.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    operation_id = "revoke_token",
    tag = "tokens",
    request_body = Option<RevokeToken>,
    params(("id" = String, Path, description = "The token's id, with its prefix or without")),
    responses(
        (status = 200, description = "The record", body = Data<api::Token>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn revoke(
    Allow(permit): Allow<ManageTokens>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    PathParameter(id): PathParameter,
    OptionalJson(request): OptionalJson<RevokeToken>,
) -> Result<axum::Json<Data<api::Token>>, Refusal> {
    let (caller, authority) = administrator(&permit)?;
    let actor = token_records::Acting { context: &context, caller, authority };
    token_records::revoke(&gateway, actor, selector(&permit, &id)?, request).await
}
