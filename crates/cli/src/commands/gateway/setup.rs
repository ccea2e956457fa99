//! `gateway init`, `gateway recover` and `gateway rotate-key`.

use serde_json::json;
use toolfront_gateway::{Confinement, FirstToken, Gateway, KeyRotated};

use super::options::Resolved;
use super::{setup_failure, start_failure};
use crate::failure::Failure;
use crate::layout::count;
use crate::session::Invocation;

/// Makes the organization and prints its first admin token.
pub(super) async fn init(
    resolved: Resolved,
    organization: &str,
    invocation: &Invocation,
) -> Result<(), Failure> {
    let place = resolved.place();
    let gateway = open(resolved).await?;
    if gateway.is_initialized().await.map_err(|error| setup_failure(&error))? {
        return Err(Failure::failed(format!(
            "{place} has an organization already; `toolfront gateway recover` makes a new admin token"
        )));
    }
    let first = gateway.initialize(organization).await.map_err(|error| setup_failure(&error))?;
    invocation
        .printer
        .say(format_args!("Made the organization {organization} ({}) in {place}.", first.organization));
    print(&first, invocation)
}

/// Makes a new admin token on the authority of whoever commands the host.
pub(super) async fn recover(resolved: Resolved, name: &str, invocation: &Invocation) -> Result<(), Failure> {
    let gateway = open(resolved).await?;
    let first = gateway.recover(name).await.map_err(|error| setup_failure(&error))?;
    print(&first, invocation)
}

/// Encrypts all secrets under another key.
pub(super) async fn rotate_key(resolved: Resolved, invocation: &Invocation) -> Result<(), Failure> {
    let gateway = open(resolved).await?;
    let KeyRotated { number, secrets } = gateway.rotate_key().await.map_err(|error| setup_failure(&error))?;
    if invocation.printer.is_json() {
        return invocation.printer.json(&json!({ "key": number, "secrets": secrets }));
    }
    invocation.printer.say(format_args!(
        "{} under the new key {number}; the old one is removed. Back the key file up.",
        count(secrets, "secret is", "secrets are")
    ));
    Ok(())
}

async fn open(mut resolved: Resolved) -> Result<Gateway, Failure> {
    // No command runs here.
    resolved.settings.confinement = Confinement { allow_weak: true, ..Confinement::default() };
    Gateway::open(resolved.settings).await.map_err(|error| start_failure(&error))
}

fn print(first: &FirstToken, invocation: &Invocation) -> Result<(), Failure> {
    let printer = invocation.printer;
    if printer.is_json() {
        let (organization, id) = (first.organization, first.token);
        return printer
            .json(&json!({ "organization_id": organization, "id": id, "token": first.value.reveal() }));
    }
    printer.say(format_args!(
        "The value of the admin token {} follows. It is shown this once: keep it where only its user can read it.",
        first.token
    ));
    printer.value(&first.value)
}
