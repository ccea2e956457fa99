//! A command for which everything is there: what is left is to start it.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::direct::Direct;
use crate::error::RunError;
use crate::exit::keep_ended_children;
use crate::private_directory::PrivateDirectory;
use crate::process::Process;
use crate::run::{Finished, Output, Run};
use crate::running::{Ended, Running};
#[cfg(target_os = "linux")]
use crate::sandbox::caged::CagedRun;
use crate::sandbox::{Refusal, SandboxConfig};
use crate::spawn::{Spawn, Spawned};

/// A command whose program was not started yet: see [`Sandbox::prepare`](crate::Sandbox::prepare). Dropping it calls
/// it off.
#[must_use = "the command does not run until it is started"]
pub struct ReadyRun {
    pub(crate) program: String,
    pub(crate) course: Result<Course, Refusal>,
}

/// How a command runs.
pub(crate) enum Course {
    /// Started by this process, once it is to start.
    Direct(Box<RunOrder>),
    /// In a slot, which has the order already.
    #[cfg(target_os = "linux")]
    Caged(Box<CagedRun>),
}

/// A run, and what goes with it.
pub(crate) struct RunOrder {
    pub(crate) config: Arc<SandboxConfig>,
    pub(crate) run: Run,
    /// Where its output goes as it comes.
    pub(crate) sink: Option<mpsc::Sender<Output>>,
    /// Becomes true when every run is to end.
    pub(crate) stop: watch::Receiver<bool>,
}

impl ReadyRun {
    /// Starts the program, and answers as [`Sandbox::run`](crate::Sandbox::run) does; the command's time counts from
    /// here.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::run`](crate::Sandbox::run), also for what went wrong while it was prepared.
    pub async fn start(self) -> Result<Finished, RunError> {
        self.see_through(Instant::now()).await
    }

    pub(crate) async fn see_through(self, begun: Instant) -> Result<Finished, RunError> {
        let ended = match self.course {
            Err(refusal) => Err(refusal),
            Ok(Course::Direct(order)) => run_directly(*order).await,
            #[cfg(target_os = "linux")]
            Ok(Course::Caged(run)) => run.see_through().await,
        };
        let Ended { returncode, timed_out, stdout, stderr, at } =
            ended.map_err(|refusal| refusal.name(self.program))?;
        Ok(Finished { returncode, timed_out, stdout, stderr, duration: at.duration_since(begun) })
    }
}

/// Shows neither the command nor its environment.
impl std::fmt::Debug for ReadyRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadyRun").field("is_refused", &self.course.is_err()).finish_non_exhaustive()
    }
}

/// Without a launcher.
async fn run_directly(order: RunOrder) -> Result<Ended, Refusal> {
    let RunOrder { config, run, sink, stop } = order;
    let (limits, timeout) = (run.limits, run.timeout());
    keep_ended_children();
    let mut starting = AbortOnDrop(spawn_blocking(move || start(&config, &run, stop)));
    let running = (&mut starting.0).await.map_err(|stopped| Refusal::system(io::Error::other(stopped)))??;
    let _ = sink.as_ref().map(|sink| sink.try_send(Output::Begun));
    let deadline = Instant::now() + timeout;
    running.see_through(deadline, limits, sink).await.map_err(Refusal::NoCode)
}

/// Makes the private directory and starts the command in it. Blocks.
fn start(config: &SandboxConfig, run: &Run, stop: watch::Receiver<bool>) -> Result<Running, Refusal> {
    let directory = PrivateDirectory::make(&config.temporary_root).map_err(Refusal::Directory)?;
    let spawn = Spawn {
        argv: run.command.argv(),
        directory: &run.directory,
        path: &config.path,
        home: directory.path(),
        environment: &run.environment,
    };
    let Spawned { group, stdout, stderr } = spawn.start().map_err(Refusal::Spawn)?;
    let process = Process::Direct(Direct::of(group, directory, stop.clone()));
    Ok(Running { process, stdout, stderr, stop })
}

/// A start that nobody waits for any more and that has not begun does not take place.
struct AbortOnDrop(JoinHandle<Result<Running, Refusal>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
