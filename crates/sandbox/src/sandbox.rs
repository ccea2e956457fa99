//! The sandbox: what all runs share, and the course of one run.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::error::RunError;
use crate::exit::keep_ended_children;
use crate::private_directory::PrivateDirectory;
use crate::program::NoProgram;
use crate::run::{Finished, Run};
use crate::running::Running;
use crate::spawn::{Spawn, SpawnError};

/// Where programs are looked for unless the configuration says otherwise.
pub const DEFAULT_PATH: &str = if cfg!(target_os = "macos") {
    "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin"
} else {
    "/usr/local/bin:/usr/bin:/bin"
};

/// What is the same for every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Each run's private directory is made below this one, which is made (mode 0700) when it is missing. It should
    /// be this process's alone: what a crash leaves in it may be removed at the next start.
    pub temporary_root: PathBuf,
    /// Where programs named without a `/` are looked for (absolute directories, colons between them); the `PATH` of
    /// every command.
    pub path: String,
}

impl SandboxConfig {
    /// The default search path, and private directories below `temporary_root`.
    pub fn new(temporary_root: impl Into<PathBuf>) -> Self {
        Self { temporary_root: temporary_root.into(), path: DEFAULT_PATH.to_owned() }
    }
}

/// Runs allowed commands.
#[derive(Debug)]
pub struct Sandbox {
    config: Arc<SandboxConfig>,
    /// Set to true to end the runs that watch it, then replaced: every run watches the one that it began with.
    stop: Mutex<watch::Sender<bool>>,
}

impl Sandbox {
    /// A sandbox without any run. Touches nothing yet.
    pub fn new(mut config: SandboxConfig) -> Self {
        // `HOME` is this path, and the command has another working directory.
        if let Ok(absolute) = std::path::absolute(&config.temporary_root) {
            config.temporary_root = absolute;
        }
        Self { config: Arc::new(config), stop: Mutex::new(watch::Sender::new(false)) }
    }

    /// Runs a command to its end and answers with what it printed.
    ///
    /// The command ends at its timeout at the latest: its group gets SIGTERM, and SIGKILL after
    /// [`terminate_grace`](crate::RunLimits::terminate_grace). When it has ended, whatever is left of its group is
    /// killed, and its private directory is removed. Dropping the future kills the group; it is reaped, and the
    /// directory removed, on a thread of the runtime where blocking is allowed.
    ///
    /// Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// When the command could not be started; see [`RunError`]. An exit code other than 0 is no error.
    pub async fn run(&self, run: Run) -> Result<Finished, RunError> {
        let stop = self.lock_stop().subscribe();
        let program = run.command.masked_argv().first().cloned().unwrap_or_default();
        let (limits, timeout) = (run.limits, run.command.timeout());
        let config = Arc::clone(&self.config);
        keep_ended_children();
        let begun = Instant::now();
        let mut starting = AbortOnDrop(spawn_blocking(move || start(&config, &run, stop)));
        let running = match (&mut starting.0).await {
            Ok(Ok(running)) => running,
            Ok(Err(refusal)) => return Err(refusal.name(program)),
            Err(stopped) => return Err(RunError::Spawn { program, source: io::Error::other(stopped) }),
        };
        let deadline = Instant::now() + timeout;
        let ended =
            running.see_through(deadline, limits).await.map_err(|source| RunError::Wait { source })?;
        Ok(Finished {
            returncode: ended.returncode,
            timed_out: ended.timed_out,
            stdout: ended.stdout,
            stderr: ended.stderr,
            duration: ended.at.duration_since(begun),
        })
    }

    /// Ends every run that has begun, as its timeout would, and returns when all of them have ended. They answer with
    /// `timed_out: false` and the code of the signal. Runs that begin afterwards are not touched.
    pub async fn kill_all(&self) {
        let stop = std::mem::replace(&mut *self.lock_stop(), watch::Sender::new(false));
        let _ = stop.send(true);
        stop.closed().await;
    }

    fn lock_stop(&self) -> std::sync::MutexGuard<'_, watch::Sender<bool>> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a run did not start, before the program has a name that may be shown.
enum Refusal {
    Directory(io::Error),
    Spawn(SpawnError),
}

impl Refusal {
    fn name(self, program: String) -> RunError {
        match self {
            Self::Directory(source) => RunError::TemporaryDirectory { source },
            Self::Spawn(SpawnError::NoProgram(NoProgram::NotFound)) => RunError::ProgramNotFound { program },
            Self::Spawn(SpawnError::NoProgram(NoProgram::NotExecutable)) => {
                RunError::NotExecutable { program }
            }
            Self::Spawn(SpawnError::System(source)) => RunError::Spawn { program, source },
        }
    }
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
    let spawned = spawn.start().map_err(Refusal::Spawn)?;
    Ok(Running::of(spawned, directory, stop))
}

/// A start that nobody waits for any more and that has not begun does not take place.
struct AbortOnDrop(JoinHandle<Result<Running, Refusal>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
