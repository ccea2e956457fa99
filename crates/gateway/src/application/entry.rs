//! A request to a deployed application: the permit first, then the page or the run.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use toolfront_api::Code;
use toolfront_app::RequestPath;
use toolfront_store::{Attribution, Outcome, RunBegun, RunEnded};
use toolfront_token::{Denied, EnvId, Permit, ReadPage, RunTool, Visibility, Visit, without_token_values};

use super::files::Files;
use super::reading::{Reading, read};
use super::release::Release;
use super::running::{Prepared, prepare, reply};
use crate::access::{Identity, authenticate, reconsider};
use crate::body;
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;
use crate::request::Context;
use crate::runs::{Busy, Runner};

const METHODS: &str = "GET, HEAD, POST";

/// Answers a request to the application of that name; `path` is what stands below its base URL, as it was
/// sent.
pub(crate) async fn serve(
    gateway: &Gateway,
    context: &Arc<Context>,
    name: &str,
    mount: &str,
    path: &str,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::POST {
        return run(gateway, context, name, path, &parts, body).await;
    }
    let (permit, environment) = enter::<ReadPage>(gateway, &parts.headers, context, name).await?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Err(Refusal::method_not_allowed(METHODS));
    }
    read_page(gateway, &permit, &environment, mount, path, &parts).await
}

/// The permit of whoever sends the request. A token that is sent is judged, on public applications too.
async fn enter<A: Visit>(
    gateway: &Gateway,
    headers: &HeaderMap,
    context: &Context,
    name: &str,
) -> Result<(Permit<A>, Arc<Environment>), Refusal> {
    allow(gateway, authenticate(gateway, headers, context).await?, name)
}

fn allow<A: Visit>(
    gateway: &Gateway,
    identity: Identity,
    name: &str,
) -> Result<(Permit<A>, Arc<Environment>), Refusal> {
    match (identity, gateway.memory().environments.by_name(name)) {
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

async fn files(gateway: &Gateway, environment: &Environment) -> Result<Files, Refusal> {
    let release = Release::of(environment, gateway).await?;
    Ok(Files::Release { release, cache: gateway.files().clone() })
}

fn request_path(path: &str) -> Result<RequestPath, Refusal> {
    RequestPath::parse(path).map_err(|fault| Refusal::new(Code::BadPath, format!("{fault}.")))
}

async fn read_page(
    gateway: &Gateway,
    _permit: &Permit<ReadPage>,
    environment: &Environment,
    mount: &str,
    path: &str,
    parts: &Parts,
) -> Result<Response, Refusal> {
    let files = files(gateway, environment).await?;
    let is_public = environment.record.visibility == Visibility::Public;
    let (method, headers, query) = (&parts.method, &parts.headers, parts.uri.query());
    read(Reading { files: &files, path: request_path(path)?, mount, method, headers, query, is_public }).await
}

async fn run(
    gateway: &Gateway,
    context: &Arc<Context>,
    name: &str,
    path: &str,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let (limits, arrived) = (gateway.limits(), gateway.now());
    let (permit, environment) = enter::<RunTool>(gateway, &parts.headers, context, name).await?;
    body::require_json(&parts.headers)?;
    let path = request_path(path)?;
    let bytes = body::read(body, limits.json_bytes_max, limits.body_time).await?;
    let id = environment.record.id;
    let runner = permit.by().map_or(Runner::Visitors(id), |by| Runner::Token(by.token()));
    let mut place = gateway.runs().begin(id, runner).map_err(busy)?;
    // The body may have taken its time: no command begins with a token, or in an environment, that was ended
    // meanwhile. From the place on, whoever ends the token's commands ends this one too.
    let identity = reconsider(gateway, &parts.headers, arrived)?;
    let (permit, environment) = allow::<RunTool>(gateway, identity, name)?;
    if environment.record.id != id {
        return Err(Refusal::hidden());
    }
    let files = files(gateway, &environment).await?;
    let prepared = prepare(&files, &path, body::from_object(&bytes)?).await?;
    let audited = AuditedRun::begin(gateway, context, permit, &files, &prepared).await?;
    let (run, ignored) = prepared.into_run(limits);
    let finished = tokio::select! {
        finished = gateway.sandbox().run(run) => finished,
        () = place.ended() => {
            return Err(Refusal::invalid_token("the token was revoked, and the command was ended with it"));
        }
    };
    let finished = match finished {
        Ok(finished) => finished,
        Err(err) => {
            audited.end(Outcome::NotStarted, 0, 0).await;
            return Err(err.into());
        }
    };
    let outcome = if finished.timed_out { Outcome::TimedOut } else { Outcome::Exited(finished.returncode) };
    let output = finished.stdout.bytes.len().saturating_add(finished.stderr.bytes.len());
    let answer = reply(finished, ignored, &context.request_id, &parts.headers);
    audited.end(outcome, answer.duration_ms, u64::try_from(output).unwrap_or(u64::MAX)).await;
    let mut answer = axum::Json(answer).into_response();
    answer.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    Ok(answer)
}

fn busy(busy: Busy) -> Refusal {
    let detail = match busy {
        Busy::Gateway => "As many commands run in this gateway as may at once.",
        Busy::Environment => "As many commands run in this application as may at once.",
        Busy::Runner => "As many commands run with this token as may at once.",
    };
    Refusal::too_many(detail, Duration::from_secs(1))
}

/// A command whose begin is on the disk: only with one does a command start. However it ends, its end is
/// recorded, also when the client goes away and the request is dropped.
struct AuditedRun {
    gateway: Gateway,
    environment: EnvId,
    by: Attribution,
    begin: i64,
    is_ended: bool,
}

impl AuditedRun {
    async fn begin(
        gateway: &Gateway,
        context: &Context,
        permit: Permit<RunTool>,
        files: &Files,
        prepared: &Prepared,
    ) -> Result<Self, Refusal> {
        let target = *permit.target();
        let by = context.attribute(target.organization, permit.by());
        let run = RunBegun {
            release: files.release(),
            page: prepared.page.to_string(),
            command: prepared.command.masked_argv().iter().map(|part| without_token_values(part)).collect(),
        };
        let begin = gateway.store().begin_run(target.environment, run, by.clone(), gateway.now()).await?;
        Ok(Self { gateway: gateway.clone(), environment: target.environment, by, begin, is_ended: false })
    }

    async fn end(mut self, outcome: Outcome, duration_ms: u64, output_bytes: u64) {
        self.is_ended = true;
        self.record(outcome, duration_ms, output_bytes).await;
    }

    fn record(
        &self,
        outcome: Outcome,
        duration_ms: u64,
        output_bytes: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let run = RunEnded { begin: self.begin, outcome, duration_ms, output_bytes };
        let (store, environment, by) = (self.gateway.store().clone(), self.environment, self.by.clone());
        let now = self.gateway.now();
        async move {
            if let Err(cause) = store.end_run(environment, run, by, now).await {
                tracing::error!(%cause, "the end of a command could not be recorded");
            }
        }
    }
}

impl Drop for AuditedRun {
    fn drop(&mut self) {
        if !self.is_ended {
            tokio::spawn(self.record(Outcome::Ended, 0, 0));
        }
    }
}
