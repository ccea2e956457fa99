//! A request to run a tool of a deployed application, from its permit to its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use toolfront_store::Outcome;
use toolfront_token::RunTool;

use super::audited_run::AuditedRun;
use super::entry::{allow, enter, files, request_path};
use super::run_secrets::RunSecrets;
use super::running::{prepare, reply};
use crate::access::reconsider;
use crate::body;
use crate::environment_limits::{confine, run_limits, runs_max};
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;
use crate::runs::{Busy, Runner};

pub(super) async fn run_tool(
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
    let runs_max = runs_max(limits, &environment.record.limits);
    let mut place = gateway.runs().begin(id, runs_max, runner).map_err(busy)?;
    // The body may have taken its time: no command begins with a token, or in an environment, that was ended
    // meanwhile. From the place on, whoever ends the token's commands ends this one too.
    let identity = reconsider(gateway, &parts.headers, arrived)?;
    let (permit, environment) = allow::<RunTool>(gateway, identity, name)?;
    if environment.record.id != id {
        return Err(Refusal::hidden());
    }
    let files = files(gateway, &environment).await?;
    let secrets = RunSecrets::of(gateway, &permit, &environment)?;
    let request = body::from_object(&bytes)?;
    let prepared = prepare(&files, &path, request, &secrets).await;
    let prepared = prepared.map_err(|refusal| refusal.masked(secrets.mask()))?;
    let audited = AuditedRun::begin(gateway, context, permit, &files, &prepared, secrets.mask()).await?;
    let (mut run, ignored) = prepared.into_run(run_limits(limits, &environment.record.limits));
    confine(&mut run.cage, limits, &environment.record);
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
            return Err(Refusal::from(err).masked(secrets.mask()));
        }
    };
    let outcome = if finished.timed_out { Outcome::TimedOut } else { Outcome::Exited(finished.returncode) };
    let output = finished.stdout.bytes.len().saturating_add(finished.stderr.bytes.len());
    let finished = secrets.mask_output(finished).await?;
    let answer = reply(finished, ignored, &context.request_id, &parts.headers);
    audited.end(outcome, answer.duration_ms, u64::try_from(output).unwrap_or(u64::MAX)).await;
    let mut answer = axum::Json(answer).into_response();
    answer.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    Ok(answer)
}

fn busy(busy: Busy) -> Refusal {
    let detail = match busy {
        Busy::Gateway => {
            "As many commands run in this gateway as may at once; some places are kept for who runs none."
        }
        Busy::Environment => {
            "As many commands run in this application as may at once; some places are kept for who runs none."
        }
        Busy::Runner => "As many commands run with this token as may at once.",
    };
    Refusal::too_many(detail, Duration::from_secs(1))
}
