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
//! - It is confined to its [`Cage`]: by the launcher, a small process of the same binary (see [`launcher_main`]), in
//!   the child and before the program is loaded. [`Sandbox::report`] says which layers of it the machine offers.
//!   Without a launcher (on other systems than Linux there is none) a command may do what this process may.
//! - Where there is a launcher, the end of the run is the end of everything that the command started, in its group or
//!   out of it.
//!
//! It refuses to know why a command is allowed, who asked for it and what is done with its output.

mod cage;
#[cfg(target_os = "linux")]
mod caged;
mod capture;
mod descriptors;
mod direct;
mod error;
mod exit;
#[cfg(target_os = "linux")]
mod frames;
mod group;
#[cfg(target_os = "linux")]
mod launcher;
#[cfg(not(target_os = "linux"))]
mod launcher {
    //! There is no launcher on this system.

    /// Serves nobody: there is no launcher on this system.
    pub fn launcher_main() -> std::process::ExitCode {
        std::process::ExitCode::FAILURE
    }
}
mod private_directory;
mod probe;
mod process;
mod program;
mod readable;
mod ready;
mod removal;
mod report;
mod run;
mod running;
mod sandbox;
#[cfg(target_os = "linux")]
mod slots;
mod spawn;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod user_range;
#[cfg(target_os = "linux")]
mod wire;

pub use cage::{Cage, CageLimits, Network};
pub use descriptors::seal_inherited_descriptors;
pub use error::{RunError, StartError};
pub use launcher::launcher_main;
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub use launcher::layer_costs;
pub use probe::Finding;
pub use ready::ReadyRun;
pub use report::{LayerReport, SandboxReport};
pub use run::{Captured, Finished, Output, Run, RunLimits};
pub use sandbox::{CommandUsers, DEFAULT_PATH, LauncherCommand, Sandbox, SandboxConfig};
