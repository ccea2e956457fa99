//! Signed anchors: each minute in which the log has grown, a line in a file elsewhere that tells where it ends. Who
//! changes the log afterwards, chain and all, can't change what was signed before.

mod key;
mod line;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use toolfront_store::ChainHead;
use toolfront_token::Timestamp;

pub use self::key::{AnchorFault, AnchorKey, AnchorPublicKey};
pub use self::line::Anchor;
use crate::settings::AnchorSettings;

/// Appends anchors to their file.
#[derive(Debug)]
pub(crate) struct AnchorWriter {
    path: PathBuf,
    key: AnchorKey,
    /// The sequence number of the last one.
    last: Mutex<i64>,
}

impl AnchorWriter {
    /// Reads the key, and makes the file when it is not there. Blocks.
    pub(crate) fn open(settings: &AnchorSettings) -> Result<Self, AnchorFault> {
        let key = AnchorKey::read(&settings.signing_key)?;
        let path = settings.file.clone();
        appending(&path).map_err(|source| AnchorFault::Unreadable { path: path.clone(), source })?;
        Ok(Self { path, key, last: Mutex::new(0) })
    }

    /// Appends an anchor for where the log ends now, if it has grown since the last one. Blocks until that is on the
    /// disk.
    pub(crate) fn write(&self, head: ChainHead, now: Timestamp) -> io::Result<()> {
        let mut last = self.last.lock();
        if head.sequence <= *last {
            return Ok(());
        }
        let mut line = self.key.sign(head, now).to_line();
        line.push('\n');
        let mut file = appending(&self.path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        *last = head.sequence;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
