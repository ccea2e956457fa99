//! Starting the sandbox, and refusing to run applications without a cage that holds.

use std::path::PathBuf;

use toolfront_sandbox::{Sandbox, SandboxConfig};

use crate::server::StartError;
use crate::settings::Confinement;

/// The sandbox of a server whose commands have their private directories in `runs`.
///
/// # Errors
/// [`StartError::WeakSandbox`] when the machine does not offer all of the cage and that was not allowed.
pub(crate) async fn start(confinement: &Confinement, runs: PathBuf) -> Result<Sandbox, StartError> {
    let mut config = SandboxConfig::new(runs);
    config.launcher.clone_from(&confinement.launcher);
    config.extra_read.clone_from(&confinement.read);
    config.unix_sockets = confinement.unix_sockets;
    let sandbox = Sandbox::start(config).await?;
    let missing: Vec<_> =
        sandbox.report().missing().map(|layer| format!("{}: {}", layer.name, layer.note)).collect();
    if missing.is_empty() {
        return Ok(sandbox);
    }
    if !confinement.allow_weak {
        return Err(StartError::WeakSandbox { missing: missing.join("; ") });
    }
    for layer in missing {
        tracing::warn!(layer, "commands are not held by all of the cage");
    }
    Ok(sandbox)
}
