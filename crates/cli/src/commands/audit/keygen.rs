//! `toolfront audit keygen`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use toolfront_gateway::AnchorKey;

use crate::failure::Failure;
use crate::session::Invocation;

/// Make the key that a gateway signs anchors with, and print the public key that they are checked with
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront audit keygen /etc/toolfront/anchors.key > anchors.pub\n\n\
                  Keep the public key where whoever may change the log can't: it is what --public-key of `audit verify` takes.")]
pub(crate) struct Arguments {
    /// The file to make, readable by its owner alone; one that is there is left as it is
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let made = AnchorKey::make(&arguments.file).and_then(|key| key.public_key());
    let public = made.map_err(|fault| Failure::failed(fault.to_string()))?.to_pem();
    invocation.printer.say(format_args!(
        "Made {}. The public key follows: keep it apart from the gateway.",
        arguments.file.display()
    ));
    invocation
        .printer
        .either(&json!({ "file": arguments.file, "public_key": public }), || public.trim_end().to_owned())
}
