//! Starting the process: the one place where a command comes into being.
//!
//! Everything else works on what this module hands out: a process group and the reading ends of two pipes.
//!
//! std starts a child with `posix_spawn` (a `vfork`, whose cost does not depend on the memory of this process) only
//! as long as nothing is asked for that it cannot express: the program must be a path (see [`crate::program`]), and
//! there may be no `pre_exec`, no change of user and no change of root. Otherwise it forks, which copies the page
//! tables: 31 ms at 500 MB.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::group::Group;
use crate::program::{NoProgram, find_program};

/// A process to start.
pub(crate) struct Spawn<'a> {
    /// The program's name and its arguments.
    pub(crate) argv: &'a [String],
    /// Where it starts.
    pub(crate) directory: &'a Path,
    /// Where programs are looked for, and its `PATH`.
    pub(crate) path: &'a str,
    /// Its `HOME` and its `TMPDIR`.
    pub(crate) home: &'a Path,
    /// The rest of its environment.
    pub(crate) environment: &'a [(String, String)],
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) group: Group,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// Why no process was started.
#[derive(Debug)]
pub(crate) enum SpawnError {
    NoProgram(NoProgram),
    System(io::Error),
}

impl Spawn<'_> {
    /// Starts it. Blocks until the program has been loaded, which takes tenths of a millisecond.
    pub(crate) fn start(&self) -> Result<Spawned, SpawnError> {
        let Some((name, arguments)) = self.argv.split_first() else {
            return Err(SpawnError::NoProgram(NoProgram::NotFound));
        };
        let program = find_program(name, self.directory, self.path).map_err(SpawnError::NoProgram)?;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that starts commands")]
        let mut command = Command::new(program);
        command
            .arg0(name)
            .args(arguments)
            .current_dir(self.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .env("LANG", "C.UTF-8")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", self.path)
            .env("HOME", self.home)
            .env("TMPDIR", self.home);
        let mut child = command.spawn().map_err(|error| self.refusal(error))?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let group = Group::of(child);
        let (stdout, stderr) =
            pipes.ok_or_else(|| SpawnError::System(io::Error::other("the child has no pipes")))?;
        Ok(Spawned { group, stdout: stdout.into(), stderr: stderr.into() })
    }

    /// The program was found a moment ago: "not found" now speaks of its interpreter, or of the directory.
    fn refusal(&self, error: io::Error) -> SpawnError {
        let unusable = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => self.directory.is_dir(),
            _ => error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()),
        };
        if unusable { SpawnError::NoProgram(NoProgram::NotExecutable) } else { SpawnError::System(error) }
    }
}
