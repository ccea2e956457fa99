//! Releases laid out on the local disk, read-only, for the commands that run in them. A cache: everything
//! here can be made again from the blobs.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use toolfront_app::Manifest;
use toolfront_store::{BlobError, Blobs};

use crate::work_directory::remove;

/// Where this process lays releases out.
#[derive(Debug)]
pub(crate) struct Layouts {
    directory: PathBuf,
    next: AtomicU64,
}

/// A release on the disk. Dropping it removes it: whoever runs a command in it holds it.
#[derive(Debug)]
pub(crate) struct Layout {
    path: PathBuf,
}

impl Layouts {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, next: AtomicU64::new(0) }
    }

    /// Lays a release out. Blocks.
    pub(crate) fn make(&self, manifest: &Manifest, blobs: &Blobs) -> Result<Layout, BlobError> {
        let path = self.directory.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir_all(&path)?;
        // From here on the directory is removed when something fails.
        let layout = Layout { path };
        lay_out(&layout.path, manifest, blobs)?;
        fs::set_permissions(&layout.path, Permissions::from_mode(0o555))?;
        Ok(layout)
    }
}

impl Layout {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        let remove = move || {
            if let Err(cause) = remove(&path) {
                tracing::warn!(%cause, path = %path.display(), "an old release could not be removed");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

fn lay_out(root: &Path, manifest: &Manifest, blobs: &Blobs) -> Result<(), BlobError> {
    blobs.fetch_all(&manifest.iter().map(|file| file.digest).collect::<Vec<_>>())?;
    let mut directories = Vec::new();
    for file in manifest {
        let path = root.join(file.path.as_str());
        if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
            fs::create_dir_all(parent)?;
            directories.push(parent.to_owned());
        }
        // A copy, not a link: whoever writes to it in spite of everything does not write to the blob.
        let mut from = blobs.open_file(&file.digest)?;
        let mut to = fs::File::create_new(&path)?;
        io::copy(&mut from, &mut to)?;
        let mode = if file.executable { 0o555 } else { 0o444 };
        to.set_permissions(Permissions::from_mode(mode))?;
    }
    for directory in directories.iter().flat_map(|directory| directory.ancestors()) {
        if directory != root && directory.starts_with(root) {
            fs::set_permissions(directory, Permissions::from_mode(0o555))?;
        }
    }
    Ok(())
}
