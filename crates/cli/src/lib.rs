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
mod token_file;

use std::ffi::OsString;
use std::process::ExitCode;

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
    // First of all: what a shell or a supervisor left open is not for the tools that a server runs.
    toolfront_gateway::seal_inherited_descriptors();
    let cli = match Cli::parse_words(&words) {
        Ok(cli) => cli,
        Err(answer) => return Printer::new(answer.json).usage(&answer).into(),
    };
    let printer = Printer::new(cli.json);
    let settings = Settings::new(cli.gateway, Variables::of_process());
    let invocation = Invocation { settings, printer };
    match commands::run(cli.command, &invocation) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => invocation.printer.failure(&failure).into(),
    }
}
