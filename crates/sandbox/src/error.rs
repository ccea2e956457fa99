//! Why a command did not run.
//!
//! No message holds an expanded argument or a value of the environment: `program` is the first word as the agent sent
//! it, and the sources are the operating system's own errors.

use std::io;

use rustix::io::Errno;

/// Why there is no [`Finished`](crate::Finished). A command that ran and failed is not an error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No such program on the search path, or at the path given. The page names a tool that is not installed.
    #[error("the program `{program}` was not found")]
    ProgramNotFound {
        /// The program as the caller named it.
        program: String,
    },
    /// The file is there but cannot be executed: permissions, an unknown format, or a missing interpreter.
    #[error(
        "`{program}` cannot be executed: check its permissions, its format and the interpreter that it names"
    )]
    NotExecutable {
        /// The program as the caller named it.
        program: String,
    },
    /// The operating system has no more of what a process takes: processes of the user that commands run as,
    /// descriptors, memory. Worth another try later.
    #[error("the program `{program}` could not be started for want of processes, descriptors or memory")]
    Exhausted {
        /// The program as the caller named it.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused to start the process, as when the working directory is gone.
    #[error("the program `{program}` could not be started")]
    Spawn {
        /// The program as the caller named it.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The private directory of the run could not be made: the temporary root is full, read-only or not ours.
    #[error("no private directory could be made for the run")]
    TemporaryDirectory {
        /// What the operating system said.
        source: io::Error,
    },
    /// A step between the start of a process and its becoming the program failed. The command did not run.
    #[error("the program `{program}` was not started: the cage failed at the step `{step}`")]
    Cage {
        /// The program as the caller named it.
        program: String,
        /// The step.
        step: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The command is to have no network, and this machine can't keep it from one. It did not run.
    #[error(
        "the program `{program}` was not started: it is to have no network, and this machine can't withhold it"
    )]
    NetworkNotWithheld {
        /// The program as the caller named it.
        program: String,
    },
    /// The launcher, or the process of it that held the run, ended while the command ran, and the command with it.
    /// How far it had come is not known.
    #[error("the launcher of commands ended, and the command with it")]
    LauncherLost,
    /// The command ran, was killed, and how it ended could not be learnt, so there is no answer to give.
    #[error("how the command ended could not be learnt")]
    Wait {
        /// What the operating system said.
        source: io::Error,
    },
}

impl RunError {
    /// A start, or a step before it, that the operating system refused.
    pub(crate) fn of_start(
        program: String,
        source: io::Error,
        otherwise: impl FnOnce(String, io::Error) -> Self,
    ) -> Self {
        match Errno::from_io_error(&source) {
            Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => {
                Self::Exhausted { program, source }
            }
            _ => otherwise(program, source),
        }
    }
}

/// Why there is no [`Sandbox`](crate::Sandbox).
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory for private directories could not be made, or not be opened up for the users of commands.
    #[error("the directory for the runs' private directories, {}, could not be made", path.display())]
    TemporaryRoot {
        /// Where.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There are no user ids for commands to be had.
    #[error("there are no user ids for commands")]
    Users {
        /// What the operating system said, or that all are taken.
        source: io::Error,
    },
    /// The launcher did not start, or did not answer as one.
    #[error("the launcher of commands, `{program}`, did not start")]
    Launcher {
        /// The program that was to be it.
        program: String,
        /// What the operating system or the launcher said.
        source: io::Error,
    },
}
