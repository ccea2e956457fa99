//! `/api/v1/environments`: deployed applications, and their releases.

use std::sync::Arc;

use axum::extract::{Extension, State};
use http::StatusCode;
use toolfront_api::{
    self as api, CreateEnvironment as CreateRequest, Data, Deployed, Page, PatchEnvironment, Problem,
    Publish, Published, Rollback,
};
use toolfront_app::{EnvName, Manifest};
use toolfront_store::{EnvironmentChange, EnvironmentRecord, Network, NewEnvironment};
use toolfront_token::{
    ActiveToken, CreateEnvironment, EnvId, ManageEnvironment, Permit, ViewEnvironment, ViewEnvironments,
    Visibility,
};

use super::deploying::{self, Deployer, Sent};
use super::described::{Routes, routes};
use super::fields::Fields;
use super::{limits, views};
use crate::access::{Allow, AllowDeploy, check_organization};
use crate::application::Release;
use crate::body::{Json, JsonWithFiles};
use crate::clock::SystemEntropy;
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;
use crate::request::Context;

type Shown = Result<axum::Json<Data<api::Environment>>, Refusal>;

pub(super) fn router() -> Routes {
    Routes::default()
        .routes(routes!(create, list))
        .routes(routes!(get, patch, delete))
        .routes(routes!(deploy))
        .routes(routes!(publish))
        .routes(routes!(releases))
        .routes(routes!(roll_back))
}

fn visibility(text: Option<&str>) -> Result<Option<Visibility>, &'static str> {
    match text {
        None => Ok(None),
        Some("private") => Ok(Some(Visibility::Private)),
        Some("public") => Ok(Some(Visibility::Public)),
        Some(_) => Err("is private or public"),
    }
}

fn network(text: Option<&str>) -> Result<Option<Network>, &'static str> {
    match text.map(Network::from_word) {
        None => Ok(None),
        Some(None) => Err("is outbound or none"),
        Some(network) => Ok(network),
    }
}

/// A name for an environment that was given none.
fn made_up_name() -> Result<EnvName, Refusal> {
    let id = EnvId::generate(&mut SystemEntropy)?.to_string();
    EnvName::parse(&id.replace(EnvId::PREFIX, "app-")).map_err(|fault| Refusal::internal(&fault))
}

fn by<A: toolfront_token::Action>(permit: &Permit<A>) -> Result<&ActiveToken, Refusal> {
    permit.by().ok_or_else(Refusal::hidden)
}

fn found(gateway: &Gateway, id: EnvId) -> Result<Arc<Environment>, Refusal> {
    gateway.memory().trusted()?.environments().by_id(id).ok_or_else(Refusal::hidden)
}

fn show(gateway: &Gateway, record: &EnvironmentRecord) -> axum::Json<Data<api::Environment>> {
    axum::Json(Data { data: views::environment(gateway, record) })
}

async fn make(
    gateway: &Gateway,
    context: &Context,
    permit: &Permit<CreateEnvironment>,
    name: EnvName,
    visibility: Visibility,
    sent: Option<Sent>,
    allow_hidden: bool,
) -> Result<EnvironmentRecord, Refusal> {
    let caller = by(permit)?;
    let deployer = Deployer { token: caller.token(), environment: None, allow_hidden };
    let manifest = match sent {
        None => None,
        Some(sent) => Some(deploying::manifest(gateway, deployer, sent).await?),
    };
    let id = EnvId::generate(&mut SystemEntropy)?;
    let new = NewEnvironment { name, visibility, manifest: manifest.as_deref().cloned() };
    let attribution = context.attribute_to(caller);
    let record = gateway.store().create_environment(permit, id, new, attribution, gateway.now()).await?;
    if let Some(manifest) = manifest {
        Release::keep(gateway, &record, manifest);
    }
    Ok(record)
}

