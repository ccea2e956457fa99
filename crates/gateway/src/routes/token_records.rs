//! What the routes of tokens share: reading their fields, and answering with records.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use toolfront_api::{self as api, Code, Data, FieldError, IssuedToken, RevokeToken, RotateToken, ShownOnce};
use toolfront_store::{IdempotencyKey, TokenSelector};
use toolfront_token::{
    ActiveToken, Authority, EnvGrant, Expiry, Grace, NewValue, RevocationReason, RotateRequest, Scope,
    TokenName, TokenRecord, TokenSecret,
};

use super::fields::Fields;
use super::views;
use crate::access::check_organization;
use crate::clock::SystemEntropy;
use crate::gateway::Gateway;
use crate::memory::Trusted;
use crate::problem::Refusal;
use crate::request::Context;

/// The environments that a list means: those that the caller may know of, by id or by name.
pub(super) fn environments(
    known: Trusted<'_>,
    caller: &ActiveToken,
    field: &str,
    list: &[String],
) -> Result<EnvGrant, Vec<FieldError>> {
    let (mut ids, mut faults) = (Vec::new(), Vec::new());
    for (place, text) in list.iter().enumerate() {
        let found = known.environments().named(text).map(|environment| environment.target());
        let visible = found.filter(|target| {
            target.organization == caller.organization() && caller.environments().contains(target.environment)
        });
        match visible {
            Some(target) => ids.push(target.environment),
            None => faults.push(FieldError {
                field: format!("{field}[{place}]"),
                message: format!("there is no environment {text:?}"),
            }),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    EnvGrant::only(ids)
        .map_err(|empty| vec![FieldError { field: field.to_owned(), message: empty.to_string() }])
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refusal> {
    let Some(sent) = headers.get("idempotency-key") else { return Ok(None) };
    match sent.to_str().ok().and_then(IdempotencyKey::parse) {
        Some(key) => Ok(Some(key)),
        None => {
            Err(Refusal::new(Code::BadRequest, "An Idempotency-Key has 1 to 255 visible ASCII characters."))
        }
    }
}

/// What is asked of a rotation, as the types that the life cycle takes.
fn rotation(
    known: Trusted<'_>,
    caller: &ActiveToken,
    request: RotateToken,
    current: u32,
) -> Result<RotateRequest, Refusal> {
    check_organization(request.organization_id.as_deref(), caller.organization())?;
    let mut fields = Fields::default();
    let name = fields.take_optional("name", request.name.as_deref().map(TokenName::parse));
    let scope = fields.take_optional("scope", request.scope.as_deref().map(Scope::parse));
    let expiry = request.expires_at.as_deref().map(|text| match text.trim() {
        "never" => Ok(Expiry::Never),
        text => Expiry::parse(text),
    });
    let expiry = fields.take_optional("expires_at", expiry);
    let grace = request.grace_seconds.map_or(Ok(Grace::Immediately), Grace::from_seconds);
    let grace = fields.take("grace_seconds", grace);
    let list = match (request.allowed_environment_ids, request.environment_scope) {
        (Some(_), Some(_)) => {
            fields.fault("environment_scope", "give this or allowed_environment_ids, not both");
            None
        }
        (Some(list), None) => Some(("allowed_environment_ids", Some(list))),
        (None, Some(api::EnvironmentScope::All {})) => Some(("environment_scope", None)),
        (None, Some(api::EnvironmentScope::Restricted { environment_ids })) => {
            Some(("environment_scope.environment_ids", Some(environment_ids)))
        }
        (None, None) => None,
    };
    let environments = match list {
        None => None,
        Some((_, None)) => Some(EnvGrant::All),
        Some((field, Some(list))) => fields.take_all(environments(known, caller, field, &list)),
    };
    let Some(grace) = grace else { return Err(fields.refuse()) };
    let expected_generation = request.generation.unwrap_or(current);
    fields.finish(RotateRequest { expected_generation, name, scope, environments, expiry, grace })
}

/// Who acts on a token, and in which request.
#[derive(Debug)]
pub(super) struct Acting<'r> {
    pub(super) context: &'r Context,
    pub(super) caller: &'r ActiveToken,
    pub(super) authority: Authority,
}

/// Puts a new value in place of a token's current one, and answers with it.
pub(super) async fn rotate(
    gateway: &Gateway,
    actor: Acting<'_>,
    selector: TokenSelector,
    headers: &HeaderMap,
    request: RotateToken,
) -> Result<Response, Refusal> {
    let Acting { context, caller, authority } = actor;
    let (store, key) = (gateway.store(), idempotency_key(headers)?);
    let current = store.load_token(authority.clone(), selector).await?.record.generation();
    let request = rotation(gateway.memory().trusted()?, caller, request, current)?;
    let value = TokenSecret::mint(&mut SystemEntropy)?;
    let (kept, by) = (NewValue::of(&value), context.attribute_to(caller));
    let record = store.rotate_token(authority, selector, request, kept, key, by, gateway.now()).await?;
    issued(gateway, StatusCode::OK, record, value).await
}

/// Ends a token, with what it runs when that is asked for, and answers with its record.
pub(super) async fn revoke(
    gateway: &Gateway,
    actor: Acting<'_>,
    selector: TokenSelector,
    request: RevokeToken,
) -> Result<Json<Data<api::Token>>, Refusal> {
    let mut fields = Fields::default();
    let reason = fields.take_optional("reason", request.reason.as_deref().map(RevocationReason::parse));
    let reason = fields.finish(reason)?;
    let by = actor.context.attribute_to(actor.caller);
    let record = gateway.store().revoke_token(actor.authority, selector, reason, by, gateway.now()).await?;
    if request.kill {
        gateway.runs().end(record.id());
        if gateway.store().is_shared() {
            gateway.store().end_runs(record.id()).await?;
        }
    }
    let selector = TokenSelector { organization: record.organization(), token: record.id() };
    Ok(Json(Data { data: load(gateway, Authority::host(), selector).await? }))
}

/// A record as it is now, with all uses counted. While the log can't be written it is shown without those of that
/// time: who looks after a token in trouble must see it.
pub(super) async fn load(
    gateway: &Gateway,
    authority: Authority,
    selector: TokenSelector,
) -> Result<api::Token, Refusal> {
    gateway.settle_usage_if_it_can_be().await;
    Ok(views::token(gateway.store().load_token(authority, selector).await?, gateway.now()))
}

/// The answer that shows a value, the only time.
pub(super) async fn issued(
    gateway: &Gateway,
    status: StatusCode,
    record: TokenRecord,
    value: TokenSecret,
) -> Result<Response, Refusal> {
    let selector = TokenSelector { organization: record.organization(), token: record.id() };
    // On the host's authority: whoever made the record may see it, also when it no longer dominates it.
    let record = load(gateway, Authority::host(), selector).await?;
    Ok((status, Json(Data { data: IssuedToken { record, token: ShownOnce::new(value) } })).into_response())
}
