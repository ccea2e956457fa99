//! A request to run a tool of a deployed application, from its permit to its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use toolfront_api::{RunReply, RunRequest};
use toolfront_app::RequestPath;
use toolfront_sandbox::ReadyRun;
use toolfront_store::Outcome;
use toolfront_token::{Permit, RunTool, Timestamp};

use super::audited_run::{AuditedRun, outcome_of};
use super::entry::{allow, enter, files, request_path};
use super::run_hold::RunHold;
use super::run_secrets::RunSecrets;
use super::running::{Prepare, prepare, reply};
use super::streaming::{self, ReadyStream, Streamed};
use crate::access::reconsider;
use crate::body;
use crate::environment_limits::{confine, run_limits, runs_max};
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;
use crate::request::Context;
use crate::runs::{Busy, Runner};

/// A command that may run, and that is on record to begin. `C` is [`ReadyRun`], or [`ReadyStream`] for a client that
/// reads as it goes.
pub(super) struct Admitted<C> {
    command: C,
    ignored_env: Vec<String>,
    secrets: RunSecrets,
    hold: RunHold,
    audited: AuditedRun,
}

pub(super) async fn run_tool(
    gateway: &Gateway,
    context: &Arc<Context>,
    name: &str,
    path: &str,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let (limits, arrived, headers) = (gateway.limits(), gateway.now(), &parts.headers);
    let (permit, environment) = enter::<RunTool>(gateway, headers, context, name).await?;
    body::require_json(headers)?;
    let path = request_path(path)?;
    let bytes = body::read(body, limits.json_bytes_max, limits.body_time).await?;
    let asked = Asked { headers, arrived, name, path, request: body::from_object(&bytes) };
    if streaming::is_asked_for(headers) {
        let admitted = admit::<ReadyStream>(gateway, context, &permit, &environment, asked).await?;
        return admitted.stream(gateway, context, headers).await;
    }
    let admitted = admit::<ReadyRun>(gateway, context, &permit, &environment, asked).await?;
    let reply = admitted.run(context, headers).await?;
    let mut answer = axum::Json(reply).into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// What is asked for, by a request that was let in when it arrived.
pub(super) struct Asked<'r> {
    pub(super) headers: &'r HeaderMap,
    pub(super) arrived: Timestamp,
    pub(super) name: &'r str,
    pub(super) path: RequestPath,
    pub(super) request: Result<RunRequest, Refusal>,
}

/// The one way to a command that may run: `permit` is of the request's arrival, and is looked at once more. While its
/// begin is being written the command is prepared: whoever drops what comes of that calls it off.
pub(super) async fn admit<C: Prepare>(
    gateway: &Gateway,
    context: &Arc<Context>,
    permit: &Permit<RunTool>,
    environment: &Environment,
    asked: Asked<'_>,
) -> Result<Admitted<C>, Refusal> {
    let Asked { headers, arrived, name, path, request } = asked;
    let (limits, id) = (gateway.limits(), environment.record.id);
    let runner = permit.by().map_or(Runner::Visitors(id), |by| Runner::Token(by.token()));
    let runs_max = runs_max(limits, &environment.record.limits);
    let place = gateway.runs().begin(id, runs_max, runner).map_err(|reason| {
        gateway.metrics().refused_run();
        busy(reason)
    })?;
    // The body may have taken its time: no command begins with a token, or in an environment, that was ended
    // meanwhile. From the place on, whoever ends the token's commands ends this one too.
    let known = gateway.memory().trusted()?;
    let identity = reconsider(known, headers, arrived)?;
    let (permit, environment) = allow::<RunTool>(known, identity, name)?;
    if environment.record.id != id {
        return Err(Refusal::hidden());
    }
    let files = files(gateway, &environment).await?;
    let secrets = RunSecrets::of(gateway, &permit, &environment)?;
    let prepared = prepare(&files, &path, request?, &secrets).await;
    let prepared = prepared.map_err(|refusal| refusal.masked(secrets.mask()))?;
    let hold = RunHold::new(gateway, place, headers)?;
    let begin = AuditedRun::begin(gateway, context, &permit, &files, &prepared, secrets.mask());
    let (mut run, ignored_env) = prepared.into_run(run_limits(limits, &environment.record.limits));
    confine(&mut run.cage, limits, &environment.record);
    let (command, audited) = tokio::join!(C::prepare(gateway.sandbox(), run), begin);
    Ok(Admitted { command, ignored_env, secrets, hold, audited: audited? })
}

impl Admitted<ReadyRun> {
    /// What the command printed, once it has ended.
    pub(super) async fn run(self, context: &Context, headers: &HeaderMap) -> Result<RunReply, Refusal> {
        let Self { command, ignored_env, secrets, mut hold, audited } = self;
        let finished = tokio::select! {
            finished = command.start() => Some(finished),
            () = hold.lost() => None,
        };
        let Some(finished) = finished else {
            audited.end(Outcome::EndedWithToken, 0, 0).await;
            return Err(Refusal::ended_with_token());
        };
        let finished = match finished {
            Ok(finished) => finished,
            Err(err) => {
                audited.end(Outcome::NotStarted, 0, 0).await;
                return Err(Refusal::from(err).masked(secrets.mask()));
            }
        };
        let outcome = outcome_of(&finished);
        let output = finished.stdout.bytes.len().saturating_add(finished.stderr.bytes.len());
        let finished = secrets.mask_output(finished).await?;
        let answer = reply(finished, ignored_env, &context.request_id, headers);
        audited.end(outcome, answer.duration_ms, u64::try_from(output).unwrap_or(u64::MAX)).await;
        Ok(answer)
    }
}

impl Admitted<ReadyStream> {
    /// Answers what it prints as it comes.
    async fn stream(
        self,
        gateway: &Gateway,
        context: &Context,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let Self { command, ignored_env, secrets, hold, audited } = self;
        let streamed = Streamed {
            command,
            ignored_env,
            mask: Arc::clone(secrets.mask()),
            request_id: context.request_id.to_string(),
            held: Some((hold, audited)),
            stopping: gateway.stopping().clone(),
            keep_alive: gateway.limits().stream_silence_max,
        };
        streamed.answer(headers, gateway.tasks()).await
    }
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
