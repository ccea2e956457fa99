//! The extractors that yield permits. They go first among a handler's arguments: a stranger's body is never
//! read.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use toolfront_app::EnvName;
use toolfront_token::{
    Action, ActiveToken, CreateEnvironment, EnvRef, ManageEnvironment, ManageTokens, OrgId, Permit,
    ReadAudit, UploadBlobs, UseSelf, ViewEnvironment, ViewEnvironments,
};

use super::caller::authenticate;
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;
use crate::request::Context;

/// A living token, of which nothing more is known.
#[derive(Debug)]
pub(crate) struct Authenticated(pub(crate) ActiveToken);

/// The permit for `A`, on the target that the request names.
#[derive(Debug)]
pub(crate) struct Allow<A: Action>(pub(crate) Permit<A>);

/// The permit to publish to the environment that the path names, or to make it when there is none.
#[derive(Debug)]
pub(crate) enum AllowDeploy {
    Create(Permit<CreateEnvironment>, EnvName),
    Publish(Permit<ManageEnvironment>, Arc<Environment>),
}

/// The first parameter of the path, decoded. One that can't be decoded names nothing that exists.
#[derive(Debug)]
pub(crate) struct PathParameter(pub(crate) String);

/// The second one, likewise.
#[derive(Debug)]
pub(crate) struct SecondPathParameter(pub(crate) String);

impl FromRequestParts<Gateway> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let context = context(parts)?;
        // What changes something has its own event: only what would be told of later may have to wait.
        if parts.method.is_safe() {
            gateway.access_log().has_room()?;
        }
        let caller = authenticate(gateway, &parts.headers, &context).await?.required()?;
        same_organization(parts, caller.organization())?;
        Ok(Self(caller))
    }
}

/// Clients of the original product name their organization in a header.
fn same_organization(parts: &Parts, organization: OrgId) -> Result<(), Refusal> {
    let named = parts.headers.get("x-statespace-org-id").map(|value| value.to_str().unwrap_or("?"));
    check_organization(named, organization)
}

/// An organization that a request names has to be the caller's own; another is answered as if it did not
/// exist.
pub(crate) fn check_organization(named: Option<&str>, organization: OrgId) -> Result<(), Refusal> {
    match named.map(str::trim).filter(|named| !named.is_empty()) {
        Some(named) if OrgId::parse(named) != Ok(organization) => Err(Refusal::hidden()),
        _ => Ok(()),
    }
}

fn context(parts: &Parts) -> Result<Arc<Context>, Refusal> {
    let context = parts.extensions.get::<Arc<Context>>().map(Arc::clone);
    context.ok_or_else(|| Refusal::internal(&"a request without its context"))
}

/// Finds what a request asks to act on.
pub(crate) trait Locate: Action {
    fn locate(
        parts: &mut Parts,
        gateway: &Gateway,
        caller: &ActiveToken,
    ) -> impl Future<Output = Result<Self::Target, Refusal>> + Send;
}

impl<A: Locate> FromRequestParts<Gateway> for Allow<A> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, gateway).await?;
        let target = A::locate(parts, gateway, &caller).await?;
        Ok(Self(caller.authorize::<A>(target)?))
    }
}

macro_rules! on_own_organization {
    ($($action:ty),*) => {$(
        impl Locate for $action {
            async fn locate(_: &mut Parts, _: &Gateway, caller: &ActiveToken) -> Result<OrgId, Refusal> {
                Ok(caller.organization())
            }
        }
    )*};
}

on_own_organization!(CreateEnvironment, ManageTokens, ReadAudit, UploadBlobs, ViewEnvironments);

macro_rules! on_environment_in_path {
    ($($action:ty),*) => {$(
        impl Locate for $action {
            async fn locate(parts: &mut Parts, gateway: &Gateway, _: &ActiveToken) -> Result<EnvRef, Refusal> {
                let PathParameter(named) = PathParameter::from_request_parts(parts, gateway).await?;
                let found = gateway.memory().trusted()?.environments().named(&named);
                Ok(found.ok_or_else(Refusal::hidden)?.target())
            }
        }
    )*};
}

on_environment_in_path!(ManageEnvironment, ViewEnvironment);

impl Locate for UseSelf {
    async fn locate(_: &mut Parts, _: &Gateway, _: &ActiveToken) -> Result<(), Refusal> {
        Ok(())
    }
}

impl FromRequestParts<Gateway> for PathParameter {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        path_parameter(parts, gateway, 0).await.map(Self)
    }
}

impl FromRequestParts<Gateway> for SecondPathParameter {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        path_parameter(parts, gateway, 1).await.map(Self)
    }
}

async fn path_parameter(parts: &mut Parts, gateway: &Gateway, place: usize) -> Result<String, Refusal> {
    let parameters = RawPathParams::from_request_parts(parts, gateway).await;
    let parameters = parameters.map_err(|_| Refusal::hidden())?;
    let found = parameters.iter().nth(place);
    found.map(|(_, value)| value.to_owned()).ok_or_else(Refusal::hidden)
}

impl FromRequestParts<Gateway> for AllowDeploy {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, gateway).await?;
        let PathParameter(text) = PathParameter::from_request_parts(parts, gateway).await?;
        let name = EnvName::parse(&text).map_err(|fault| Refusal::invalid_field("name", fault))?;
        let environments = gateway.memory().trusted()?.environments();
        let seen = environments
            .by_name(name.as_str())
            .map(|environment| (caller.authorize::<ManageEnvironment>(environment.target()), environment));
        match seen {
            Some((Ok(permit), environment)) => Ok(Self::Publish(permit, environment)),
            Some((Err(denied @ toolfront_token::Denied::MissingScope(_)), _)) => Err(denied.into()),
            // What is out of sight is answered like what does not exist: by whether the caller may make it.
            _ => Ok(Self::Create(caller.authorize(caller.organization())?, name)),
        }
    }
}
