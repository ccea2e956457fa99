//! A request to a deployed application: the permit first, then the page or the run.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Method};
use hyper::body::Incoming;
use toolfront_api::Code;
use toolfront_app::RequestPath;
use toolfront_token::{Denied, Permit, ReadPage, Visibility, Visit};

use super::files::Files;
use super::mcp;
use super::reading::{Reading, read};
use super::release::Release;
use super::tool_run::run_tool;
use crate::access::{Identity, authenticate};
use crate::access_log::{Door, Story};
use crate::gateway::Gateway;
use crate::memory::{Environment, Trusted};
use crate::problem::Refusal;
use crate::request::Context;

const METHODS: &str = "GET, HEAD, POST";

/// Answers a request to the application of that name; `path` is what stands below its base URL, as it was
/// sent.
pub(crate) async fn serve(
    gateway: &Gateway,
    context: &Arc<Context>,
    name: &str,
    mount: &str,
    path: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Response, Refusal> {
    context.story.note_door(if path == mcp::PATH { Door::Mcp } else { Door::Application });
    gateway.access_log().has_room()?;
    if path == mcp::PATH {
        return Box::pin(mcp::serve(gateway, context, name, mount, parts.clone(), Body::new(body))).await;
    }
    if parts.method == Method::POST {
        // Boxed: what a run holds would make every read carry room for it.
        return Box::pin(run_tool(gateway, context, name, path, parts, Body::new(body))).await;
    }
    let (permit, environment) = enter::<ReadPage>(gateway, &parts.headers, context, name).await?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Err(Refusal::method_not_allowed(METHODS));
    }
    read_page(gateway, &context.story, &permit, &environment, mount, path, parts).await
}

/// The permit of whoever sends the request. A token that is sent is judged, on public applications too.
pub(super) async fn enter<A: Visit>(
    gateway: &Gateway,
    headers: &HeaderMap,
    context: &Context,
    name: &str,
) -> Result<(Permit<A>, Arc<Environment>), Refusal> {
    let identity = authenticate(gateway, headers, context).await?;
    let environment = gateway.memory().trusted()?.environments().by_name(name);
    if let Some(environment) = &environment {
        let target = environment.target();
        context.story.note_environment(target.organization, target.environment);
    }
    judge(identity, environment)
}

/// The permit of somebody who was let in, judged once more.
pub(super) fn allow<A: Visit>(
    known: Trusted<'_>,
    identity: Identity,
    name: &str,
) -> Result<(Permit<A>, Arc<Environment>), Refusal> {
    judge(identity, known.environments().by_name(name))
}

fn judge<A: Visit>(
    identity: Identity,
    environment: Option<Arc<Environment>>,
) -> Result<(Permit<A>, Arc<Environment>), Refusal> {
    match (identity, environment) {
        (Identity::Visitor, Some(environment)) => {
            let permit = Permit::for_visitor(environment.target(), environment.record.visibility);
            Ok((permit.ok_or_else(Refusal::no_token)?, environment))
        }
        (Identity::Visitor, None) => Err(Refusal::no_token()),
        (Identity::Caller(_), None) => Err(Denied::OutOfSight.into()),
        (Identity::Caller(token), Some(environment)) => {
            let target = environment.target();
            let guest = Permit::for_guest(&token, target, environment.record.visibility);
            let permit = guest.map_or_else(|| token.authorize(target), Ok)?;
            Ok((permit, environment))
        }
    }
}

pub(super) async fn files(gateway: &Gateway, environment: &Environment) -> Result<Files, Refusal> {
    let release = Release::of(environment, gateway).await?;
    Ok(Files::Release { release, cache: gateway.files().clone() })
}

pub(super) fn request_path(path: &str) -> Result<RequestPath, Refusal> {
    RequestPath::parse(path).map_err(|fault| Refusal::new(Code::BadPath, format!("{fault}.")))
}

pub(super) async fn read_page(
    gateway: &Gateway,
    story: &Story,
    _permit: &Permit<ReadPage>,
    environment: &Environment,
    mount: &str,
    path: &str,
    parts: &Parts,
) -> Result<Response, Refusal> {
    let files = files(gateway, environment).await?;
    let story = Some(story);
    let is_public = environment.record.visibility == Visibility::Public;
    let (method, headers, query) = (&parts.method, &parts.headers, parts.uri.query());
    let path = request_path(path)?;
    read(Reading { files: &files, path, mount, method, headers, query, is_public, story }).await
}
