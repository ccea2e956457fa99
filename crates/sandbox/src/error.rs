//! Why a command did not run.
//!
//! No message holds an expanded argument or a value of the environment: `program` is the first word as the agent sent
//! it, and the sources are the operating system's own errors.

use std::io;

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
    /// The operating system refused to start the process: out of processes, descriptors or memory, or the working
    /// directory is gone. Worth another try later.
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
    /// The command ran, was killed, and how it ended could not be learnt, so there is no answer to give.
    #[error("how the command ended could not be learnt")]
    Wait {
        /// What the operating system said.
        source: io::Error,
    },
}
