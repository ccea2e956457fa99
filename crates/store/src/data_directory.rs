//! The data directory and what lies in it: for its owner's eyes only, and there after a power cut.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The name of the database's file.
pub(crate) const DATABASE: &str = "toolfront.db";

/// Makes the directory when it is not there, and yields its absolute path. One that was there keeps its
/// mode, since other things may lie in it; all that is written into it is private by itself.
pub(crate) fn prepare(directory: &Path) -> io::Result<PathBuf> {
    let directory = std::path::absolute(directory)?;
    make(&directory)?;
    Ok(directory)
}

/// Makes a directory and those above it, private ones.
pub(crate) fn make(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        match sync(parent) {
            // One may be allowed to make a directory in a place that one can't read.
            Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// The database's file; SQLite gives the files beside it the same mode.
pub(crate) fn database(directory: &Path) -> io::Result<PathBuf> {
    let path = directory.join(DATABASE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    }
    sync(directory)?;
    Ok(path)
}

/// Has the names in a directory on the disk before it returns.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
