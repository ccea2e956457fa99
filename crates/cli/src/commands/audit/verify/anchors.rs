//! Anchors that a gateway has signed.

use std::path::PathBuf;

use clap::Args;
use toolfront_gateway::{Anchor, AnchorPublicKey, ChainHead};

use crate::failure::Failure;
use crate::printer::Printer;

// No doc comment: clap would take it as what the command is about.
#[derive(Debug, Args)]
pub(super) struct AnchorArguments {
    /// The file of signed anchors that a gateway wrote
    #[arg(long = "anchors", id = "anchors_file", value_name = "FILE", requires = "public_key")]
    file: Option<PathBuf>,
    /// The public key (PEM) that they are checked with, from `audit keygen`
    #[arg(long, value_name = "FILE", requires = "anchors_file")]
    public_key: Option<PathBuf>,
}

impl AnchorArguments {
    /// The anchors, once each of them has a signature of the key.
    pub(super) fn read(&self, printer: Printer) -> Result<Vec<ChainHead>, Failure> {
        let (Some(file), Some(key)) = (&self.file, &self.public_key) else { return Ok(Vec::new()) };
        let key = AnchorPublicKey::read(key).map_err(|fault| Failure::wrong_use(fault.to_string()))?;
        let text = std::fs::read_to_string(file);
        let text =
            text.map_err(|fault| Failure::wrong_use(format!("{} can't be read: {fault}", file.display())))?;
        let mut heads = Vec::new();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            // What a crash cut short proves nothing, and is no reason to doubt the rest.
            let Some(anchor) = Anchor::parse(line) else {
                printer.warn(format_args!("{}:{number} is no anchor, and left out", file.display()));
                continue;
            };
            if !anchor.is_signed_by(&key) {
                return Err(Failure::failed(format!(
                    "{}:{number}: the anchor of event {} was not signed by this key, or was changed since",
                    file.display(),
                    anchor.head().sequence
                )));
            }
            heads.push(anchor.head());
        }
        if heads.is_empty() {
            return Err(Failure::failed(format!("{} has no anchors", file.display())));
        }
        Ok(heads)
    }
}
