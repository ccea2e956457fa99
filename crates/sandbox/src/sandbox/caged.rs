//! The course of a run in the cage: from a [`Run`] to an order, and from a failed step to an error.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::geteuid;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{Refusal, SandboxConfig};
use crate::cage::Network;
use crate::caged::{Caged, NotBegun};
use crate::error::RunError;
use crate::private_directory::ATTEMPTS_MAX;
use crate::process::{NoCode, Process};
use crate::ready::RunOrder;
use crate::run::Run;
use crate::running::{Ended, Running};
use crate::slots::Slots;
use crate::user_range::UserRange;
use crate::wire::{Failure, Order, Settings, Step};

/// Slots found dead before one is started anew. The launcher's end kills them all, and the idle ones are passed over
/// without a try, so a second try finds a new one.
const SLOT_ATTEMPTS_MAX: usize = 8;

/// A command that a slot has the order for.
pub(crate) struct CagedRun {
    slots: Arc<Slots>,
    wanted: RunOrder,
    order: Order,
    running: Running,
}

impl CagedRun {
    /// Gives a slot the order. `held`: the program is started when the run is seen through, and not before.
    pub(super) async fn begin(slots: Arc<Slots>, wanted: RunOrder, held: bool) -> Result<Self, Refusal> {
        let mut order = order_of(&wanted, held).map_err(Refusal::system)?;
        let running = begin(&slots, &mut order, &wanted).await?;
        Ok(Self { slots, wanted, order, running })
    }

    /// Sees the command through, in another slot if there was something about the first.
    pub(crate) async fn see_through(self) -> Result<Ended, Refusal> {
        let Self { slots, wanted, mut order, mut running } = self;
        if std::mem::take(&mut order.held) {
            match running.process.go().await {
                Ok(()) => {}
                Err(NotBegun::SlotGone) => running = begin(&slots, &mut order, &wanted).await?,
                Err(NotBegun::Other(error)) => return Err(Refusal::system(error)),
            }
        }
        for _ in 0..ATTEMPTS_MAX {
            let deadline = Instant::now() + wanted.run.timeout();
            match running.see_through(deadline, wanted.run.limits, wanted.sink.clone()).await {
                Err(NoCode::Failed(Failure { step: Step::PrivateDirectory, errno })) => {
                    retry_private_directory(errno, &wanted.config).await.map_err(Refusal::Directory)?;
                }
                ended => return ended.map_err(Refusal::NoCode),
            }
            running = begin(&slots, &mut order, &wanted).await?;
        }
        Err(Refusal::Directory(io::ErrorKind::AlreadyExists.into()))
    }
}

/// A name that is taken is passed over; a root that is missing is made again.
async fn retry_private_directory(errno: i32, config: &SandboxConfig) -> io::Result<()> {
    match Errno::from_raw_os_error(errno) {
        Errno::EXIST => Ok(()),
        Errno::NOENT => {
            let root = config.temporary_root.clone();
            spawn_blocking(move || prepare_root(&root)).await.map_err(io::Error::other)?
        }
        errno => Err(errno.into()),
    }
}

async fn begin(slots: &Arc<Slots>, order: &mut Order, wanted: &RunOrder) -> Result<Running, Refusal> {
    let RunOrder { config, run, sink, stop } = wanted;
    for _ in 0..SLOT_ATTEMPTS_MAX {
        let slot = slots.take().await.map_err(Refusal::system)?;
        let home = slot.held.private.as_os_str().as_bytes();
        order.environment = environment(run, config, home).map_err(Refusal::system)?;
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| Refusal::system(errno.into()));
        let (stdout, stdout_of_command) = pipe()?;
        let (stderr, stderr_of_command) = pipe()?;
        let streams = [stdout_of_command.as_fd(), stderr_of_command.as_fd()];
        match Caged::begin(Arc::clone(slots), slot, order, streams, sink.clone(), stop.clone()).await {
            Ok(caged) => {
                return Ok(Running { process: Process::Caged(caged), stdout, stderr, stop: stop.clone() });
            }
            Err(NotBegun::SlotGone) => {}
            Err(NotBegun::Other(error)) => return Err(Refusal::system(error)),
        }
    }
    Err(Refusal::NoCode(NoCode::Lost))
}

/// All of an order but the environment, which names the private directory of the slot.
fn order_of(wanted: &RunOrder, held: bool) -> io::Result<Order> {
    let RunOrder { config, run, sink, .. } = wanted;
    let argv = run.command.argv().iter().map(|argument| CString::new(argument.as_str()));
    let limits = run.cage.limits;
    Ok(Order {
        argv: argv.collect::<Result<_, _>>()?,
        environment: Vec::new(),
        search_path: CString::new(config.path.as_str())?,
        directory: c_string(&run.directory)?,
        release: c_string(&run.cage.release)?,
        writable_release: run.cage.writable_release,
        network: run.cage.network == Network::Outbound,
        memory: limits.memory,
        processes: limits.processes,
        open_files: limits.open_files,
        file_size: limits.file_size,
        cpu_seconds: limits.cpu_seconds,
        tell_start: sink.is_some(),
        held,
    })
}

/// The run's own variables, and those that every run has. Of two with one name the later holds.
fn environment(run: &Run, config: &SandboxConfig, home: &[u8]) -> io::Result<Vec<CString>> {
    let mut variables = std::collections::BTreeMap::new();
    variables.insert("LANG", b"C.UTF-8".as_slice());
    variables.extend(run.environment.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    variables.extend([("PATH", config.path.as_bytes()), ("HOME", home), ("TMPDIR", home)]);
    let joined = variables.into_iter().map(|(name, value)| {
        if name.is_empty() || name.contains('=') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // The error of `CString` holds the bytes, which may be a secret.
        CString::new([name.as_bytes(), b"=", value].concat())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a variable with a NUL"))
    });
    joined.collect()
}

pub(super) fn settings(config: &SandboxConfig, users: &UserRange) -> io::Result<Settings> {
    Ok(Settings {
        extra_read: config.extra_read.iter().map(|path| c_string(path)).collect::<io::Result<_>>()?,
        first_user: users.first,
        user_count: users.count,
        unix_sockets: config.unix_sockets,
        scratch_bytes: config.scratch_bytes,
    })
}

fn c_string(path: &Path) -> io::Result<CString> {
    let path: &OsStr = path.as_ref();
    Ok(CString::new(path.as_bytes())?)
}

/// Makes the directory that private directories are made in. As root, other users have to pass through it.
pub(super) fn prepare_root(root: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(root)?;
    if geteuid().is_root() {
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o711))?;
    }
    Ok(())
}

/// The error of a step that failed.
pub(super) fn error_of(failure: Failure, program: String) -> RunError {
    let source = || io::Error::from_raw_os_error(failure.errno);
    match (failure.step, Errno::from_raw_os_error(failure.errno)) {
        (Step::PrivateDirectory, _) => RunError::TemporaryDirectory { source: source() },
        (Step::Program, Errno::NOENT) => RunError::ProgramNotFound { program },
        (Step::Program, Errno::ACCESS)
        // The program was found a moment ago: what is not found now is its interpreter.
        | (Step::Execute, Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::NOEXEC | Errno::LIBBAD | Errno::NOTDIR) => {
            RunError::NotExecutable { program }
        }
        (Step::Program | Step::Fork | Step::Directory | Step::Execute, _) => {
            RunError::of_start(program, source(), |program, source| RunError::Spawn { program, source })
        }
        (step, _) => RunError::of_start(program, source(), |program, source| {
            RunError::Cage { program, step: step.name(), source }
        }),
    }
}
