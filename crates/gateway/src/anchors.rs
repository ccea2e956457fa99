//! Signed anchors: each minute in which the log has grown, a line in a file elsewhere that tells where it ends. Who
//! changes the log afterwards, chain and all, can't change what was signed before.

mod key;
mod line;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use toolfront_store::{ChainHead, ChainNumber};
use toolfront_token::Timestamp;

pub use self::key::{AnchorFault, AnchorKey, AnchorPublicKey};
pub use self::line::Anchor;
use crate::settings::AnchorSettings;

/// Appends anchors to their file.
#[derive(Debug)]
pub(crate) struct AnchorWriter {
    path: PathBuf,
    key: AnchorKey,
    /// What the last one is of.
    last: Mutex<Option<ChainHead>>,
}

impl AnchorWriter {
    /// Reads the key, and makes the file when it is not there. Blocks.
    pub(crate) fn open(settings: &AnchorSettings) -> Result<Self, AnchorFault> {
        let key = AnchorKey::read(&settings.signing_key)?;
        let path = settings.file.clone();
        appending(&path).map_err(|source| AnchorFault::Unreadable { path: path.clone(), source })?;
        Ok(Self { path, key, last: Mutex::new(None) })
    }

    /// Appends an anchor for where the gateway's chain ends now, if it is another end than that of the last one and
    /// not the chain's beginning. The number may be a lower one: a gateway that was taken for dead goes on with any
    /// chain that is free. Blocks until that is on the disk.
    pub(crate) fn write(&self, head: ChainHead, now: Timestamp) -> io::Result<()> {
        let mut last = self.last.lock();
        let is_empty = head.sequence == ChainNumber::of(head.sequence).start();
        if is_empty || *last == Some(head) {
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
        *last = Some(head);
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

    /// A file and a key of its own.
    fn settings(directory: &Path) -> AnchorSettings {
        let [file, signing_key] = ["anchors", "key"].map(|name| directory.join(name));
        AnchorKey::make(&signing_key).unwrap();
        AnchorSettings { file, signing_key }
    }

    fn head(sequence: i64) -> ChainHead {
        ChainHead { sequence, hash: ChainHash::from([7; 32]) }
    }

    fn sequences(settings: &AnchorSettings) -> Vec<i64> {
        let text = std::fs::read_to_string(&settings.file).unwrap();
        text.lines().filter_map(|line| Some(Anchor::parse(line)?.head().sequence)).collect()
    }

    #[test]
    fn an_anchor_is_written_of_a_chain_with_lower_numbers_too_unless_it_is_empty() {
        const SECOND: i64 = 1 << 40;
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(directory.path());
        let writer = AnchorWriter::open(&settings).unwrap();
        for sequence in [SECOND, SECOND + 3, 5, 5, 6, SECOND, SECOND + 3] {
            writer.write(head(sequence), Timestamp::from_micros(1_800_000_000_000_000)).unwrap();
        }
        assert_eq!(sequences(&settings), [SECOND + 3, 5, 6, SECOND + 3]);
    }

    #[test]
    fn an_anchor_is_written_when_the_log_has_grown_and_on_a_line_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(directory.path());
        let file = settings.file.clone();
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let writer = AnchorWriter::open(&settings).unwrap();
        for sequence in [0, 3, 3, 5] {
            writer.write(head(sequence), now).unwrap();
        }
        assert_eq!(sequences(&settings), [3, 5]);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &text[..text.len() - 9]).unwrap();
        AnchorWriter::open(&settings).unwrap().write(head(6), now).unwrap();
        assert_eq!(sequences(&settings), [3, 6]);
    }
}
