//! The command line, within a Python interpreter.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use pyo3::prelude::*;
use toolfront_cli::LauncherCommand;

/// Runs the command line with these words, the program's name first, and yields its exit code. `launcher` is the command
/// that makes a process which calls [`launcher_main`].
#[pyfunction]
pub(crate) fn run_command_line(
    py: Python<'_>,
    words: Vec<OsString>,
    launcher: (PathBuf, Vec<OsString>),
) -> u8 {
    let (program, arguments) = launcher;
    let launcher = LauncherCommand { program, arguments, environment: Vec::new() };
    py.detach(|| {
        let code = toolfront_cli::main_within(words, launcher);
        // A program of Rust alone does that when its `main` returns.
        let _ = std::io::stdout().flush();
        code
    })
}

/// Starts commands for a gateway, until that ends. Only for a process that has one thread and nothing loaded but this.
#[pyfunction]
pub(crate) fn launcher_main(py: Python<'_>) -> u8 {
    py.detach(|| u8::from(toolfront_cli::launcher_main() != ExitCode::SUCCESS))
}
