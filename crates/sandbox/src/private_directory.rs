//! The private directory of one run: its `HOME` and its `TMPDIR`.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use crate::removal::remove_tree;

/// Names taken by an earlier process of the same id are passed over; this many at once mean something else.
pub(crate) const ATTEMPTS_MAX: usize = 4096;

/// A directory that is the owner's alone and lasts as long as this value.
#[derive(Debug)]
pub(crate) struct PrivateDirectory {
    path: PathBuf,
    removed: bool,
}

impl PrivateDirectory {
    /// Makes a new directory below `root`, and `root` itself when it is missing.
    pub(crate) fn make(root: &Path) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        for _ in 0..ATTEMPTS_MAX {
            let path = root.join(next_name());
            match builder.create(&path) {
                Ok(()) => return Ok(Self { path, removed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    DirBuilder::new().mode(0o700).recursive(true).create(root)?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it if there is nothing in it, which is a matter of microseconds, and says whether it is gone.
    pub(crate) fn remove_empty(&mut self) -> bool {
        self.removed |= matches!(rustix::fs::rmdir(&self.path), Ok(()) | Err(Errno::NOENT));
        self.removed
    }
}

/// A name that this process has not given before.
pub(crate) fn next_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("run-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if !self.removed
            && let Err(error) = remove_tree(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the private directory of a run was not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn directories_are_the_owners_alone_and_each_is_a_new_one() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("made/when/missing");
        let (first, second) =
            (PrivateDirectory::make(&root).unwrap(), PrivateDirectory::make(&root).unwrap());
        assert_ne!(first.path(), second.path());
        for path in [first.path(), second.path(), &root] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o700);
        }
    }

    #[test]
    fn only_an_empty_directory_goes_at_once_and_a_filled_one_goes_with_its_value() {
        let root = tempfile::tempdir().unwrap();
        let mut directory = PrivateDirectory::make(root.path()).unwrap();
        let path = directory.path().to_owned();
        fs::write(path.join("file"), "text").unwrap();
        assert!(!directory.remove_empty());
        drop(directory);
        assert!(!path.exists());
    }
}
