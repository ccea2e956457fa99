//! Starting the sandbox, and refusing to run applications without a cage that holds.

use std::path::PathBuf;

use toolfront_sandbox::{Finding, RunError, Sandbox, SandboxConfig, SandboxReport};

use crate::server::StartError;
use crate::settings::Confinement;
use crate::work_directory::WorkDirectory;

/// The sandbox of a server whose commands have their private directories in `runs`.
///
/// # Errors
/// [`StartError::WeakSandbox`] when the machine does not offer all of the cage and that was not allowed.
pub(crate) async fn start(confinement: &Confinement, runs: PathBuf) -> Result<Sandbox, StartError> {
    let sandbox = Sandbox::start(config(confinement, runs)).await?;
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

fn config(confinement: &Confinement, runs: PathBuf) -> SandboxConfig {
    let mut config = SandboxConfig::new(runs);
    config.launcher.clone_from(&confinement.launcher);
    config.extra_read.clone_from(&confinement.read);
    config.users = confinement.users;
    config.unix_sockets = confinement.unix_sockets;
    config
}

/// What the machine offers of the cage, and what a command in it can do.
#[derive(Debug)]
pub struct Examination {
    /// Layer by layer.
    pub report: SandboxReport,
    /// What a harmless command tried, and what came of it.
    pub findings: Vec<Finding>,
}

/// Why a machine could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum ExaminationError {
    /// There is no place to try in.
    #[error("a temporary directory can't be made")]
    Directory(#[source] std::io::Error),
    /// The sandbox does not start.
    #[error(transparent)]
    Sandbox(#[from] toolfront_sandbox::StartError),
    /// No command could be run.
    #[error("a command could not be run")]
    Run(#[from] RunError),
}

impl Examination {
    /// Starts the sandbox as a gateway would, and tries it from the inside.
    ///
    /// # Errors
    /// [`ExaminationError`] when nothing could be tried.
    pub async fn of(confinement: &Confinement) -> Result<Self, ExaminationError> {
        let process = u64::from(std::process::id());
        let data = std::env::temp_dir().join(format!("toolfront-doctor-{process}"));
        let work = WorkDirectory::make(&data, process).map_err(ExaminationError::Directory)?;
        let examined = Self::inside(confinement, &work, &data).await;
        let removed = work.remove().and_then(|()| std::fs::remove_dir_all(&data));
        examined.and_then(|examined| removed.map(|()| examined).map_err(ExaminationError::Directory))
    }

    async fn inside(
        confinement: &Confinement,
        work: &WorkDirectory,
        data: &std::path::Path,
    ) -> Result<Self, ExaminationError> {
        let sandbox = Sandbox::start(config(confinement, work.runs())).await?;
        let (release, planted) = (work.releases().join("release"), data.join("planted.db"));
        std::fs::create_dir(&release)
            .and_then(|()| std::fs::write(release.join("README.md"), "# Here\n"))
            .and_then(|()| std::fs::write(&planted, "not for commands\n"))
            .map_err(ExaminationError::Directory)?;
        let findings = sandbox.probe(&release, &[planted, data.to_owned()]).await?;
        Ok(Self { report: sandbox.report().clone(), findings })
    }
}
