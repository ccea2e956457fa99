//! Running one allowed command.
//!
//! A [`Sandbox`] takes a [`Run`] (an [`AllowedCommand`](toolfront_app::AllowedCommand), a working directory and an
//! environment) and gives a [`Finished`]: exit code and what was printed. It owns everything between the two: the
//! private directory of the run, the process group, the deadline, the caps on output, and the end of all of them.
//!
//! What holds for every run:
//!
//! - No shell. The arguments reach the program byte for byte.
//! - The command is the leader of its own process group; the deadline, [`Sandbox::kill_all`] and the caller's going
//!   away (dropping the future) end the *group*.
//! - Both streams are read as they are written. Past the cap they are read and dropped, so a command that prints
//!   without end neither blocks nor grows the memory of this process.
//! - Standard input is empty, and no descriptor but 0, 1 and 2 is inherited (see [`seal_inherited_descriptors`]).
//! - The end of the command is the end of the run: what it left behind in its group is killed, and a process that
//!   still holds its pipes does not hold up the answer.
//!
//! It refuses to know why a command is allowed, who asked for it and what is done with its output. It confines
//! nothing: a command may do what this process may.

mod capture;
mod descriptors;
mod error;
mod exit;
mod group;
mod private_directory;
mod program;
mod readable;
mod removal;
mod run;
mod running;
mod sandbox;
mod spawn;

pub use descriptors::seal_inherited_descriptors;
pub use error::RunError;
pub use run::{Captured, Finished, Run, RunLimits};
pub use sandbox::{DEFAULT_PATH, Sandbox, SandboxConfig};
