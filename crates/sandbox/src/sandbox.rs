//! The sandbox: what all runs share, and the course of one run.

#[cfg(target_os = "linux")]
pub(crate) mod caged;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::cage::Network;
use crate::error::{RunError, StartError};
use crate::process::NoCode;
use crate::program::NoProgram;
use crate::ready::{Course, ReadyRun, RunOrder};
use crate::report::SandboxReport;
use crate::run::{Finished, Output, Run};
#[cfg(target_os = "linux")]
use crate::slots::Slots;
use crate::spawn::SpawnError;
#[cfg(target_os = "linux")]
use crate::user_range::UserRange;

/// Where programs are looked for unless the configuration says otherwise.
pub const DEFAULT_PATH: &str = if cfg!(target_os = "macos") {
    "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin"
} else {
    "/usr/local/bin:/usr/bin:/bin"
};

/// What is the same for every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Each run's private directory is made below this one, which is made when it is missing. It should be this
    /// process's alone: what a crash leaves in it may be removed at the next start. When this process is root, the
    /// directory gets mode 0711, and the users of commands must be able to pass through all those above it.
    pub temporary_root: PathBuf,
    /// Where programs named without a `/` are looked for (absolute directories, colons between them); the `PATH` of
    /// every command.
    pub path: String,
    /// How to start the launcher, which confines commands. Without it they are not confined. Of no effect on other
    /// systems than Linux.
    pub launcher: Option<LauncherCommand>,
    /// Files and directories that commands may read and execute besides the system's own and their release.
    pub extra_read: Vec<PathBuf>,
    /// Whom commands run as when this process is root.
    pub users: CommandUsers,
    /// Commands may make Unix sockets, and so reach every service that listens on one that their user may open. No
    /// by default.
    pub unix_sockets: bool,
    /// The bytes that a command may write to its private directory, in all, where that is a file system of its own:
    /// when this process is root. It is in memory. 512 MiB by default.
    pub scratch_bytes: u64,
}

impl SandboxConfig {
    /// The default search path, and private directories below `temporary_root`. No launcher: see
    /// [`launcher`](Self::launcher).
    pub fn new(temporary_root: impl Into<PathBuf>) -> Self {
        Self {
            temporary_root: temporary_root.into(),
            path: DEFAULT_PATH.to_owned(),
            launcher: None,
            extra_read: Vec::new(),
            users: CommandUsers::default(),
            unix_sockets: false,
            scratch_bytes: 512 << 20,
        }
    }
}

/// How to start this program so that it calls [`launcher_main`](crate::launcher_main).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LauncherCommand {
    /// The program, as a path.
    pub program: PathBuf,
    /// What makes it the launcher.
    pub arguments: Vec<OsString>,
    /// Its whole environment. Commands get nothing of it.
    pub environment: Vec<(OsString, OsString)>,
}

/// How many user ids a range has that is found and not configured.
pub(crate) const USERS_OF_A_RANGE: u32 = 1_000;

/// User ids, and group ids of the same numbers, that commands run as. Each run has one that no other run has at that
/// time. They need no accounts, and should belong to nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandUsers {
    /// The first. `None`, the default: that of a range that no other process which runs commands so has on this
    /// machine; 64,000 where that is free.
    pub first: Option<u32>,
    /// How many, which is also how many commands can run at once. 1,000 by default, and at the most where `first` is
    /// `None`.
    pub count: u32,
}

impl Default for CommandUsers {
    fn default() -> Self {
        Self { first: None, count: USERS_OF_A_RANGE }
    }
}

/// Runs allowed commands.
#[derive(Debug)]
pub struct Sandbox {
    config: Arc<SandboxConfig>,
    #[cfg(target_os = "linux")]
    slots: Option<Arc<Slots>>,
    report: SandboxReport,
    /// Set to true to end the runs that watch it, then replaced: every run watches the one that it began with.
    stop: Mutex<watch::Sender<bool>>,
}

impl Sandbox {
    /// Starts the launcher, if there is one, and finds out what the machine offers of the cage. Best called before
    /// much else: the launcher inherits what this process has open without close-on-exec until it closes that.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. That the machine does not offer all layers is no error: see [`report`](Self::report).
    pub async fn start(mut config: SandboxConfig) -> Result<Self, StartError> {
        // `HOME` is this path, and the command has another working directory.
        if let Ok(absolute) = std::path::absolute(&config.temporary_root) {
            config.temporary_root = absolute;
        }
        let config = Arc::new(config);
        let stop = Mutex::new(watch::Sender::new(false));
        let starting = Arc::clone(&config);
        let started = spawn_blocking(move || confinement(&starting)).await;
        let started = started.unwrap_or_else(|stopped| {
            Err(StartError::Launcher { program: String::new(), source: io::Error::other(stopped) })
        })?;
        #[cfg(target_os = "linux")]
        return Ok(Self { config, slots: started.0, report: started.1, stop });
        #[cfg(not(target_os = "linux"))]
        return Ok(Self { config, report: started, stop });
    }

