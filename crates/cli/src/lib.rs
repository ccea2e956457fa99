//! The `toolfront` command line: what was typed becomes `Settings`, resolved once, and a command runs on it. Results go to
//! standard output, talk to standard error, both through the `Printer` alone.

mod application_access;
mod arguments;
mod clock;
mod commands;
mod confinement;
mod confirm;
mod context_file;
mod exit;
mod expires;
mod failure;
mod key_text;
mod layout;
mod logging;
mod printer;
mod progress_bar;
mod session;
mod settings;
mod shutdown;
mod span;
#[cfg(feature = "otel")]
mod telemetry;
#[cfg(not(feature = "otel"))]
#[path = "telemetry_absent.rs"]
mod telemetry;
mod token_file;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub use toolfront_gateway::{LauncherCommand, launcher_main};
use zeroize::Zeroizing;

use crate::arguments::Cli;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::session::Invocation;
use crate::settings::{Settings, Variables};

/// Runs the command line whose words these are, the program's name first, and says how it ended.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if confinement::is_launcher(&words) {
        return toolfront_gateway::launcher_main();
    }
    run(&words, None).into()
}

/// The same for a program that only holds this one, such as a Python interpreter: the launcher of commands is started as
/// `launcher` says, and calls [`launcher_main`]. Yields the exit code.
pub fn main_within(words: impl IntoIterator<Item = OsString>, launcher: LauncherCommand) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    run(&words, Some(launcher)) as u8
}

/// The one token in a file that nobody else may read; empty lines and lines that begin with `#` do not count.
///
/// # Errors
/// What is wrong with the file, in a sentence. Never the text in it.
pub fn read_token_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let key = token_file::read_one(path).map_err(|failure| failure.message().to_owned())?;
    Ok(Zeroizing::new(key.reveal().to_owned()))
}

fn run(words: &[OsString], launcher: Option<LauncherCommand>) -> Exit {
    // First of all: what a shell or a supervisor left open is not for the tools that a server runs.
    toolfront_gateway::seal_inherited_descriptors();
    let cli = match Cli::parse_words(words) {
        Ok(cli) => cli,
        Err(answer) => return Printer::new(answer.json).usage(&answer),
    };
    let printer = Printer::new(cli.json);
    let settings = Settings { launcher, ..Settings::new(cli.gateway, Variables::of_process()) };
    let invocation = Invocation { settings, printer };
    match commands::run(cli.command, &invocation) {
        Ok(()) => Exit::Done,
        Err(failure) => invocation.printer.failure(&failure),
    }
}