/// Makes an environment, with its first release or without.
#[utoipa::path(
    post,
    path = "/api/v1/environments",
    operation_id = "create_environment",
    tag = "environments",
    request_body = CreateRequest,
    responses(
        (status = 201, description = "The environment", body = Data<api::Environment>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    Allow(permit): Allow<CreateEnvironment>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    JsonWithFiles(request): JsonWithFiles<CreateRequest>,
) -> Result<(StatusCode, axum::Json<Data<api::Environment>>), Refusal> {
    check_organization(request.organization_id.as_deref(), *permit.target())?;
    let mut fields = Fields::default();
    let visibility = fields.take("visibility", visibility(request.visibility.as_deref())).flatten();
    let visibility = fields.finish(visibility.unwrap_or(Visibility::Private))?;
    let name = EnvName::parse(&request.name).or_else(|_| made_up_name())?;
    let sent = Sent::new(request.files, request.manifest, request.upload.as_deref())?;
    let record = make(&gateway, &context, &permit, name, visibility, sent, request.hidden).await?;
    Ok((StatusCode::CREATED, show(&gateway, &record)))
}

/// Lists the environments that the caller may know of, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/environments",
    operation_id = "list_environments",
    tag = "environments",
    responses(
        (status = 200, description = "The environments", body = Page<api::Environment>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    Allow(permit): Allow<ViewEnvironments>,
    State(gateway): State<Gateway>,
) -> Result<axum::Json<Page<api::Environment>>, Refusal> {
    let caller = by(&permit)?;
    let mut visible = gateway.memory().trusted()?.environments().all();
    visible.retain(|environment| caller.authorize::<ViewEnvironment>(environment.target()).is_ok());
    visible.sort_by_key(|environment| (environment.record.created_at, environment.record.id));
    let records = visible.iter().rev();
    let data = records.map(|environment| views::environment(&gateway, &environment.record)).collect();
    Ok(axum::Json(Page { data, next_cursor: None }))
}

/// Shows one environment.
#[utoipa::path(
    get,
    path = "/api/v1/environments/{id}",
    operation_id = "get_environment",
    tag = "environments",
    params(("id" = String, Path, description = "The environment's id or name")),
    responses(
        (status = 200, description = "The environment", body = Data<api::Environment>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(Allow(permit): Allow<ViewEnvironment>, State(gateway): State<Gateway>) -> Shown {
    Ok(show(&gateway, &found(&gateway, permit.target().environment)?.record))
}

/// Makes or publishes the environment of that name.
#[utoipa::path(
    put,
    path = "/api/v1/environments/by-name/{name}",
    operation_id = "deploy_environment",
    tag = "environments",
    params(("name" = String, Path, description = "The environment's name")),
    request_body = Publish,
    responses(
        (status = 200, description = "The environment", body = Data<Deployed>),
        (status = 201, description = "The environment, which is new", body = Data<Deployed>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn deploy(
    permit: AllowDeploy,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    JsonWithFiles(request): JsonWithFiles<Publish>,
) -> Result<(StatusCode, axum::Json<Data<Deployed>>), Refusal> {
    let mut fields = Fields::default();
    let visibility = fields.take("visibility", visibility(request.visibility.as_deref())).flatten();
    let visibility = fields.finish(visibility)?;
    let sent = Sent::new(request.files, request.manifest, request.upload.as_deref())?;
    let (status, record) = match permit {
        AllowDeploy::Create(permit, name) => {
            let visibility = visibility.unwrap_or(Visibility::Private);
            let record = make(&gateway, &context, &permit, name, visibility, sent, request.hidden).await?;
            (StatusCode::CREATED, record)
        }
        AllowDeploy::Publish(permit, environment) => {
            let record = release(&gateway, &context, &permit, &environment, sent, request.hidden).await?;
            (StatusCode::OK, record)
        }
    };
    let environment = views::environment(&gateway, &record);
    let data = Deployed { environment, created: status == StatusCode::CREATED };
    Ok((status, axum::Json(Data { data })))
}

async fn release(
    gateway: &Gateway,
    context: &Context,
    permit: &Permit<ManageEnvironment>,
    environment: &Environment,
    sent: Option<Sent>,
    allow_hidden: bool,
) -> Result<EnvironmentRecord, Refusal> {
    let caller = by(permit)?;
    let sent = sent.ok_or_else(|| {
        Refusal::invalid_field("files", "give the files, a manifest of them, or the upload that announced it")
    })?;
    let deployer = Deployer { token: caller.token(), environment: Some(environment), allow_hidden };
    let manifest = deploying::manifest(gateway, deployer, sent).await?;
    let (by, files) = (context.attribute_to(caller), Manifest::clone(&manifest));
    let record = gateway.store().publish(permit, files, by, gateway.now()).await?;
    Release::keep(gateway, &record, manifest);
    Ok(record)
}

/// Makes a release of these files, and serves it. The same files as are served already make none.
#[utoipa::path(
    post,
    path = "/api/v1/environments/{id}/publish",
    operation_id = "publish_release",
    tag = "environments",
    params(("id" = String, Path, description = "The environment's id or name")),
    request_body = Publish,
    responses(
        (status = 200, description = "The environment, with the release that it serves now", body = Data<api::Environment>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn publish(
    Allow(permit): Allow<ManageEnvironment>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    JsonWithFiles(request): JsonWithFiles<Publish>,
) -> Shown {
    if request.visibility.is_some() {
        return Err(Refusal::invalid_field("visibility", "is changed by PATCH, not by publishing"));
    }
    let environment = found(&gateway, permit.target().environment)?;
    let sent = Sent::new(request.files, request.manifest, request.upload.as_deref())?;
    let record = release(&gateway, &context, &permit, &environment, sent, request.hidden).await?;
    Ok(show(&gateway, &record))
}

/// Lists the releases of an environment, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/environments/{id}/releases",
    operation_id = "list_releases",
    tag = "environments",
    params(("id" = String, Path, description = "The environment's id or name")),
    responses(
        (status = 200, description = "The releases", body = Page<api::Release>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn releases(
    Allow(permit): Allow<ViewEnvironment>,
    State(gateway): State<Gateway>,
) -> Result<axum::Json<Page<api::Release>>, Refusal> {
    let current = found(&gateway, permit.target().environment)?.record.release.as_ref().map(|now| now.number);
    let releases = gateway.store().releases(&permit).await?;
    let data = releases.iter().map(|release| views::release(release, current)).collect();
    Ok(axum::Json(Page { data, next_cursor: None }))
}

/// Serves an earlier release again.
#[utoipa::path(
    post,
    path = "/api/v1/environments/{id}/rollback",
    operation_id = "roll_back_release",
    tag = "environments",
    params(("id" = String, Path, description = "The environment's id or name")),
    request_body = Rollback,
    responses(
        (status = 200, description = "The release that is served now", body = Data<Published>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn roll_back(
    Allow(permit): Allow<ManageEnvironment>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    Json(request): Json<Rollback>,
) -> Result<axum::Json<Data<Published>>, Refusal> {
    let caller = by(&permit)?;
    let by = context.attribute_to(caller);
    let record = gateway.store().roll_back(&permit, request.release, by, gateway.now()).await?;
    let seen = caller.authorize::<ViewEnvironment>(*permit.target())?;
    let releases = gateway.store().releases(&seen).await?;
    let release = releases.iter().find(|stored| stored.release.number == request.release);
    let release = release.ok_or_else(Refusal::hidden)?;
    let url = gateway.application_url(record.name.as_str());
    let current = record.release.as_ref().map(|release| release.number);
    let name = record.name.to_string();
    let data = Published { id: record.id, name, url, release: views::release(release, current) };
    Ok(axum::Json(Data { data }))
}

/// Changes an environment's visibility, what its commands are confined to or, with a token for all environments,
/// its name.
#[utoipa::path(
    patch,
    path = "/api/v1/environments/{id}",
    operation_id = "update_environment",
    tag = "environments",
    params(("id" = String, Path, description = "The environment's id or name")),
    request_body = PatchEnvironment,
    responses(
        (status = 200, description = "The environment", body = Data<api::Environment>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn patch(
    Allow(permit): Allow<ManageEnvironment>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
    Json(request): Json<PatchEnvironment>,
) -> Shown {
    let mut fields = Fields::default();
    let visibility = fields.take("visibility", visibility(request.visibility.as_deref())).flatten();
    let name = fields.take_optional("name", request.name.as_deref().map(EnvName::parse));
    let network = fields.take("network", network(request.network.as_deref())).flatten();
    let limits = limits::changes(&mut fields, gateway.limits(), &request);
    let change = fields.finish(EnvironmentChange {
        name,
        visibility,
        network,
        limits,
        end_runs_with_token: request.end_runs_with_token,
    })?;
    let caller = by(&permit)?;
    if change.name.is_some() {
        // A new name is claimed as by a new environment; whether it is taken is for no narrower token to learn.
        caller.authorize::<CreateEnvironment>(caller.organization())?;
    }
    let by = context.attribute_to(caller);
    Ok(show(&gateway, &gateway.store().update_environment(&permit, change, by, gateway.now()).await?))
}

/// Deletes an environment. Its id is never used again, and tokens that name it may do nothing with it.
#[utoipa::path(
    delete,
    path = "/api/v1/environments/{id}",
    operation_id = "delete_environment",
    tag = "environments",
    params(("id" = String, Path, description = "The environment's id or name")),
    responses(
        (status = 200, description = "The environment, as it was", body = Data<api::Environment>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    Allow(permit): Allow<ManageEnvironment>,
    State(gateway): State<Gateway>,
    Extension(context): Extension<Arc<Context>>,
) -> Shown {
    let by = context.attribute_to(by(&permit)?);
    Ok(show(&gateway, &gateway.store().delete_environment(&permit, by, gateway.now()).await?))
}