    /// What the machine offers of the cage, and what is enforced for every run.
    pub fn report(&self) -> &SandboxReport {
        &self.report
    }

    /// Runs a command to its end and answers with what it printed.
    ///
    /// The command ends at its timeout at the latest: its group gets SIGTERM, and SIGKILL after
    /// [`terminate_grace`](crate::RunLimits::terminate_grace). When it has ended, whatever is left of it is
    /// killed, and its private directory is removed. Dropping the future kills it; it is reaped, and the
    /// directory removed, by the launcher or on a thread of the runtime where blocking is allowed.
    ///
    /// Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// When the command could not be started; see [`RunError`]. An exit code other than 0 is no error.
    pub async fn run(&self, run: Run) -> Result<Finished, RunError> {
        let begun = Instant::now();
        self.ready(run, None, false).await.see_through(begun).await
    }

    /// Does all that a command needs but starting its program, which [`ReadyRun::start`] does: for whoever has to wait
    /// before it may start, and uses the time. What can't be prepared is said when it is started.
    ///
    /// With a `sink`, what it prints is handed on as it comes. [`Finished`] then holds no output, and still says whether
    /// there was more than the limit, which holds here too. The command is held up when the channel is full: it writes
    /// into a pipe that nobody reads. Closing the channel ends the command as its timeout would.
    pub async fn prepare(&self, run: Run, sink: Option<mpsc::Sender<Output>>) -> ReadyRun {
        self.ready(run, sink, true).await
    }

    async fn ready(&self, run: Run, sink: Option<mpsc::Sender<Output>>, held: bool) -> ReadyRun {
        let stop = self.lock_stop().subscribe();
        let program = run.command.masked_argv().first().cloned().unwrap_or_default();
        if run.cage.network == Network::None && !self.report.can_withhold_network {
            return ReadyRun { program, course: Err(Refusal::NetworkNotWithheld) };
        }
        let order = RunOrder { config: Arc::clone(&self.config), run, sink, stop };
        #[cfg(target_os = "linux")]
        if let Some(slots) = &self.slots {
            let caged = caged::CagedRun::begin(Arc::clone(slots), order, held).await;
            return ReadyRun { program, course: caged.map(|run| Course::Caged(Box::new(run))) };
        }
        let _ = held;
        ReadyRun { program, course: Ok(Course::Direct(Box::new(order))) }
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

/// Starts what confines commands. Blocks.
#[cfg(target_os = "linux")]
fn confinement(config: &SandboxConfig) -> Result<(Option<Arc<Slots>>, SandboxReport), StartError> {
    let Some(command) = &config.launcher else {
        return Ok((None, SandboxReport::of_nothing("there is no launcher: commands are not confined")));
    };
    caged::prepare_root(&config.temporary_root)
        .map_err(|source| StartError::TemporaryRoot { path: config.temporary_root.clone(), source })?;
    let refused = |source| StartError::Launcher { program: command.program.display().to_string(), source };
    let users = UserRange::claim(config.users).map_err(|source| StartError::Users { source })?;
    let settings = caged::settings(config, &users).map_err(refused)?;
    let (slots, offered) =
        Slots::start(command.clone(), settings, users, config.temporary_root.clone()).map_err(refused)?;
    Ok((Some(Arc::new(slots)), SandboxReport::of(offered, config.unix_sockets)))
}

#[cfg(not(target_os = "linux"))]
fn confinement(_: &SandboxConfig) -> Result<SandboxReport, StartError> {
    Ok(SandboxReport::of_nothing("this system has none of what confines commands on Linux"))
}

/// Why a run gave no code, before the program has a name that may be shown.
pub(crate) enum Refusal {
    NetworkNotWithheld,
    Directory(io::Error),
    Spawn(SpawnError),
    NoCode(NoCode),
}

impl Refusal {
    pub(crate) fn system(source: io::Error) -> Self {
        Self::Spawn(SpawnError::System(source))
    }

    /// The error, with the program's name.
    pub(crate) fn name(self, program: String) -> RunError {
        match self {
            Self::NetworkNotWithheld => RunError::NetworkNotWithheld { program },
            Self::Directory(source) => RunError::TemporaryDirectory { source },
            Self::Spawn(SpawnError::NoProgram(NoProgram::NotFound)) => RunError::ProgramNotFound { program },
            Self::Spawn(SpawnError::NoProgram(NoProgram::NotExecutable)) => {
                RunError::NotExecutable { program }
            }
            Self::Spawn(SpawnError::System(source)) => {
                RunError::of_start(program, source, |program, source| RunError::Spawn { program, source })
            }
            Self::NoCode(NoCode::Wait(source)) => RunError::Wait { source },
            #[cfg(target_os = "linux")]
            Self::NoCode(NoCode::Lost) => RunError::LauncherLost,
            #[cfg(target_os = "linux")]
            Self::NoCode(NoCode::Failed(failure)) => caged::error_of(failure, program),
        }
    }
}
