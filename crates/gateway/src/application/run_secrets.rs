//! The secrets of an environment in clear, for one command that runs in it.

use std::sync::Arc;

use toolfront_app::{Mask, Secret};
use toolfront_sandbox::{Captured, Finished};
use toolfront_token::{Permit, RunTool};

use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;

/// How much output is masked in place; more takes milliseconds, and is masked where blocking is allowed.
const IN_PLACE_BYTES_MAX: usize = 64 * 1024;

/// What a command is given, and what is masked in whatever it prints.
#[derive(Debug, Default)]
pub(crate) struct RunSecrets {
    secrets: Vec<Secret>,
    mask: Arc<Mask>,
}

impl RunSecrets {
    /// The secrets of the permit's environment.
    ///
    /// # Errors
    /// When there are some and they can't be decrypted: no command runs without what it is to be given.
    pub(super) fn of(
        gateway: &Gateway,
        permit: &Permit<RunTool>,
        environment: &Environment,
    ) -> Result<Self, Refusal> {
        let secrets = gateway.store().secrets_for_run(permit, &environment.record)?;
        let mask = Mask::new(secrets.iter().map(|secret| secret.value.reveal().as_bytes()));
        Ok(Self { secrets, mask: Arc::new(mask) })
    }

    /// Whether there is a secret of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.secrets.iter().any(|secret| secret.name.as_str() == name)
    }

    /// All of them, as variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.secrets.iter().map(|secret| (secret.name.to_string(), secret.value.reveal().to_owned()))
    }

    /// What masks them.
    pub(crate) fn mask(&self) -> &Arc<Mask> {
        &self.mask
    }

    /// Masks them in what a command printed. Where the gateway cut it, the beginning of a value is masked too.
    ///
    /// # Errors
    /// When the gateway is stopping.
    pub(super) async fn mask_output(&self, finished: Finished) -> Result<Finished, Refusal> {
        if self.mask.is_empty() {
            return Ok(finished);
        }
        if finished.stdout.bytes.len().max(finished.stderr.bytes.len()) <= IN_PLACE_BYTES_MAX {
            return Ok(masked(&self.mask, finished));
        }
        let mask = Arc::clone(&self.mask);
        let masked = tokio::task::spawn_blocking(move || masked(&mask, finished));
        masked.await.map_err(|err| Refusal::internal(&err))
    }
}

fn masked(mask: &Mask, finished: Finished) -> Finished {
    let is_ended = finished.timed_out;
    let masked = |captured: Captured| Captured {
        bytes: mask.apply(captured.bytes, captured.truncated || is_ended),
        truncated: captured.truncated,
    };
    Finished { stdout: masked(finished.stdout), stderr: masked(finished.stderr), ..finished }
}
