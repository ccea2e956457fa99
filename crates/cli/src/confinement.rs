//! What commands are confined to: how the launcher is started, and what may be changed about the cage.

use std::ffi::OsString;

use clap::Args;
use toolfront_gateway::{Confinement, LauncherCommand};

use crate::failure::Failure;
use crate::settings::Settings;

/// The word by which this binary is the launcher. For the gateway that starts it, not for people.
const LAUNCHER_WORD: &str = "__launcher";

// No doc comment: clap would take it as what the command is about.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ConfinementOptions {
    /// Run applications although this machine can't confine their commands as promised: see `toolfront doctor`
    #[arg(long)]
    pub(crate) allow_weak_sandbox: bool,
}

/// Whether these words, the program's name first, ask for the launcher.
pub(crate) fn is_launcher(words: &[OsString]) -> bool {
    words.len() == 2 && words.get(1).is_some_and(|word| word == LAUNCHER_WORD)
}

/// The cage with this program as its launcher.
pub(crate) fn confinement(options: ConfinementOptions, settings: &Settings) -> Result<Confinement, Failure> {
    let launcher = match &settings.launcher {
        Some(launcher) => launcher.clone(),
        None => this_binary()?,
    };
    Ok(Confinement {
        launcher: Some(launcher),
        allow_weak: options.allow_weak_sandbox,
        ..Confinement::default()
    })
}

fn this_binary() -> Result<LauncherCommand, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::failed(format!("this program can't be found, to be started as the launcher: {error}"))
    })?;
    Ok(LauncherCommand { program, arguments: vec![LAUNCHER_WORD.into()], environment: Vec::new() })
}
