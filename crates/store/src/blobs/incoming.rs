//! Where blobs are written before they are whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::{NamedTempFile, TempDir};

use super::is_absent;
use crate::data_directory;

/// The name of the directory among the blobs.
pub(super) const INCOMING: &str = "incoming";
/// How long it takes until nobody can be writing to a file any more to which nothing was written.
const ABANDONED_AGE: Duration = Duration::from_hours(24);

/// The directory of one process.
#[derive(Clone, Debug)]
pub(super) enum Incoming {
    /// Nobody else writes beside it.
    Only(PathBuf),
    /// One beside those of other processes; removed with its last user.
    Beside(Arc<TempDir>),
}

impl Incoming {
    /// The only one among the blobs, emptied: what an earlier process had not finished is of no use.
    pub(super) fn emptied(blobs: &Path) -> io::Result<Self> {
        let directory = blobs.join(INCOMING);
        match fs::remove_dir_all(&directory) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => data_directory::make(&directory)?,
        }
        Ok(Self::Only(directory))
    }

    /// A new one beside those of other processes.
    pub(super) fn beside_others(blobs: &Path) -> io::Result<Self> {
        let all = blobs.join(INCOMING);
        data_directory::make(&all)?;
        let own = tempfile::Builder::new().prefix("gateway-").tempdir_in(all)?;
        Ok(Self::Beside(Arc::new(own)))
    }

    /// A file to write to.
    pub(super) fn file(&self) -> io::Result<NamedTempFile> {
        let directory = match self {
            Self::Only(directory) => directory.as_path(),
            Self::Beside(directory) => directory.path(),
        };
        match NamedTempFile::new_in(directory) {
            // It was idle for so long that another process took it for abandoned; or somebody has cleared the copies
            // of what is elsewhere.
            Err(err) if is_absent(&err) => {
                data_directory::make(directory)?;
                NamedTempFile::new_in(directory)
            }
            made => made,
        }
    }

    /// Removes what processes that are no more had begun.
    pub(super) fn remove_abandoned(&self, now: SystemTime) -> io::Result<()> {
        let Self::Beside(own) = self else { return Ok(()) };
        let (Some(before), Some(all)) = (now.checked_sub(ABANDONED_AGE), own.path().parent()) else {
            return Ok(());
        };
        for directory in fs::read_dir(all)? {
            let directory = directory?.path();
            if directory == own.path() {
                continue;
            }
            remove_files(&directory, before)?;
            let is_old = |metadata: fs::Metadata| Ok(metadata.modified()? <= before);
            if fs::metadata(&directory).and_then(is_old).unwrap_or(false) {
                // Its owner may write into it again, and it stays then.
                let _ = fs::remove_dir(&directory);
            }
        }
        Ok(())
    }
}

fn remove_files(directory: &Path, before: SystemTime) -> io::Result<()> {
    let files = match fs::read_dir(directory) {
        // Its owner, or another's sweep, was faster.
        Err(err) if is_absent(&err) || err.kind() == io::ErrorKind::NotADirectory => return Ok(()),
        files => files?,
    };
    // Removing a file makes its directory young again: an emptied one goes a day later.
    for file in files {
        let path = file?.path();
        let removed = fs::metadata(&path).and_then(|metadata| {
            if metadata.modified()? <= before { fs::remove_file(&path) } else { Ok(()) }
        });
        match removed {
            Err(err) if !is_absent(&err) => return Err(err),
            _ => {}
        }
    }
    Ok(())
}
