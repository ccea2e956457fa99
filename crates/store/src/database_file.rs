//! The database's own files: whether the ones that are written to are still the ones that are found by their names.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::error::StoreError;

/// Which file a name leads to.
type Identity = (u64, u64);

/// The database and the log in front of it (`-wal`). SQLite goes on writing to files that were removed or replaced;
/// what it writes then is lost with the process. So their names are looked up before each commit.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    wal: PathBuf,
    database: Identity,
    /// Known once it was seen; SQLite makes it with the first commit.
    log: Mutex<Option<Identity>>,
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl DatabaseFile {
    /// The database at `path`, which was just opened.
    pub(crate) fn opened(path: &Path) -> io::Result<Self> {
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        let wal = PathBuf::from(wal);
        let database = identity(path)?;
        Ok(Self { path: path.to_owned(), wal, database, log: Mutex::new(None) })
    }

    /// Whether both are what they were.
    ///
    /// # Errors
    /// [`StoreError::Displaced`] names the one that is not.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if identity(&self.path).ok() != Some(self.database) {
            return Err(StoreError::Displaced { path: self.path.clone() });
        }
        let mut log = self.log.lock();
        match (*log, identity(&self.wal).ok()) {
            (None, seen) => *log = seen,
            (Some(known), Some(seen)) if known == seen => {}
            (Some(_), _) => return Err(StoreError::Displaced { path: self.wal.clone() }),
        }
        Ok(())
    }
}
