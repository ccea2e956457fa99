//! `toolfront completions`.

use clap::Args;
use clap_complete::Shell;

use crate::arguments::full_command;
use crate::failure::Failure;
use crate::session::Invocation;

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront completions bash > ~/.local/share/bash-completion/completions/toolfront\n  \
                  toolfront completions zsh > \"${fpath[1]}/_toolfront\"\n  \
                  toolfront completions fish > ~/.config/fish/completions/toolfront.fish"
)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut full_command(), "toolfront", &mut script);
    invocation.printer.bytes(&script)
}
