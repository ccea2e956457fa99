//! Signed anchors: each minute in which the log has grown, a line in a file elsewhere that tells where it ends. Who
//! changes the log afterwards, chain and all, can't change what was signed before.

mod key;
mod line;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
        if !ends_with_a_line(&file)? {
            line.insert(0, '\n');
        }
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
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

/// Whether what was written last was not cut short, by a crash or a full disk.
fn ends_with_a_line(mut file: &File) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    let Some(before_last) = length.checked_sub(1) else { return Ok(true) };
    let mut last = [0];
    file.seek(SeekFrom::Start(before_last))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use toolfront_store::ChainHash;

    use super::*;

    #[test]
    fn an_anchor_is_written_when_the_log_has_grown_and_on_a_line_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let [file, signing_key] = ["anchors", "key"].map(|name| directory.path().join(name));
        AnchorKey::make(&signing_key).unwrap();
        let settings = AnchorSettings { file: file.clone(), signing_key };
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let head = |sequence| ChainHead { sequence, hash: ChainHash::from([7; 32]) };
        let sequences = || -> Vec<i64> {
            let text = std::fs::read_to_string(&file).unwrap();
            text.lines().filter_map(|line| Some(Anchor::parse(line)?.head().sequence)).collect()
        };
        let writer = AnchorWriter::open(&settings).unwrap();
        for sequence in [0, 3, 3, 5] {
            writer.write(head(sequence), now).unwrap();
        }
        assert_eq!(sequences(), [3, 5]);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &text[..text.len() - 9]).unwrap();
        AnchorWriter::open(&settings).unwrap().write(head(6), now).unwrap();
        assert_eq!(sequences(), [3, 6]);
    }
}
