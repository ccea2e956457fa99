//! `/api/v1/environments/{id}/secrets`: what the commands of an environment are given, and nobody is shown.

use std::sync::Arc;

use axum::extract::{Extension, State};
use http::StatusCode;
use toolfront_api::{self as api, Data, Page, Problem, SetSecret};
use toolfront_app::{SecretName, SecretValue, VariableName};
use toolfront_store::NewSecret;
use toolfront_token::{ActiveToken, ManageEnvironment, Permit};

use super::described::{Routes, routes};
use super::fields::Fields;
use super::views;
use crate::access::{Allow, SecondPathParameter};
use crate::body::SecretJson;
use crate::clock::SystemEntropy;
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(list)).routes(routes!(set, delete))
}

fn by(permit: &Permit<ManageEnvironment>) -> Result<&ActiveToken, Refusal> {
    permit.by().ok_or_else(Refusal::hidden)
}

/// Lists the secrets of an environment by name. Their values are shown nowhere.
#[utoipa::path(
    get,
    path = "/api/v1/environments/{id}/secrets",
    operation_id = "list_secrets",
    tag = "secrets",
    params(("id" = String, Path, description = "The environment's id or name")),
    responses(
        (status = 200, description = "The secrets, without their values", body = Page<api::Secret>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    Allow(permit): Allow<ManageEnvironment>,
    State(gateway): State<Gateway>,
) -> Result<axum::Json<Page<api::Secret>>, Refusal> {
    let secrets = gateway.store().secrets(&permit).await?;
    Ok(axum::Json(Page { data: secrets.iter().map(views::secret).collect(), next_cursor: None }))
}

/// Stores a secret, in the place of the one that has its name. Commands that begin from then on are given it as
/// a variable, and it is masked in what they print.
#[utoipa::path(
    put,
    path = "/api/v1/environments/{id}/secrets/{name}",
    operation_id = "set_secret",
    tag = "secrets",
    params(
        ("id" = String, Path, description = "The environment's id or name"),
        ("name" = String, Path, description = "The variable that it is given as: letters, digits and `_`"),
    ),
    request_body = SetSecret,
    responses(
        (status = 200, description = "The secret, which was set before", body = Data<api::Secret>),
        (status = 201, description = "The secret, which is new", body = Data<api::Secret>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn set(
    Allow(permit): Allow<ManageEnvironment>,
    SecondPathParameter(name): SecondPathParameter,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    SecretJson(request): SecretJson<SetSecret>,
) -> Result<(StatusCode, axum::Json<Data<api::Secret>>), Refusal> {
    let mut fields = Fields::default();
    let name = fields.take("name", SecretName::parse(&name));
    let value = fields.take("value", SecretValue::parse(request.value.into_text()));
    let Some((name, value)) = name.zip(value) else { return Err(fields.refuse()) };
    let new = NewSecret::new(name, value, &mut SystemEntropy)?;
    let by = context.attribute_to(by(&permit)?);
    let (secret, is_new) = gateway.store().set_secret(&permit, new, by, gateway.now()).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(Data { data: views::secret(&secret) })))
}

/// Deletes a secret. Commands that begin from then on are not given it any more.
#[utoipa::path(
    delete,
    path = "/api/v1/environments/{id}/secrets/{name}",
    operation_id = "delete_secret",
    tag = "secrets",
    params(
        ("id" = String, Path, description = "The environment's id or name"),
        ("name" = String, Path, description = "The secret's name"),
    ),
    responses(
        (status = 200, description = "The secret, as it was listed", body = Data<api::Secret>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    Allow(permit): Allow<ManageEnvironment>,
    SecondPathParameter(name): SecondPathParameter,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
) -> Result<axum::Json<Data<api::Secret>>, Refusal> {
    let name = VariableName::parse(&name).map_err(|fault| Refusal::invalid_field("name", fault))?;
    let by = context.attribute_to(by(&permit)?);
    let deleted = gateway.store().delete_secret(&permit, name, by, gateway.now()).await?;
    Ok(axum::Json(Data { data: views::secret(&deleted) }))
}
