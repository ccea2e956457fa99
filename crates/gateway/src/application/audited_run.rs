//! A command whose begin is on the disk: only with one does a command start.

use std::pin::Pin;
use std::task::{Context as Polling, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;
use toolfront_app::Mask;
use toolfront_sandbox::Finished;
use toolfront_store::{Attribution, Outcome, RunBegun, RunEnded};
use toolfront_token::{EnvId, Permit, RunTool, without_token_values};

use super::files::Files;
use super::running::Prepared;
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;

/// However the command ends, its end is recorded, also when the client goes away and the request is dropped.
pub(crate) struct AuditedRun {
    gateway: Gateway,
    environment: EnvId,
    by: Attribution,
    begin: i64,
    is_ended: bool,
    /// The release that the command runs in: held, so that it is not removed under it.
    _files: Files,
}

impl AuditedRun {
    /// Records that the command is about to run; `mask` hides values that whoever asked for it had got hold of. It is
    /// being written once this is called, and not only once it is waited for.
    ///
    /// # Errors
    /// The store's, when it could not be recorded: the command must not start then.
    pub(super) fn begin(
        gateway: &Gateway,
        context: &Context,
        permit: &Permit<RunTool>,
        files: &Files,
        prepared: &Prepared,
        mask: &Mask,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send + use<> {
        let target = *permit.target();
        let by = context.attribute(target.organization, permit.by());
        let told = |part: &str| without_token_values(&mask.text(part));
        let run = RunBegun {
            release: files.release(),
            page: prepared.page.to_string(),
            command: prepared.command.masked_argv().iter().map(|part| told(part)).collect(),
        };
        let (owned, environment, held) = (gateway.clone(), target.environment, files.clone());
        let asked = std::time::Instant::now();
        let written = gateway.store().begin_run(environment, run, by.clone(), gateway.now());
        let begun = async move {
            let begin = written.await?;
            owned.metrics().begun(asked.elapsed());
            // A visitor's request is no use that the event could have taken, and is told of all the same.
            if let Some(slip) = &by.use_slip {
                slip.take();
            }
            Ok(Self { gateway: owned, environment, by, begin, is_ended: false, _files: held })
        };
        Beginning { begun: Some(begun.boxed()), tasks: gateway.tasks().clone() }
    }

    /// Records how it ended.
    pub(super) async fn end(mut self, outcome: Outcome, duration_ms: u64, output_bytes: u64) {
        self.is_ended = true;
        self.record(outcome, duration_ms, output_bytes).await;
    }

    fn record(
        &self,
        outcome: Outcome,
        duration_ms: u64,
        output_bytes: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.gateway.metrics().ended(&outcome, duration_ms);
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

/// A begin that is being written. When the client goes away meanwhile it is waited for all the same, and gets its end.
struct Beginning {
    /// `None` once it was told of.
    begun: Option<BoxFuture<'static, Result<AuditedRun, Refusal>>>,
    tasks: TaskTracker,
}

impl Future for Beginning {
    type Output = Result<AuditedRun, Refusal>;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<Self::Output> {
        let Some(begun) = &mut self.begun else { return Poll::Pending };
        let told = begun.poll_unpin(polling);
        if told.is_ready() {
            self.begun = None;
        }
        told
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.tasks.spawn(begun.map(drop));
        }
    }
}

/// What came of a command that ran.
pub(super) fn outcome_of(finished: &Finished) -> Outcome {
    if finished.timed_out { Outcome::TimedOut } else { Outcome::Exited(finished.returncode) }
}

impl Drop for AuditedRun {
    fn drop(&mut self) {
        if !self.is_ended {
            self.gateway.tasks().spawn(self.record(Outcome::Ended, 0, 0));
        }
    }
}
